"""A folder that Hugging Face's `imagefolder` reads: pictures, maps of classes, and a line for each; no store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from maskmill.core.export import Split
from maskmill.exports.archive import Member
from maskmill.exports.entries import Entry, labelled
from maskmill.exports.exporter import Content, Dataset, File, Needs
from maskmill.exports.objects import facts_of, objects_of
from maskmill.exports.owners import ClassMaps
from maskmill.exports.tally import Count


class ImagefolderExporter:
    """`<split>/<file>` as it is, `<split>/masks/<stem>.png` (classes from 1) and `<split>/metadata.jsonl`."""

    needs = Needs.PICTURE | Needs.RLES
    draws = True

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._maps = ClassMaps(classes)

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        for split in dataset.splits():
            yield Member(f"{split}/metadata.jsonl", partial(self._lines, dataset, split, count))

    def _lines(self, dataset: Dataset, split: Split, count: Count) -> Iterator[bytes]:
        pictures = (entry.picture for entry in dataset.entries(split))
        for picture, rles in labelled(pictures, dataset.rles(split)):
            entry, labels = Entry(picture, split), list(zip(picture.labels, rles, strict=True))
            for label, rle in labels:
                count.measure_exact(label, rle)
            line = {"file_name": entry.file, "mask_file_name": f"masks/{entry.stem}.png", **facts_of(entry)}
            yield json.dumps({**line, "objects": objects_of(labels)}, separators=(",", ":")).encode() + b"\n"

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        count.add(entry, entry.picture.labels)
        yield File(f"{entry.split}/{entry.file}", content.data)
        yield File(f"{entry.split}/masks/{entry.stem}.png", self._maps.png(entry, content, count))
