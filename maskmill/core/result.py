"""What an item leaves behind: labels, variants and their provenance; it knows no bytes and no storage.

Objects are named by their content, files of the dataset by their item: `NNNN_<slug>` with the item's number, so that
names never collide and never carry a path or a character of the user's own.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage, Sha256
from maskmill.core.mask import Rle
from maskmill.core.model import Model, Number
from maskmill.core.recipe import Composition, Layer, OutputFormat, Recipe

SLUG_CHARS_MAX = 60

EXTENSIONS = {
    OutputFormat.WEBP: "webp",
    OutputFormat.PNG: "png",
    OutputFormat.JPEG: "jpg",
    OutputFormat.AVIF: "avif",
}
MEDIA_TYPES = {
    OutputFormat.WEBP: "image/webp",
    OutputFormat.PNG: "image/png",
    OutputFormat.JPEG: "image/jpeg",
    OutputFormat.AVIF: "image/avif",
}


class BoxPx(Model):
    """The tight box of a mask in pixels, as COCO writes it: left, top, width, height; all 0 for an empty mask."""

    x: int
    y: int
    width: int
    height: int


class Label(Model):
    """One object on one picture: its template's name, its refined binary mask and where the mask's PNG lies."""

    template_id: str
    name: str
    score: Annotated[Number, Field(ge=0.0, le=1.0)]
    rle_sha256: Sha256
    png_sha256: Sha256  # of the mask's PNG
    png_bytes: int
    area_px: int
    box: BoxPx
    object_id: str  # names the mask's objects (PNG and RLE) in the store


class VariantRecord(Model):
    """One rendered picture: what it is, how it was made, and what it is made of.

    `labels` is given only where the variant does not show what its source shows (cut out, cropped, shrunk); otherwise
    the labels of its image hold for it.
    """

    variant_id: str
    file_stem: str
    format: OutputFormat
    size: Size
    size_bytes: int
    sha256: Sha256
    sample: int
    layers: tuple[Layer, ...]
    renderer: str  # the version that drew it, codecs included
    labels: tuple[Label, ...] | None = None
    has_thumbnail: bool = False  # those made before there were thumbnails have none
    layer: int | None = None  # of the recipe, from 0; None where layers are stacked, and in older results


class Remark(StrEnum):
    """What a user should know about a finished item."""

    EMPTY_MASK = "empty_mask"  # a template found nothing; its label and its variants are left out


class ItemResult(Model):
    """Everything that one finished item adds to the dataset."""

    index: int
    image_id: str
    image_name: str
    file_stem: str
    normal: NormalImage
    labels: tuple[Label, ...]
    variants: tuple[VariantRecord, ...]
    remarks: tuple[Remark, ...] = ()


class Results:
    """What the items of a job left behind, in order, to be gone through as often as needed.

    They are kept compressed and parsed anew each time: 50,000 variants with labels of their own are gigabytes as values
    and megabytes as text.
    """

    def __init__(self, docs: Iterable[str]) -> None:
        self._packed = tuple(zlib.compress(doc.encode(), 1) for doc in docs)

    def __iter__(self) -> Iterator[ItemResult]:
        for packed in self._packed:
            yield ItemResult.stored(zlib.decompress(packed))

    def __len__(self) -> int:
        return len(self._packed)


class LabelMask(Model):
    """A refined mask and its measures, as they are kept beside the mask's PNG; whose label it is, the job knows."""

    rle: Rle
    png_sha256: Sha256
    png_bytes: int
    score: Annotated[Number, Field(ge=0.0, le=1.0)]
    area_px: int
    box: BoxPx


def file_stem(index: int, name: str) -> str:
    """A safe, unique file stem for an item: its number (from 1) and what can be kept of the file's name."""
    base = name.rsplit(".", 1)[0] if "." in name[1:] else name
    ascii_name = unicodedata.normalize("NFKD", base).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", ascii_name).strip("-").lower()[:SLUG_CHARS_MAX].strip("-")
    return f"{index + 1:04d}_{slug or 'image'}"


def variant_stems(stem: str, recipe: Recipe, names: dict[str, str]) -> list[list[str]]:
    """The file stems of an item's variants by sample, then by variant: `NNNN_<slug>__<region>[_sNN]`.

    `names` maps template ids to their names. A region that is an expression is called `region` and its position.
    """
    if recipe.composition is Composition.STACKED:
        regions = ["stacked"] if recipe.layers else []
    else:
        regions = _region_names(recipe, names)
    if recipe.samples_per_image == 1:
        return [[f"{stem}__{region}" for region in regions]]
    return [[f"{stem}__{region}_s{sample + 1:02d}" for region in regions] for sample in range(recipe.samples_per_image)]


def _region_names(recipe: Recipe, names: dict[str, str]) -> list[str]:
    found: list[str] = []
    for position, layer in enumerate(recipe.layers):
        name = names[layer.region] if isinstance(layer.region, str) else f"region-{position + 1}"
        found.append(name if name not in found else f"{name}-{position + 1}")
    return found
