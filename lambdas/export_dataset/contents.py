"""What exports are made of, read in order and ahead, in bounded memory; it knows no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lambdas import known, state
from lambdas.read_ahead import Wanted, read_ahead
from maskmill.core import keys
from maskmill.core.export import Split
from maskmill.core.fact import label_fact
from maskmill.core.image import NormalImage
from maskmill.core.limits import NORMAL_PNG_BYTES_MAX
from maskmill.core.mask import Rle
from maskmill.core.ports import Objects, Table
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.result import EXTENSIONS, Label, LabelMask, Results
from maskmill.core.rows import JobState
from maskmill.exports.entries import Entry, RleOf, entries
from maskmill.exports.exporter import Content, Needs

Entries = Callable[[], Iterator[Entry]]


@dataclass(frozen=True)
class StoredDataset:
    """A job's dataset in the store; each look at it begins anew."""

    table: Table
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

    def rles(self, split: Split | None) -> RleOf:
        masks = self._masks(self.entries(split))

        def rle_of(_label: Label) -> Rle:
            return next(masks)

        return rle_of

    def backgrounds(self) -> Mapping[str, NormalImage]:
        return state.backgrounds(self.media, self.job)

    def background(self, normal: NormalImage) -> Iterator[bytes]:
        yield self.media.get(keys.normal(self.job.tenant, normal.pixels_sha256), bytes_max=NORMAL_PNG_BYTES_MAX)

    def _masks(self, chosen: Iterator[Entry]) -> Iterator[Rle]:
        """The masks of the labels of pictures, once for each item."""
        facts = (
            label_fact(entry.item.normal.pixels_sha256, label.object_id)
            for entry, labels in _with_new_labels(chosen)
            for label in labels
        )
        for data in known.in_order(self.table, self.media, self.job.tenant, facts):
            yield LabelMask.stored(data).rle

    def contents(self, chosen: Entries, needs: Needs) -> Iterator[tuple[Entry, Content]]:
        """Pictures with what is needed of them; the masks of an item are read once."""
        stored, masks = read_ahead(self.media.get, _wants(self.job, chosen(), needs)), self._masks(chosen())
        index, rles, pngs = -1, dict[str, Rle](), dict[str, bytes]()
        for entry, new in _with_new_labels(chosen()):
            if entry.item.index != index:
                index, rles, pngs = entry.item.index, {}, {}
            data = next(stored) if Needs.PICTURE in needs else b""
            if Needs.RLES in needs:
                rles |= {label.object_id: next(masks) for label in new}
            if Needs.PNGS in needs:
                pngs |= {label.object_id: next(stored) for label in new}
            yield entry, Content(data, rles, pngs)


def _with_new_labels(chosen: Iterator[Entry]) -> Iterator[tuple[Entry, list[Label]]]:
    """Pictures, each with its labels that no earlier picture of its item has shown."""
    index, seen = -1, set[str]()
    for entry in chosen:
        if entry.item.index != index:
            index, seen = entry.item.index, set()
        new = {label.object_id: label for label in entry.picture.labels if label.object_id not in seen}
        seen |= new.keys()
        yield entry, list(new.values())


def _wants(job: JobState, chosen: Iterator[Entry], needs: Needs) -> Iterator[Wanted]:
    """The objects of pictures in the order in which they are asked for."""
    for entry, labels in _with_new_labels(chosen):
        if Needs.PICTURE in needs:
            yield _picture(job, entry)
        for label in labels if Needs.PNGS in needs else ():
            key = keys.label_png(job.tenant, entry.item.normal.pixels_sha256, label.object_id)
            yield Wanted(key, label.png_bytes)


def _picture(job: JobState, entry: Entry) -> Wanted:
    pixels, variant = entry.item.normal.pixels_sha256, entry.picture.variant
    if variant is None:
        return Wanted(keys.normal(job.tenant, pixels), entry.size_bytes)
    key = keys.variant(job.tenant, pixels, variant.variant_id, EXTENSIONS[variant.format])
    return Wanted(key, entry.size_bytes)
