"""Records of the table's stream in DynamoDB's own form become changes of rows."""

from __future__ import annotations

import json

from lambdas.aws.stream import changes_in
from maskmill.core.table import Key
from tests.contract.test_events import payload


def test_a_change_has_the_row_before_and_after_in_the_products_types() -> None:
    change, _ = changes_in(json.loads(payload("table_stream")))
    assert change.key == Key("T#tenant-a#J#j1", "CHUNK#0000")
    assert change.before is not None
    assert change.before["items"] == {"0": {"s": "rendering", "a": 1, "t": 100}}
    assert change.after["ended"] == 1
    assert type(change.after["ended"]) is int


def test_a_new_row_has_no_row_before_and_a_removal_is_no_change() -> None:
    _, change = changes_in(json.loads(payload("table_stream")))
    assert (change.key.sk, change.before) == ("EXPORT#coco", None)
    assert change.after["tags"] == frozenset({"a", "b"})
    assert change.after["is_new"] is True
