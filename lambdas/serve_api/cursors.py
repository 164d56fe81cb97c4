"""Pages of lists: signed cursors that name a position in one list of one tenant; it knows no resource.

A cursor is base64url of a seal and of the position after which the next page begins. The seal covers the tenant and
what tells the list from all others, its filters included, so a cursor of another list is none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from lambdas.serve_api.ports import Ports
from lambdas.serve_api.signing import SEAL_BYTES, Keyring
from maskmill.core.errors import Code, FieldFault, InvalidInput, Where
from maskmill.core.limits import PAGE_ITEMS_MAX
from maskmill.core.model import canonical_json
from maskmill.core.ports import Table
from maskmill.core.table import Query, Row

CURSOR_CHARS_MAX = 600
SCANNED_PAGES_MAX = 10

_CURSOR = re.compile(rf"[A-Za-z0-9_-]{{1,{CURSOR_CHARS_MAX}}}")
_NUMBER = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of one tenant: what makes its cursors and takes them back."""

    keyring: Keyring
    identity: tuple[str | None, ...]

    def after(self, cursor: str | None) -> str | None:
        """The position in a cursor; raises invalid_cursor for one that was not made for this list."""
        if cursor is None:
            return None
        data = _decoded(cursor)
        seal, position = data[:SEAL_BYTES], data[SEAL_BYTES:]
        if len(seal) < SEAL_BYTES or not self.keyring.opens(seal, self._sealed(position)):
            raise InvalidInput(Code.INVALID_CURSOR)
        return position.decode("utf-8")

    def cursor(self, position: str | None) -> str | None:
        """The cursor for going on after a position; none where the list ends."""
        if position is None:
            return None
        data = position.encode("utf-8")
        return _encoded(self.keyring.seal(self._sealed(data)) + data)

    def _sealed(self, position: bytes) -> bytes:
        return canonical_json(self.identity).encode("ascii") + position


def listing(ports: Ports, tenant: str, *identity: str | None) -> Listing:
    """A list of a tenant by all that tells it from others: its name, what it belongs to, and its filters."""
    return Listing(ports.keyring, (tenant, *identity))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decoded(cursor: str) -> bytes:
    """The bytes of a cursor; raises invalid_cursor for what `_encoded` cannot have made."""
    if not _CURSOR.fullmatch(cursor):
        raise InvalidInput(Code.INVALID_CURSOR)
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidInput(Code.INVALID_CURSOR) from error
    if _encoded(data) != cursor:
        raise InvalidInput(Code.INVALID_CURSOR)
    return data


def limit_of(text: str | None, *, default: int = PAGE_ITEMS_MAX, most: int = PAGE_ITEMS_MAX) -> int:
    """How many items a caller wants; raises invalid_request."""
    found = number_of("limit", text, least=1, most=most)
    return default if found is None else found


def number_of(name: str, text: str | None, *, least: int, most: int) -> int | None:
    """The number in a query parameter, where there is one; raises invalid_request."""
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        fault = FieldFault(pointer=f"/{name}", detail=f"a number from {least} to {most}", where=Where.QUERY)
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
