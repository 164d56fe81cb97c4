"""The pictures of an export with their splits and names; it knows no format and no store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from maskmill.core.export import Split
from maskmill.core.mask import Rle
from maskmill.core.recipe import OutputFormat, Recipe
from maskmill.core.result import EXTENSIONS, ItemResult, Label
from maskmill.exports.layout import DatasetPicture, pictures_of

RleOf = Callable[[Label], Rle]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of an export and the split that it belongs to, which is that of its source."""

    picture: DatasetPicture
    split: Split

    @property
    def item(self) -> ItemResult:
        return self.picture.item

    @property
    def is_source(self) -> bool:
        return self.picture.variant is None

    @property
    def stem(self) -> str:
        """A file name without its extension, unique in the dataset and of plain ASCII."""
        return self.item.file_stem if self.picture.variant is None else self.picture.variant.file_stem

    @property
    def format(self) -> OutputFormat:
        """How the store holds the picture: sources are PNG."""
        return OutputFormat.PNG if self.picture.variant is None else self.picture.variant.format

    @property
    def file(self) -> str:
        """The file name under which the picture is copied as it is."""
        return f"{self.stem}.{EXTENSIONS[self.format]}"

    @property
    def size_bytes(self) -> int:
        variant = self.picture.variant
        return self.item.normal.png_bytes if variant is None else variant.size_bytes

    @property
    def has_alpha(self) -> bool | None:
        """Whether a source is transparent somewhere; None for a variant, of which only its file knows."""
        return self.item.normal.has_alpha if self.picture.variant is None else None


def entries(results: Iterable[ItemResult], recipe: Recipe, *, split: Split | None = None) -> Iterator[Entry]:
    """All pictures of a dataset, or those of one split, in the order of every export."""
    for item in results:
        own = recipe.splits.of(item.normal.pixels_sha256)
        if split is None or own is split:
            yield from (Entry(picture, own) for picture in pictures_of(item, recipe))


def labelled(pictures: Iterable[DatasetPicture], rle_of: RleOf) -> Iterator[tuple[DatasetPicture, list[Rle]]]:
    """Pictures with the RLEs of their labels, in the labels' order; `rle_of` is asked once per label and item."""
    index, known = -1, dict[str, Rle]()
    for picture in pictures:
        if picture.item.index != index:
            index, known = picture.item.index, {}
        for label in picture.labels:
            if label.object_id not in known:
                known[label.object_id] = rle_of(label)
        yield picture, [known[label.object_id] for label in picture.labels]
