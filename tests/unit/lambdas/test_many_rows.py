"""Batches that are answered in part, and transactions that are cancelled: what moto never does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.aws import many_rows
from lambdas.aws.table import DynamoTable
from maskmill.core.errors import MaskmillError, Unavailable
from maskmill.core.table import Key, Put, RowConflict

KEYS = [Key("p", str(number)) for number in range(5)]
PUTS = [Put(key, {"n": 1}) for key in KEYS]


class Slow:
    """A client that serves at most `share` rows of each request; `asked` counts the rows of every request."""

    def __init__(self, share: int) -> None:
        self.share = share
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        asked = RequestItems["t"]
        assert asked["ConsistentRead"] is True
        keys = asked["Keys"]
        self.asked.append(len(keys))
        left = {"t": {**asked, "Keys": keys[self.share :]}} if keys[self.share :] else {}
        return {"Responses": {"t": keys[: self.share]}, "UnprocessedKeys": left}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were taken, which take no time."""
    taken: list[float] = []
    monkeypatch.setattr("lambdas.aws.many_rows.time.sleep", taken.append)
    return taken


def test_what_was_left_out_is_asked_for_again_after_a_growing_pause(pauses: list[float]) -> None:
    reading = Slow(2)
    assert [row and row["sk"] for row in DynamoTable(reading, "t").get_all(KEYS)] == ["0", "1", "2", "3", "4"]
    assert reading.asked == [5, 3, 1]
    assert pauses == [many_rows.PAUSE_S, 2 * many_rows.PAUSE_S]


def test_what_is_left_out_again_and_again_fails_the_caller() -> None:
    reading = Slow(0)
    with pytest.raises(Unavailable, match="5 of 5 rows were not read"):
        DynamoTable(reading, "t").get_all(KEYS)
    assert reading.asked == [5] * many_rows.ASKED_MAX


class Cancelling:
    """A client whose transactions are cancelled for these reasons."""

    def __init__(self, *reasons: dict[str, Any]) -> None:
        self.reasons = list(reasons)

    def transact_write_items(self, **_asked: Any) -> None:
        answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": self.reasons}
        raise ClientError(answer, "TransactWriteItems")


NONE = {"Code": "None"}


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_met_others_may_come_through_later(code: str) -> None:
    table = DynamoTable(Cancelling(NONE, {"Code": code}), "t")
    with pytest.raises(Unavailable, match=code):
        table.create_all(PUTS[:2])


def test_a_row_that_is_there_says_more_than_one_that_is_busy() -> None:
    there = {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "p"}, "sk": {"S": "1"}, "n": {"N": "7"}}}
    table = DynamoTable(Cancelling({"Code": "TransactionConflict"}, there), "t")
    with pytest.raises(RowConflict) as conflict:
        table.create_all(PUTS[:2])
    assert (conflict.value.key, conflict.value.current) == (KEYS[1], {"pk": "p", "sk": "1", "n": 7})


def test_a_row_that_is_there_and_was_not_shown_is_a_conflict_all_the_same() -> None:
    with pytest.raises(RowConflict) as conflict:
        DynamoTable(Cancelling(NONE, {"Code": "ConditionalCheckFailed"}), "t").create_all(PUTS[:2])
    assert (conflict.value.key, conflict.value.current) == (KEYS[1], None)


@pytest.mark.parametrize("reasons", [(), (NONE, {"Code": "ValidationError"})])
def test_a_transaction_that_can_never_come_through_is_a_fault_of_ours(reasons: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(MaskmillError) as caught:
        DynamoTable(Cancelling(*reasons), "t").create_all(PUTS[:2])
    assert type(caught.value) is MaskmillError
