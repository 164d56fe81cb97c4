"""Pictures with one plain mask for each label, as files; it knows no store and draws nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from maskmill.core.errors import Code, MaskmillError
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
            png = content.pngs[label.object_id]
            if hashlib.sha256(png).hexdigest() != label.png_sha256:
                raise MaskmillError(Code.INTERNAL, detail=f"the mask of {label.object_id} is another one")
            count.measure(1.0)
            yield File(f"masks/{entry.split}/{entry.stem}/{label.name}.png", png)
