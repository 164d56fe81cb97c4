"""What the real table refuses to hold: a row that breaks a bound of DynamoDB is a fault of whoever writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maskmill.core.errors import Code, MaskmillError
from maskmill.core.limits import ROWS_CREATED_MAX
from maskmill.core.table import Row

ROW_BYTES_MAX = 400 * 1024
TRANSACTION_BYTES_MAX = 4 * 1024**2
KEY_BYTES_MAX = {"pk": 2048, "sk": 1024}
DIGITS_MAX = 38
_NUMBER_BYTES, _ENTRY_BYTES = 21, 3  # at most, and of each value of a map


def check_row(row: Row) -> None:
    """Raises the error that the adapter gives when DynamoDB refuses a row."""
    for name, bytes_max in KEY_BYTES_MAX.items():
        if not 1 <= len(row[name].encode()) <= bytes_max:
            raise MaskmillError(Code.INTERNAL, detail=f"{name} is empty, or longer than {bytes_max} bytes")
    if _bytes(row) > ROW_BYTES_MAX:
        raise MaskmillError(Code.INTERNAL, detail=f"a row of more than {ROW_BYTES_MAX} bytes")


def check_created(rows: Sequence[Row]) -> None:
    """Raises the error that the adapter gives when DynamoDB refuses a transaction as a whole."""
    if len(rows) > ROWS_CREATED_MAX or len({(row["pk"], row["sk"]) for row in rows}) < len(rows):
        raise MaskmillError(Code.INTERNAL, detail=f"{len(rows)} rows at once, or two under one key")
    if sum(map(_bytes, rows)) > TRANSACTION_BYTES_MAX:
        raise MaskmillError(Code.INTERNAL, detail=f"rows of more than {TRANSACTION_BYTES_MAX} bytes at once")


def _bytes(value: Any) -> int:
    """About as much as DynamoDB counts for a value."""
    if isinstance(value, Mapping):
        return _ENTRY_BYTES + sum(len(name.encode()) + _bytes(one) + 1 for name, one in value.items())
    if isinstance(value, str | bytes):
        return len(value.encode() if isinstance(value, str) else value)
    if isinstance(value, set | frozenset):
        if not value:
            raise MaskmillError(Code.INTERNAL, detail="an empty set")
        return sum(map(_bytes, value))
    if isinstance(value, int) and len(str(abs(value))) > DIGITS_MAX:
        raise MaskmillError(Code.INTERNAL, detail="a number of too many digits")
    return _NUMBER_BYTES
