"""YOLO segmentation: one row of points for each object, holes and parts included; it knows no store.

Points are shares of the picture's size, a quarter of a pixel inside of theirs: readers that round (supervision) and
readers that cut off the fraction (ultralytics) are on the same pixel again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from maskmill.core.export import Split
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.core.recipe import OutputFormat
from maskmill.core.result import EXTENSIONS, Label
from maskmill.exports.archive import Member
from maskmill.exports.conversion import as_jpeg
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content, Dataset, File, Needs, classes_of
from maskmill.exports.tally import Count
from maskmill.imaging.contours import Outline, outline_of

_INSIDE_PX = 0.25


class YoloExporter:
    """`images/<split>/`, `labels/<split>/<stem>.txt` and `data.yaml`; AVIF is written as JPEG, all else is copied."""

    needs = Needs.PICTURE | Needs.RLES
    draws = True

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = {name: number for number, name in enumerate(classes)}
        self._index = -1
        self._outlines: dict[str, tuple[Outline, str]] = {}

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        text = data_yaml(classes_of(dataset.recipe), dataset.splits()).encode()
        yield Member("data.yaml", lambda: (text,))

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        if entry.item.index != self._index:
            self._index, self._outlines = entry.item.index, {}
        written, rows = [], []
        for label, rle in content.of(entry.picture.labels):
            found, row = self._outline(label, rle)
            if len(found.points) == 0:
                count.losses["labels_dropped"] += 1
                continue
            count.measure(found.iou)
            count.losses["holes_lost"] += found.holes_lost
            written.append(label)
            rows.append(f"{self._classes[label.name]} {row}\n")
        count.add(entry, written)
        held, data = entry.format, content.data
        if held is OutputFormat.AVIF:
            held, data = OutputFormat.JPEG, as_jpeg(data, held, count)
        yield File(f"images/{entry.split}/{entry.stem}.{EXTENSIONS[held]}", data)
        yield File(f"labels/{entry.split}/{entry.stem}.txt", "".join(rows).encode())

    def _outline(self, label: Label, rle: Rle) -> tuple[Outline, str]:
        if label.object_id not in self._outlines:
            found = outline_of(rle)
            self._outlines[label.object_id] = found, _row(found, rle.size)
        return self._outlines[label.object_id]


def data_yaml(classes: tuple[str, ...], splits: tuple[Split, ...]) -> str:
    """The description that ultralytics asks for; it must name a set to validate with, even where there is none."""
    lines = ["path: .", *(f"{split}: images/{split}" for split in splits)]
    if Split.TRAIN not in splits and splits:
        lines.append(f"train: images/{splits[0]}  # the splits left no picture for training")
    if Split.VAL not in splits and splits:
        lines.append(f"val: images/{splits[0]}  # the splits left no picture for validation")
    names = (f"  {number}: {json.dumps(name)}" for number, name in enumerate(classes))
    return "\n".join([*lines, "names:", *names]) + "\n"


def _row(found: Outline, size: Size) -> str:
    shares = (found.points + _INSIDE_PX) / (size.width_px, size.height_px)
    return " ".join(f"{share:.6f}" for share in shares.ravel().tolist())
