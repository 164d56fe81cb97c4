"""Rows between the product's types and DynamoDB's typed form; it knows no table and makes no call."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from maskmill.core.table import Key, Put


def wire(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's typed form; raises TypeError for one that no row holds (`maskmill.core.table`)."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": {name: wire(entry) for name, entry in value.items()}}
        case Set() if all(isinstance(entry, str) for entry in value):
            return {"SS": list(value)}
        case list() | tuple():
            return {"L": [wire(entry) for entry in value]}
        case None:
            return {"NULL": True}
    raise TypeError(f"no row holds a {type(value).__name__}")


def wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def wire_row(put: Put) -> dict[str, Any]:
    """A row that is to be written, with its key."""
    return {name: wire(value) for name, value in put.row.items()} | wire_key(put.key)


def row_of_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A row in the product's types, from DynamoDB's typed form; sets are frozen.

    Raises TypeError for a type, and ValueError for a number with a fraction, that no row holds.
    """
    return {name: _plain(typed) for name, typed in item.items()}


def _plain(typed: Mapping[str, Any]) -> Any:
    [(kind, value)] = typed.items()
    match kind:
        case "S" | "BOOL" | "B":
            return value
        case "N":
            return int(value)
        case "M":
            return row_of_item(value)
        case "SS":
            return frozenset(value)
        case "L":
            return [_plain(entry) for entry in value]
        case "NULL":
            return None
    raise TypeError(f"no row holds a value of type {kind}")
