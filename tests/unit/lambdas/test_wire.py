"""Values of rows go into DynamoDB's typed form and come back the same."""

from __future__ import annotations

from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.wire import row_of_item, wire

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**37), 10**37)
    | st.text()
    | st.binary()
    | st.frozensets(st.text(), min_size=1)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert row_of_item({"name": wire(value)}) == {"name": value}


@given(VALUES)
def test_the_sdk_reads_and_writes_the_same_form(value: Any) -> None:
    assert TypeDeserializer().deserialize(wire(value)) == value
    assert row_of_item({"name": TypeSerializer().serialize(value)}) == {"name": value}


@pytest.mark.parametrize("value", [1.5, {1, 2}, object()])
def test_what_no_row_holds_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        wire(value)


@pytest.mark.parametrize(("typed", "error"), [({"NS": ["1"]}, TypeError), ({"N": "1.5"}, ValueError)])
def test_what_no_row_holds_is_not_read(typed: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        row_of_item({"name": typed})
