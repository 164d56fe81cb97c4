"""A condition on keys that is turned into a comparison matches what the emulator's own evaluation matches."""

from __future__ import annotations

import pytest

from local.emulator.patches.known_texts import matching
from local.emulator.patches.stream_readers import window_s

ROWS = [
    {"pk": {"S": "job"}, "sk": {"S": key}, "due": {"N": due}} for key, due in (("a#1", "5"), ("a#2", "10"), ("b", "7"))
]
PK = (("IDENT", "pk"), ("EQ", "="), ("VALUE_REF", ":pk"))
AND = (("IDENT", "AND"),)
BEGINS = (
    ("IDENT", "begins_with"),
    ("LPAREN", "("),
    ("IDENT", "sk"),
    ("COMMA", ","),
    ("VALUE_REF", ":p"),
    ("RPAREN", ")"),
)
AT_MOST = (("NAME_REF", "#due"), ("LE", "<="), ("VALUE_REF", ":most"))
VALUES = {":pk": {"S": "job"}, ":p": {"S": "a#"}, ":most": {"N": "7"}}


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        (PK, ["a#1", "a#2", "b"]),
        (PK + AND + BEGINS, ["a#1", "a#2"]),
        (PK + AND + AT_MOST, ["a#1", "b"]),
    ],
)
def test_a_simple_condition_is_a_comparison(tokens: tuple[tuple[str, str], ...], found: list[str]) -> None:
    matches = matching(tokens, VALUES, {"#due": "due"})
    assert matches is not None
    assert [row["sk"]["S"] for row in ROWS if matches(row)] == found


def test_a_row_without_the_attribute_or_of_another_type_does_not_match() -> None:
    matches = matching(AT_MOST, VALUES, {"#due": "due"})
    assert matches is not None
    assert not matches({"pk": {"S": "job"}})
    assert not matches({"due": {"S": "3"}})


@pytest.mark.parametrize(
    "tokens",
    [
        (*PK, *AND, ("IDENT", "sk"), ("IDENT", "BETWEEN"), ("VALUE_REF", ":p"), *AND, ("VALUE_REF", ":p")),
        (("IDENT", "size"), ("LPAREN", "("), ("IDENT", "sk"), ("RPAREN", ")"), ("EQ", "="), ("VALUE_REF", ":most")),
        (("IDENT", "pk"), ("EQ", "="), ("VALUE_REF", ":missing")),
        (("NAME_REF", "#missing"), ("EQ", "="), ("VALUE_REF", ":pk")),
    ],
)
def test_any_other_condition_is_left_to_the_emulator(tokens: tuple[tuple[str, str], ...]) -> None:
    assert matching(tokens, VALUES, {}) is None


def test_changes_gather_as_long_as_the_mapping_of_a_stream_says() -> None:
    stream = {"EventSourceArn": "arn:aws:dynamodb:r:a:table/t/stream/1", "MaximumBatchingWindowInSeconds": 2}
    queue = {"EventSourceArn": "arn:aws:sqs:r:a:q", "MaximumBatchingWindowInSeconds": 0}
    assert window_s([queue, stream]) == 2.0
    assert window_s([queue]) == 0.0
    assert window_s([{**stream, "MaximumBatchingWindowInSeconds": None}]) == 0.0
