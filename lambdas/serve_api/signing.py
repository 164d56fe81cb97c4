"""Seals that only this service can make: a keyed hash under a secret of the table; it knows nothing of what is sealed.

The secret is a row, drawn by whoever first needs it, so it costs nothing while nobody calls and lies in no settings.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from maskmill.core import rows
from maskmill.core.ports import Table
from maskmill.core.table import Row, RowConflict

_NUMBER_BYTES = 2
_HASH_BYTES = 16
SEAL_BYTES = _NUMBER_BYTES + _HASH_BYTES
_FIRST = 1


class Keyring:
    """The service's signing keys by number, read once in a process. New seals take the key of the highest number.

    A seal names its key, so that those of an older key hold as long as its row does.
    """

    def __init__(self, table: Table, *, draw: Callable[[], bytes]) -> None:
        self._table = table
        self._draw = draw
        self._newest: int | None = None
        self._secrets: dict[int, bytes] = {}

    def seal(self, data: bytes) -> bytes:
        """The number of the key and a keyed hash: `SEAL_BYTES` bytes."""
        number = self._number()
        return number.to_bytes(_NUMBER_BYTES) + _hash(self._secrets[number], data)

    def opens(self, seal: bytes, data: bytes) -> bool:
        """Whether this service made the seal for this data."""
        secret = self._secret(int.from_bytes(seal[:_NUMBER_BYTES]))
        return secret is not None and hmac.compare_digest(_hash(secret, data), seal[_NUMBER_BYTES:])

    def _number(self) -> int:
        if self._newest is None:
            found = self._table.query(rows.newest_signing_key()).rows
            row = found[0] if found else self._first()
            self._newest, secret = rows.signing_key_of(row)
            self._secrets[self._newest] = secret
        return self._newest

    def _first(self) -> Row:
        """The first key, drawn here or by another process a moment ago."""
        try:
            return self._table.write(rows.put_signing_key(_FIRST, self._draw()))
        except RowConflict as conflict:
            if conflict.current is None:
                raise
            return conflict.current

    def _secret(self, number: int) -> bytes | None:
        if number not in self._secrets:
            row = self._table.get(rows.signing_key_key(number))
            if row is None:
                return None
            _, self._secrets[number] = rows.signing_key_of(row)
        return self._secrets[number]


def _hash(secret: bytes, data: bytes) -> bytes:
    return hmac.new(secret, data, hashlib.sha256).digest()[:_HASH_BYTES]
