"""Rows between the product's types and DynamoDB's typed form; it knows no table and makes no call."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

from maskmill.core.table import Key, Put

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def wire(value: Any) -> dict[str, Any]:
    """A value in DynamoDB's typed form."""
    return dict(_serializer.serialize(value))


def wire_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def wire_row(put: Put) -> dict[str, Any]:
    """A row that is to be written, with its key."""
    return {name: wire(value) for name, value in put.row.items()} | wire_key(put.key)


def row_of_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A row in the product's types, from DynamoDB's typed form."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """The product's types: whole numbers are integers, sets are frozen, bytes are bytes."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Binary):
        return value.value
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, set):
        return frozenset(value)
    return value
