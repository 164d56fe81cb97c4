"""The writes of the schema stay inside DynamoDB's bounds, which moto does not keep."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lambdas.aws.expressions import Expressions
from maskmill.core import rows
from maskmill.core.image import Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import SHARD_ITEMS_MAX
from maskmill.core.rows import Ending, ItemState
from maskmill.core.table import Condition, Key, Op, Update

EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300

ALL = range(SHARD_ITEMS_MAX * 400 - SHARD_ITEMS_MAX, SHARD_ITEMS_MAX * 400)  # the last chunk of the largest job
LAST = [None, "1" * 24, "2" * 24]
SEEN = {index: ItemState(ItemStatus.PENDING, attempt=index % 3, request_id=LAST[index % 3]) for index in ALL}
LARGEST = [
    rows.lease_items(
        "t",
        "j",
        399,
        indices=ALL,
        seen=SEEN,
        attempt=3,
        request_id="0" * 24,
        now_s=1_800_000_000,
        lease_until_s=1_800_086_400,
    ),
    rows.mark_invoked(
        "t", "j", 399, indices=ALL, request_id="0" * 24, answer="s3://w/" + "a" * 200, failure="s3://w/f"
    ),
    rows.start_rendering("t", "j", 399, indices=ALL, now_s=1_800_000_000),
    rows.end_items(
        "t",
        "j",
        399,
        {index: Ending(ItemStatus.FAILED, Refusal(code="gave_up", message=f"no {index}")) for index in ALL},
        now_s=1_800_000_000,
        request_id="0" * 24,
    ),
    rows.note_repair("t", "j", 399, indices=ALL, seen=SEEN, now_s=1_800_000_000),
    rows.close_job("t", "j", status=JobStatus.SUCCEEDED, finished_at=datetime(2026, 1, 1, tzinfo=UTC), dataset_bytes=1),
]


@pytest.mark.parametrize("update", LARGEST, ids=["lease", "invoked", "rendering", "end", "repair", "close"])
def test_the_largest_writes_fit_into_an_expression(update: Update) -> None:
    expressions = Expressions()
    requirement, change = expressions.requirements(update), expressions.update(update)
    assert len(requirement) <= EXPRESSION_BYTES_MAX
    assert len(change) <= EXPRESSION_BYTES_MAX
    operators = sum(requirement.count(mark) for mark in (" AND ", " OR ", " IN ", " = ", " <= ", " <> ", "attribute_"))
    assert operators <= OPERATORS_MAX


def test_equal_names_and_values_are_sent_once_and_types_are_kept_apart() -> None:
    expressions = Expressions()
    update = Update(Key("p", "s"), set={("a", "x"): 1, ("b", "x"): 1, ("c",): True, ("d",): "1"})
    expressions.update(update)
    arguments = expressions.arguments()
    assert sorted(arguments["ExpressionAttributeNames"].values()) == ["a", "b", "c", "d", "x"]
    assert list(arguments["ExpressionAttributeValues"].values()) == [{"N": "1"}, {"BOOL": True}, {"S": "1"}]


def test_words_that_the_grammar_reserves_are_only_ever_names() -> None:
    expressions = Expressions()
    text = expressions.condition(Condition(("status", "items"), Op.EQUALS, "size"))
    assert text == "#0.#1 = :0"


def test_a_write_without_change_has_no_empty_parts() -> None:
    expressions = Expressions()
    assert expressions.update(Update(Key("p", "s"))) == ""
    assert "ExpressionAttributeValues" not in expressions.arguments()
