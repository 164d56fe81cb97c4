"""Pictures with their labels painted over them, for people who look through a dataset; it knows no store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from maskmill.core.prompt import Template
from maskmill.core.recipe import Output, OutputFormat
from maskmill.exports.archive import Member
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content, Dataset, File, Needs
from maskmill.exports.tally import Count
from maskmill.imaging.encode import encode
from maskmill.imaging.masks import mask_of
from maskmill.imaging.normal import read_own
from maskmill.imaging.overlay import overlay

_OUTPUT = Output(format=OutputFormat.JPEG, quality=90)


class OverlayExporter:
    """`<split>/<stem>.jpg`: each label tinted and outlined in its template's colour."""

    needs = Needs.PICTURE | Needs.RLES
    draws = True

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        return iter(())

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        labels = content.of(entry.picture.labels)
        count.add(entry, entry.picture.labels)
        painted = [(mask_of(rle), self._templates[label.template_id].colour) for label, rle in labels]
        yield File(f"{entry.split}/{entry.stem}.jpg", encode(overlay(read_own(content.data), painted), _OUTPUT))
