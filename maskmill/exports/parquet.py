"""Parquet that Hugging Face's `datasets` reads with pictures and labels in it; it knows no store.

It needs pyarrow, which is loaded when this module is: only the function that writes exports has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from maskmill.exports.archive import Writer
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content
from maskmill.exports.objects import facts_of, objects_of
from maskmill.exports.owners import ClassMaps
from maskmill.exports.tally import Count

GROUP_ROWS_MAX = 100  # as `datasets` writes pictures, so that single rows can be read
GROUP_BYTES_MAX = 64 * 1024**2

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_COLUMNS: dict[str, tuple[Any, Any]] = {
    "image": (_PICTURE, {"_type": "Image"}),
    "mask": (_PICTURE, {"_type": "Image"}),
    "name": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "kind": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "group_id": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "image_name": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "width": (pa.int64(), {"dtype": "int64", "_type": "Value"}),
    "height": (pa.int64(), {"dtype": "int64", "_type": "Value"}),
    "objects": (
        pa.struct(
            [
                ("category", pa.list_(pa.string())),
                ("bbox", pa.list_(pa.list_(pa.int64()))),
                ("area", pa.list_(pa.int64())),
                ("score", pa.list_(pa.float64())),
                (
                    "segmentation",
                    pa.list_(pa.struct([("size", pa.list_(pa.int64())), ("counts", pa.string())])),
                ),
            ]
        ),
        {
            "category": [{"dtype": "string", "_type": "Value"}],
            "bbox": [[{"dtype": "int64", "_type": "Value"}]],
            "area": [{"dtype": "int64", "_type": "Value"}],
            "score": [{"dtype": "float64", "_type": "Value"}],
            "segmentation": [
                {"size": [{"dtype": "int64", "_type": "Value"}], "counts": {"dtype": "string", "_type": "Value"}}
            ],
        },
    ),
}
_FEATURES = {"info": {"features": {name: feature for name, (_, feature) in _COLUMNS.items()}}}
SCHEMA = pa.schema(
    [(name, kind) for name, (kind, _) in _COLUMNS.items()], metadata={"huggingface": json.dumps(_FEATURES)}
)


def rows_of(
    contents: Iterable[tuple[Entry, Content]], classes: tuple[str, ...], count: Count
) -> Iterator[dict[str, Any]]:
    """A row for each picture, which is counted; pictures are as the store holds them."""
    maps = ClassMaps(classes)
    for entry, content in contents:
        labels = content.of(entry.picture.labels)
        for label, rle in labels:
            count.measure_exact(label, rle)
        count.add(entry, entry.picture.labels)
        yield {
            "image": {"bytes": content.data, "path": entry.file},
            "mask": {"bytes": maps.png(entry, content, count), "path": f"{entry.stem}.png"},
            **facts_of(entry),
            "objects": objects_of(labels),
        }


def write_parquet(rows: Iterable[dict[str, Any]], out: Writer) -> None:
    """A table of all rows in groups of a bounded size."""
    with pq.ParquetWriter(_Output(out), SCHEMA, compression="snappy", store_schema=True) as writer:
        group: list[dict[str, Any]] = []
        size_bytes = 0
        for row in rows:
            group.append(row)
            size_bytes += len(row["image"]["bytes"]) + len(row["mask"]["bytes"])
            if len(group) == GROUP_ROWS_MAX or size_bytes >= GROUP_BYTES_MAX:
                writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA), row_group_size=len(group))
                group, size_bytes = [], 0
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA), row_group_size=len(group))


class _Output:
    """The writer as a file that can only be written, as pyarrow wants it."""

    closed = False

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._size_bytes = 0

    def write(self, data: bytes) -> int:
        self._out.write(bytes(data))
        self._size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size_bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The writer belongs to the caller."""
