"""WebDataset: tar shards whose samples all have the same members; it knows no store.

Hugging Face's reader refuses shards whose pictures have different file extensions, so all pictures get the format of
the variants: sources are written so without a change of a pixel where that format can.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator

from maskmill.core.recipe import OutputFormat, Recipe
from maskmill.core.result import EXTENSIONS
from maskmill.exports.archive import Member, Writer
from maskmill.exports.conversion import as_jpeg, as_webp
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content, Dataset, File, Needs
from maskmill.exports.objects import facts_of, objects_of
from maskmill.exports.owners import ClassMaps
from maskmill.exports.tally import Count

_BLOCK = 512


class WebdatasetExporter:
    """`<key>.image.<ext>`, `<key>.mask.png` (classes from 1) and `<key>.json` for each picture."""

    needs = Needs.PICTURE | Needs.RLES
    draws = True

    def __init__(self, classes: tuple[str, ...], recipe: Recipe) -> None:
        self._maps = ClassMaps(classes)
        self._format = _shared_format(recipe)

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        return iter(())

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        labels = content.of(entry.picture.labels)
        for label, rle in labels:
            count.measure_exact(label, rle)
        count.add(entry, entry.picture.labels)
        key = entry.stem.replace(".", "%2E")  # a sample's key ends at its first dot
        record = {"__key__": key, **facts_of(entry), "objects": objects_of(labels)}
        yield File(f"{key}.image.{EXTENSIONS[self._format]}", self._picture(entry, content.data, count))
        yield File(f"{key}.json", json.dumps(record, separators=(",", ":")).encode())
        yield File(f"{key}.mask.png", self._maps.png(entry, content, count))

    def _picture(self, entry: Entry, data: bytes, count: Count) -> bytes:
        if self._format is OutputFormat.JPEG:
            return as_jpeg(data, entry.format, count)
        return as_webp(data, entry.format, count) if self._format is OutputFormat.WEBP else data


def _shared_format(recipe: Recipe) -> OutputFormat:
    """The format of all pictures: that of the variants, or JPEG where readers do not know it."""
    if not recipe.layers:
        return OutputFormat.PNG
    return OutputFormat.JPEG if recipe.output.format is OutputFormat.AVIF else recipe.output.format


def write_tar(files: Iterable[File], out: Writer) -> None:
    """A tar of all files in their order, without dates, owners or padding at its end beyond what tar asks for."""
    for file in files:
        info = tarfile.TarInfo(file.name)
        info.size = len(file.data)
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.write(file.data)
        out.write(bytes(-len(file.data) % _BLOCK))
    out.write(bytes(2 * _BLOCK))
