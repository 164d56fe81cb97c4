"""Everything that a job gave, in one tree: sources, variants and masks as they are, annotations and manifest.

The tree is the one that `maskmill sync` makes. It knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from operator import attrgetter

from maskmill.core.keys import ANNOTATIONS, MANIFEST
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.result import ItemResult
from maskmill.exports.archive import Member
from maskmill.exports.coco import instances
from maskmill.exports.entries import Entry, RleOf
from maskmill.exports.exporter import Content, Dataset, File, Needs, classes_of
from maskmill.exports.layout import DatasetPicture, background_file, pictures_of
from maskmill.exports.manifest import manifest
from maskmill.exports.tally import Count


def dataset_instances(results: Iterable[ItemResult], recipe: ResolvedRecipe, rle_of: RleOf) -> Iterator[bytes]:
    """`annotations.json`: COCO instances over all pictures; `rle_of` is asked once per label and item, in order."""

    def pictures() -> Iterator[DatasetPicture]:
        return (picture for item in results for picture in pictures_of(item, recipe.recipe))

    return instances(
        pictures,
        rle_of,
        categories=classes_of(recipe),
        file_of=attrgetter("file"),
        mask_of=DatasetPicture.mask_file,
    )


class ArchiveExporter:
    """`annotations.json`, `manifest.jsonl`, `sources/`, `variants/`, `masks/` and, for cut-outs, `backgrounds/`."""

    needs = Needs.PICTURE | Needs.PNGS
    draws = False

    def __init__(self) -> None:
        self._item = -1
        self._written = set[str]()  # the mask files of that item

    def head(self, dataset: Dataset, count: Count) -> Iterator[Member]:
        yield Member(ANNOTATIONS, lambda: dataset_instances(dataset.results, dataset.recipe, dataset.rles(None)))
        backgrounds = dataset.backgrounds()
        listed = partial(manifest, dataset.results, recipe=dataset.recipe, backgrounds=backgrounds)
        yield Member(MANIFEST, listed)
        if dataset.recipe.recipe.sources:  # what stands behind cut-outs need not be among the sources
            for normal in {normal.pixels_sha256: normal for normal in backgrounds.values()}.values():
                yield Member(background_file(normal), partial(dataset.background, normal))

    def files(self, entry: Entry, content: Content, count: Count) -> Iterator[File]:
        count.add(entry, entry.picture.labels)
        if entry.item.index != self._item:
            self._item, self._written = entry.item.index, set()
        yield File(entry.picture.file, content.data)
        for label in entry.picture.labels:
            count.measure(1.0)
            name = entry.picture.mask_file(label)
            if name not in self._written:
                self._written.add(name)
                yield File(name, content.png(label))
