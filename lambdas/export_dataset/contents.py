"""What exports are made of, read from the store in order and ahead, in bounded memory; it knows no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lambdas.read_ahead import Wanted, read_ahead
from maskmill.core import keys
from maskmill.core.export import Split
from maskmill.core.limits import LABEL_BYTES_EXPECTED
from maskmill.core.mask import Rle
from maskmill.core.ports import Objects
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.result import EXTENSIONS, Label, LabelMask, Results
from maskmill.core.rows import JobState
from maskmill.exports.entries import Entry, RleOf, entries
from maskmill.exports.exporter import Content, Needs

Entries = Callable[[], Iterator[Entry]]


@dataclass(frozen=True)
class StoredDataset:
    """A job's dataset in the store; each look at it begins anew."""

    media: Objects
    job: JobState
    results: Results

    @property
    def recipe(self) -> ResolvedRecipe:
        return self.job.job.recipe

    def splits(self) -> tuple[Split, ...]:
        held = {entry.split for entry in entries(self.results, self.recipe.recipe)}
        return tuple(split for split in Split if split in held)

    def entries(self, split: Split | None) -> Iterator[Entry]:
        return entries(self.results, self.recipe.recipe, split=split)

    def rles(self, split: Split) -> RleOf:
        wanted = (one for _, wants in _wants(self.job, self.entries(split), Needs.RLES) for one in wants)
        masks = read_ahead(self.media.get, wanted)

        def rle_of(_label: Label) -> Rle:
            return LabelMask.stored(next(masks)).rle

        return rle_of

    def contents(self, chosen: Entries, needs: Needs) -> Iterator[tuple[Entry, Content]]:
        """Pictures with what is needed of them; the masks of an item are read once."""
        wanted = (one for _, wants in _wants(self.job, chosen(), needs) for one in wants)
        stored = read_ahead(self.media.get, wanted)
        index, rles, pngs = -1, dict[str, Rle](), dict[str, bytes]()
        for entry in chosen():
            if entry.item.index != index:
                index, rles, pngs = entry.item.index, {}, {}
            data = next(stored) if Needs.PICTURE in needs else b""
            for label in entry.picture.labels:
                if Needs.RLES in needs and label.object_id not in rles:
                    rles[label.object_id] = LabelMask.stored(next(stored)).rle
                if Needs.PNGS in needs and label.object_id not in pngs:
                    pngs[label.object_id] = next(stored)
            yield entry, Content(data, rles, pngs)


def _wants(job: JobState, chosen: Iterator[Entry], needs: Needs) -> Iterator[tuple[Entry, list[Wanted]]]:
    """The objects of each picture in the order in which they are asked for."""
    index, known = -1, set[str]()
    for entry in chosen:
        if entry.item.index != index:
            index, known = entry.item.index, set()
        wants = [_picture(job, entry)] if Needs.PICTURE in needs else []
        for label in entry.picture.labels:
            if label.object_id not in known:
                known.add(label.object_id)
                wants += _masks(job, entry, label, needs)
        yield entry, wants


def _picture(job: JobState, entry: Entry) -> Wanted:
    pixels, variant = entry.item.normal.pixels_sha256, entry.picture.variant
    if variant is None:
        return Wanted(keys.normal(job.tenant, pixels), entry.size_bytes)
    key = keys.variant(job.tenant, pixels, variant.variant_id, EXTENSIONS[variant.format])
    return Wanted(key, entry.size_bytes)


def _masks(job: JobState, entry: Entry, label: Label, needs: Needs) -> Iterator[Wanted]:
    pixels = entry.item.normal.pixels_sha256
    if Needs.RLES in needs:
        yield Wanted(keys.label_rle(job.tenant, pixels, label.object_id), LABEL_BYTES_EXPECTED)
    if Needs.PNGS in needs:
        yield Wanted(keys.label_png(job.tenant, pixels, label.object_id), label.png_bytes)
