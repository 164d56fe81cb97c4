"""Where each file of a finished dataset lies, relative to its root; it knows no archive and no store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage
from maskmill.core.recipe import Recipe, shows_source
from maskmill.core.result import EXTENSIONS, ItemResult, Label, VariantRecord

INSTANCES_FILE = "annotations/instances.json"
MANIFEST_FILE = "manifest.jsonl"


def source_file(item: ItemResult) -> str:
    """The upright source of an item, as the PNG that ingest made."""
    return f"sources/{item.file_stem}.png"


def background_file(background: NormalImage) -> str:
    """The picture behind cut-outs, which need not be among the sources; equal pictures are one file."""
    return f"backgrounds/{background.pixels_sha256}.png"


def variant_file(variant: VariantRecord) -> str:
    """One rendered variant."""
    return f"variants/{variant.file_stem}.{EXTENSIONS[variant.format]}"


def mask_file(stem: str, label: Label) -> str:
    """A label's mask; `stem` is that of the item, or of the variant where the variant has labels of its own."""
    return f"masks/{stem}/{label.name}.png"


@dataclass(frozen=True, slots=True)
class DatasetPicture:
    """One picture of the dataset with its labels that found something; `variant` is None for a source."""

    item: ItemResult
    variant: VariantRecord | None

    @property
    def file(self) -> str:
        return source_file(self.item) if self.variant is None else variant_file(self.variant)

    @property
    def size(self) -> Size:
        return self.item.normal.size if self.variant is None else self.variant.size

    @property
    def labels(self) -> tuple[Label, ...]:
        own = self.variant.labels if self.variant is not None else None
        return tuple(label for label in (self.item.labels if own is None else own) if label.area_px > 0)

    def mask_file(self, label: Label) -> str:
        has_own = self.variant is not None and self.variant.labels is not None
        return mask_file(self.variant.file_stem if self.variant and has_own else self.item.file_stem, label)


def pictures_of(item: ItemResult, recipe: Recipe) -> Iterator[DatasetPicture]:
    """The pictures that an item adds, in the order of every export: the source, then its variants.

    Where the split of a source has originals only, the source is there, whatever the recipe says of sources.
    """
    pixels = item.normal.pixels_sha256
    if shows_source(recipe, pixels):
        yield DatasetPicture(item, None)
    if recipe.splits.has_variants(pixels):
        yield from (DatasetPicture(item, variant) for variant in item.variants)
