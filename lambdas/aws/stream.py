"""What the table's stream brings, parsed once into changes of rows; it knows no row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.aws.events import records_of, texts_of
from lambdas.aws.wire import row_of_item
from maskmill.core.table import Key, RowChange


def changes_in(event: Mapping[str, Any]) -> Iterator[RowChange]:
    """The writes that a batch tells of, in its order; removals are none. Raises ForeignEvent."""
    for record in records_of(event):
        told = texts_of(texts_of(record).get("dynamodb"))
        if "NewImage" in told:
            key = row_of_item(told["Keys"])
            before = row_of_item(told["OldImage"]) if "OldImage" in told else None
            yield RowChange(Key(key["pk"], key["sk"]), before, row_of_item(told["NewImage"]))
