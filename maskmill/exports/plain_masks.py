"""Pictures with one plain mask for each label, as files; it knows no store and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator

from maskmill.exports.archive import Member
from maskmill.exports.entries import Entry
from maskmill.exports.exporter import Content, Dataset, File, Needs
from maskmill.exports.tally import Count


class MasksExporter:
    """`images/<split>/<stem>.<ext>` and `masks/<split>/<stem>/<label>.png` (8 bits, 0 and 255), all as they are."""

    needs = Needs.PICTURE | Needs.PNGS
    draws = False

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        return iter(())

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        count.add(entry, entry.picture.labels)
        yield File(f"images/{entry.split}/{entry.file}", content.data)
        for label in entry.picture.labels:
            png = content.png(label)
            count.measure(1.0)
            yield File(f"masks/{entry.split}/{entry.stem}/{label.name}.png", png)
