"""The table port on DynamoDB; it knows the two keys and the two indexes, and nothing of what rows mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws import many_rows
from lambdas.aws.expressions import Expressions
from lambdas.aws.faults import code_of, translated
from lambdas.aws.wire import row_of_item, wire, wire_key, wire_row
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.table import Delete, Index, Key, Page, Put, Query, Row, RowConflict, Update, Write

INDEX_KEYS = {Index.DUE: ("due_pk", "due_at"), Index.RECENT: ("recent_pk", "recent_at")}
_REFUSED = "ConditionalCheckFailedException"


class DynamoTable:
    """One DynamoDB table with keys `pk` and `sk` and the indexes `due` and `recent`."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Row | None:
        with translated("GetItem"):
            answer = self._client.get_item(TableName=self._name, Key=wire_key(key), ConsistentRead=True)
        return row_of_item(answer["Item"]) if "Item" in answer else None

    def query(self, query: Query) -> Page:
        request = _query_request(query) | {
            "TableName": self._name,
            "Limit": query.limit,
            "ScanIndexForward": not query.descending,
        }
        with translated("Query"):
            try:
                answer = self._client.query(**request)
            except ClientError as error:
                if query.after is not None and code_of(error) == "ValidationException":
                    raise InvalidInput(Code.INVALID_CURSOR, detail="the table refused the position") from error
                raise
        rows = tuple(row_of_item(item) for item in answer["Items"])
        last = answer.get("LastEvaluatedKey")
        return Page(rows=rows, after=_position(query, row_of_item(last)) if last else None)

    def write(self, write: Write) -> Row:
        if isinstance(write, Put):
            return self._put(write)
        if isinstance(write, Update):
            return self._update(write)
        return self._delete(write)

    def get_all(self, keys: Sequence[Key]) -> list[Row | None]:
        found = many_rows.read(self._client, self._name, keys)
        return [found.get(key) for key in keys]

    def create_all(self, puts: Sequence[Put]) -> None:
        if len(puts) == 1:
            self._put(puts[0])  # at half the price of a transaction
        elif puts:
            many_rows.create(self._client, self._name, puts)

    def _put(self, put: Put) -> Row:
        self._guarded(
            self._client.put_item, put.key, Item=wire_row(put), ConditionExpression="attribute_not_exists(pk)"
        )
        return {**put.row, "pk": put.key.pk, "sk": put.key.sk}

    def _update(self, update: Update) -> Row:
        expressions = Expressions()
        arguments: dict[str, Any] = {"ConditionExpression": expressions.requirements(update)}
        change = expressions.update(update)
        if change:
            arguments["UpdateExpression"] = change
        answer = self._guarded(
            self._client.update_item,
            update.key,
            Key=wire_key(update.key),
            ReturnValues="ALL_NEW",
            **arguments,
            **expressions.arguments(),
        )
        return row_of_item(answer["Attributes"])

    def _delete(self, delete: Delete) -> Row:
        expressions = Expressions()
        arguments: dict[str, Any] = {}
        if delete.must_exist:
            arguments["ConditionExpression"] = expressions.requirements(delete)
        elif delete.require:
            arguments["ConditionExpression"] = expressions.absence_or(delete.require)
        self._guarded(
            self._client.delete_item, delete.key, Key=wire_key(delete.key), **arguments, **expressions.arguments()
        )
        return {}

    def _guarded(self, perform: Callable[..., Mapping[str, Any]], key: Key, **arguments: Any) -> Mapping[str, Any]:
        with translated("conditional write"):
            try:
                return perform(TableName=self._name, ReturnValuesOnConditionCheckFailure="ALL_OLD", **arguments)
            except ClientError as error:
                if code_of(error) != _REFUSED:
                    raise
                current = error.response.get("Item")
                raise RowConflict(key, row_of_item(current) if current else None) from error


def _query_request(query: Query) -> dict[str, Any]:
    if query.index is not None:
        return _index_request(query, query.index)
    request: dict[str, Any] = {
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": query.pk}},
    }
    if query.prefix:
        request["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
        request["ExpressionAttributeValues"][":prefix"] = {"S": query.prefix}
    if query.after is not None:
        if not query.after.startswith(query.prefix):
            raise InvalidInput(Code.INVALID_CURSOR, detail="the position lies outside of the list")
        request["ExclusiveStartKey"] = wire_key(Key(query.pk, query.after))
    return request


def _index_request(query: Query, index: Index) -> dict[str, Any]:
    partition, order = INDEX_KEYS[index]
    request: dict[str, Any] = {
        "IndexName": index.value,
        "KeyConditionExpression": f"{partition} = :pk",
        "ExpressionAttributeValues": {":pk": {"S": query.pk}},
    }
    if query.at_most is not None:
        request["KeyConditionExpression"] += f" AND {order} <= :at_most"
        request["ExpressionAttributeValues"][":at_most"] = wire(query.at_most)
    if query.after is not None:
        at, key = _parse_position(query.after, int if index is Index.DUE else str)
        request["ExclusiveStartKey"] = {partition: {"S": query.pk}, order: wire(at), **wire_key(key)}
    return request


def _position(query: Query, last: Mapping[str, Any]) -> str:
    """Where a page ended; it never names the partition of the query, which the next query names itself."""
    if query.index is None:
        return str(last["sk"])
    return json.dumps([last[INDEX_KEYS[query.index][1]], last["pk"], last["sk"]], separators=(",", ":"))


def _parse_position(after: str, kind: type) -> tuple[int | str, Key]:
    try:
        position = json.loads(after)
        at, pk, sk = position
    except (ValueError, TypeError) as error:
        raise InvalidInput(Code.INVALID_CURSOR, detail="not a position of an index") from error
    if not (isinstance(at, int | str) and type(at) is kind and isinstance(pk, str) and isinstance(sk, str)):
        raise InvalidInput(Code.INVALID_CURSOR, detail="not a position of this index")
    if not isinstance(position, list) or not f"{at}{pk}{sk}".isascii():  # half a character would fail the whole call
        raise InvalidInput(Code.INVALID_CURSOR, detail="not a position that was handed out")
    return at, Key(pk, sk)
