"""Probes of DynamoDB."""

from __future__ import annotations

import time
from typing import Any

from tests.contract import aws
from tests.contract.clouds import AwsCloud
from tests.contract.probes import Probe, outcome

GUIDE = "docs.aws.amazon.com/amazondynamodb/latest/developerguide"
API = "docs.aws.amazon.com/amazondynamodb/latest/APIReference"
KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
NEW = "attribute_not_exists(pk)"


class _Made:
    """A new table, with calls that name it."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._name = cloud.fresh("table")
        self._client = cloud.service("dynamodb")
        aws.make_table(self._client, self._name)

    def put(self, item: dict[str, Any], **more: Any) -> Any:
        return self._client.put_item(TableName=self._name, Item={**KEY, **item}, **more)

    def update(self, expression: str, value: dict[str, Any], **more: Any) -> Any:
        return self._client.update_item(
            TableName=self._name,
            Key=KEY,
            UpdateExpression=expression,
            ExpressionAttributeValues={":v": value},
            **more,
        )

    def get(self) -> dict[str, Any]:
        return dict(self._client.get_item(TableName=self._name, Key=KEY, ConsistentRead=True).get("Item", {}))

    def query(self, **more: Any) -> dict[str, Any]:
        values = {":pk": {"S": "a"}}
        return dict(
            self._client.query(
                TableName=self._name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=values,
                **more,
            )
        )


def _second_put(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put({"n": {"N": "1"}}, ConditionExpression=NEW)
    try:
        made.put({"n": {"N": "2"}}, ConditionExpression=NEW, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except made._client.exceptions.ConditionalCheckFailedException as error:
        return f"refused with {error.response['Item']['n']['N']}, kept {made.get()['n']['N']}"
    return "replaced"


def _refused_with_nothing(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    try:
        made.update("SET n = :v", {"N": "1"}, ConditionExpression="attribute_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD")  # fmt: skip
    except made._client.exceptions.ConditionalCheckFailedException as error:
        return f"refused with {error.response.get('Item')}, kept {made.get()}"
    return "made"


def _same_write_twice(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put({})
    for _ in range(2):
        made.update("ADD n :v", {"N": "1"})
    return made.get()["n"]["N"]


def _expired(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made._client.update_time_to_live(
        TableName=made._name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )
    made.put({"expires_at": {"N": str(int(time.time()) - 10)}})
    return "readable" if made.get() else "gone"


def _missing_parent(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put({})
    return outcome(lambda: made.update("SET items.a = :v", {"N": "1"}))


def _foreign_position(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put({})
    position = {"pk": {"S": "b"}, "sk": {"S": "1"}}
    return outcome(lambda: made.query(ExclusiveStartKey=position))


def _long_page(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    for number in range(4):
        made.put({"sk": {"S": str(number)}, "text": {"S": "x" * 350_000}})
    page = made.query()
    return f"{len(page['Items'])} rows, {'more' if 'LastEvaluatedKey' in page else 'no more'}"


def _order(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    for name in ("é", "a", "Z", "\uffff", "𝄞"):
        made.put({"sk": {"S": name}})
    return " ".join(row["sk"]["S"].replace("\uffff", "ffff") for row in made.query()["Items"])


def _index_holds(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.put({"due_pk": {"S": "DUE"}})
    answer = made._client.query(
        TableName=made._name, IndexName="due", KeyConditionExpression="due_pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "DUE"}},
    )  # fmt: skip
    return f"{len(answer['Items'])} rows"


def _expression(cloud: AwsCloud) -> str:
    made, terms = _Made(cloud), " AND ".join(["attribute_exists(pk)"] * 200)
    made.put({})
    return outcome(lambda: made.update("SET n = :v", {"N": "1"}, ConditionExpression=terms))


def _consistent_index(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    return outcome(
        lambda: made._client.query(
            TableName=made._name, IndexName="due", KeyConditionExpression="due_pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "DUE"}}, ConsistentRead=True,
        )
    )  # fmt: skip


INVALID = "ValidationException"
PROBES = (
    Probe("second put under a condition", "a put never replaces", "refused with 1, kept 1",
          f"{API}/API_PutItem.html#DDB-PutItem-request-ReturnValuesOnConditionCheckFailure", _second_put),
    Probe("update of a missing row under a condition", "an update needs a row", "refused with None, kept {}",
          f"{API}/API_UpdateItem.html#DDB-UpdateItem-request-ConditionExpression", _refused_with_nothing),
    Probe("the same addition twice", "a write that is not conditional counts twice: only conditional ones may be sent again",
          "2", f"{GUIDE}/WorkingWithItems.html#WorkingWithItems.AtomicCounters", _same_write_twice),
    Probe("row past its time to live", "expiry is compared by the reader, never inferred from absence", "readable",
          f"{GUIDE}/ttl-expired-items.html", _expired),
    Probe("set below a map that is not there", "a chunk's items are written with the chunk", INVALID,
          f"{GUIDE}/Expressions.UpdateExpressions.html#Expressions.UpdateExpressions.SET", _missing_parent),
    Probe("number of 40 digits", "numbers of rows have fewer than 20 digits", INVALID,
          f"{GUIDE}/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.Number",
          lambda cloud: outcome(lambda: _Made(cloud).put({"n": {"N": "9" * 40}}))),
    Probe("row of more than 400 KB", "long values go into objects", INVALID, f"{GUIDE}/Constraints.html#limits-items",
          lambda cloud: outcome(lambda: _Made(cloud).put({"text": {"S": "x" * 410_000}}))),
    Probe("empty sort key", "ids are never empty", INVALID, f"{GUIDE}/Constraints.html#limits-partition-sort-keys",
          lambda cloud: outcome(lambda: _Made(cloud).put({"sk": {"S": ""}}))),
    Probe("sort key of more than 1024 bytes", "names of users are in no key", INVALID,
          f"{GUIDE}/Constraints.html#limits-partition-sort-keys",
          lambda cloud: outcome(lambda: _Made(cloud).put({"sk": {"S": "x" * 1025}}))),
    Probe("index attribute of the wrong type", "due_at is a number", INVALID, f"{API}/API_PutItem.html",
          lambda cloud: outcome(lambda: _Made(cloud).put({"due_pk": {"S": "DUE"}, "due_at": {"S": "5"}}))),
    Probe("empty string set", "a set that would be empty is left out", INVALID,
          f"{GUIDE}/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.SetTypes",
          lambda cloud: outcome(lambda: _Made(cloud).put({"tags": {"SS": []}}))),
    Probe("row with one of two index attributes", "rows that are not due are in no index", "0 rows",
          f"{GUIDE}/GSI.html", _index_holds),
    Probe("consistent read of an index", "indexes may be stale, so rows are read again", INVALID, f"{API}/API_Query.html",
          _consistent_index),
    Probe("position outside of the query", "a foreign cursor is refused", INVALID, f"{API}/API_Query.html",
          _foreign_position),
    Probe("page of more than 1 MB", "a page may be shorter than its limit", "2 rows, more",
          f"{GUIDE}/Query.Pagination.html", _long_page),
    Probe("order of sort keys", "ids sort by their bytes", "Z a é ffff 𝄞",
          f"{GUIDE}/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.String", _order),
    Probe("expression of more than 4 KB", "writes of a full chunk are bounded by a unit test", INVALID,
          f"{GUIDE}/Constraints.html#limits-expression-parameters", _expression),
)  # fmt: skip
