"""The rows of the secrets that all processes of the service share; it knows nothing of what they sign."""

from __future__ import annotations

from maskmill.core.table import Key, Put, Query, Row

SYSTEM_PK = "SYSTEM"
_PREFIX = "SIGNING#"


def signing_key_key(number: int) -> Key:
    """The address of a signing key; numbers are padded, so that the rows lie in their order."""
    return Key(SYSTEM_PK, f"{_PREFIX}{number:03d}")


def newest_signing_key() -> Query:
    """The key to sign with: the one of the highest number. Putting the next number rotates it."""
    return Query(pk=SYSTEM_PK, prefix=_PREFIX, descending=True, limit=1)


def put_signing_key(number: int, secret: bytes) -> Put:
    return Put(signing_key_key(number), {"number": number, "secret": secret.hex()})


def signing_key_of(row: Row) -> tuple[int, bytes]:
    """The number of a signing key and its secret."""
    return row["number"], bytes.fromhex(row["secret"])
