"""Many rows of the table in one request: DynamoDB's batches and transactions; it knows no row.

A batch may be answered in part: the rest is asked for again, after a pause and within a bound.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, is_busy_code, translated
from lambdas.aws.wire import row_of_item, wire_key, wire_row
from maskmill.core.errors import Unavailable
from maskmill.core.limits import ROWS_READ_MAX
from maskmill.core.table import Key, Put, Row, RowConflict

ASKED_MAX = 6  # times for one batch; an answer ends at 16 MB, which is a hundred rows of 400 KB asked for three times
PAUSE_S = 0.05  # before the second time, and twice as long before each further one

Named = TypeVar("Named", Key, Put)

_CANCELLED = "TransactionCanceledException"
_EXISTS = "ConditionalCheckFailed"
_PASSING = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"})


def read(client: Any, table: str, keys: Sequence[Key]) -> dict[Key, Row]:
    """The rows that there are under these keys; raises Unavailable."""
    found: dict[Key, Row] = {}
    for batch in _batches(list(dict.fromkeys(keys)), ROWS_READ_MAX):
        waiting: dict[str, Any] = {table: {"Keys": [wire_key(key) for key in batch], "ConsistentRead": True}}
        for _ in _times():
            with translated("BatchGetItem"):
                answer = client.batch_get_item(RequestItems=waiting)
            rows = map(row_of_item, answer["Responses"].get(table, ()))
            found |= {Key(row["pk"], row["sk"]): row for row in rows}
            waiting = answer.get("UnprocessedKeys", {})
            if not waiting:
                break
        else:
            raise Unavailable(detail=f"BatchGetItem: {len(waiting[table]['Keys'])} of {len(batch)} rows were not read")
    return found


def _batches(named: Sequence[Named], most: int) -> Iterator[Sequence[Named]]:
    for start in range(0, len(named), most):
        yield named[start : start + most]


def _times() -> Iterator[int]:
    """The times that a batch is asked for, with a growing pause between them."""
    for number in range(ASKED_MAX):
        if number:
            time.sleep(PAUSE_S * 2 ** (number - 1))
        yield number


def create(client: Any, table: str, puts: Sequence[Put]) -> None:
    """Create all rows or none; raises RowConflict where one exists, and Unavailable where others are at them."""
    items = [
        {
            "Put": {
                "TableName": table,
                "Item": wire_row(put),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        for put in puts
    ]
    with translated("TransactWriteItems"):
        try:
            client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if code_of(error) == _CANCELLED:
                _raise_why(error, puts)
            raise


def _raise_why(error: ClientError, puts: Sequence[Put]) -> None:
    """The reason that stands for a cancelled transaction: a row that is there says more than one that is busy."""
    reasons = error.response.get("CancellationReasons", ())
    for put, reason in zip(puts, reasons, strict=False):
        if reason.get("Code") == _EXISTS:
            current = reason.get("Item")
            raise RowConflict(put.key, row_of_item(current) if current else None) from error
    codes = {str(reason.get("Code")) for reason in reasons} - {"None"}
    if codes and all(code in _PASSING or is_busy_code(code) for code in codes):
        raise Unavailable(detail=f"TransactWriteItems: {', '.join(sorted(codes))}") from error
