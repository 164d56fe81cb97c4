"""Pages of lists: cursors that name a position and never a partition; it knows no resource.

A cursor is base64url of what follows the list's own prefix, so that it can only ever mean a place in that list.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import replace

from maskmill.core.errors import Code, FieldFault, InvalidInput
from maskmill.core.limits import PAGE_ITEMS_MAX
from maskmill.core.ports import Table
from maskmill.core.table import Query, Row

CURSOR_CHARS_MAX = 600
SCANNED_PAGES_MAX = 10

_CURSOR = re.compile(rf"[A-Za-z0-9_-]{{1,{CURSOR_CHARS_MAX}}}")
_SUFFIX = re.compile(r"[A-Za-z0-9]{1,64}")
_LIMIT = re.compile(r"[0-9]{1,4}")


def encode(position: str) -> str:
    """An opaque cursor for a position."""
    return base64.urlsafe_b64encode(position.encode()).decode("ascii").rstrip("=")


def decode(cursor: str) -> str:
    """The position in a cursor; raises invalid_cursor for what `encode` cannot have made."""
    if not _CURSOR.fullmatch(cursor):
        raise InvalidInput(Code.INVALID_CURSOR)
    try:
        position = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8")
    except ValueError as error:
        raise InvalidInput(Code.INVALID_CURSOR) from error
    if encode(position) != cursor:
        raise InvalidInput(Code.INVALID_CURSOR)
    return position


def after_of(cursor: str | None, prefix: str) -> str | None:
    """The sort key that a cursor of a list of `prefix` rows stands for."""
    if cursor is None:
        return None
    suffix = decode(cursor)
    if not _SUFFIX.fullmatch(suffix):
        raise InvalidInput(Code.INVALID_CURSOR)
    return prefix + suffix


def cursor_of(sort_key: str | None, prefix: str) -> str | None:
    """The cursor for going on after a row of a list of `prefix` rows."""
    return None if sort_key is None else encode(sort_key.removeprefix(prefix))


def limit_of(text: str | None, *, default: int = PAGE_ITEMS_MAX, most: int = PAGE_ITEMS_MAX) -> int:
    """How many items a caller wants; raises invalid_request."""
    if text is None:
        return default
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= most:
        fault = FieldFault(pointer="/limit", detail=f"the query parameter is a number from 1 to {most}")
        raise InvalidInput(faults=(fault,))
    return int(text)


def page_of(
    table: Table, query: Query, *, limit: int, keep: Callable[[Row], bool] | None = None
) -> tuple[list[Row], str | None]:
    """Up to `limit` rows of a partition and the sort key to go on after, if there may be more.

    With `keep`, rows are looked at up to a bound: a page may then be short, or empty, and still have a next one.
    """
    step = limit + 1 if keep is None else PAGE_ITEMS_MAX
    found: list[Row] = []
    after = query.after
    for _ in range(SCANNED_PAGES_MAX):
        page = table.query(replace(query, after=after, limit=step))
        for position, row in enumerate(page.rows, start=1):
            if keep is None or keep(row):
                found.append(row)
            if len(found) == limit:
                is_last = position == len(page.rows) and page.after is None
                return found, None if is_last else str(row["sk"])
        after = page.after
        if after is None:
            return found, None
    return found, after
