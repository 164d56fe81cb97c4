"""How each picture of a dataset was made, one JSON line each; it knows no store and no pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maskmill.core.model import canonical_json
from maskmill.core.result import ItemResult, Label, VariantRecord
from maskmill.exports.layout import DatasetPicture, pictures_of


def manifest(
    items: Iterable[ItemResult], *, recipe_seed: int, recipe_sha256: str, include_sources: bool
) -> Iterator[bytes]:
    """One line per source and variant, in the order of the COCO export, keys sorted, UTF-8 with a newline each.

    `group_id` is the same for a source and all its variants: a split by it leaks nothing. A variant has its bytes'
    `sha256`, its drawn `layers` and the `noise_seed` (16 hex digits) from its own identity; a source has neither.
    """
    shared: dict[str, object] = {"recipe_seed": recipe_seed, "recipe_sha256": recipe_sha256}
    for item in items:
        for picture in pictures_of(item, include_source=include_sources):
            line = _source_facts(picture)
            if picture.variant is not None:
                line |= _variant_facts(picture.variant) | shared
            yield canonical_json(line).encode("ascii") + b"\n"


def _source_facts(picture: DatasetPicture) -> dict[str, object]:
    item = picture.item
    return {
        "file": picture.file,
        "kind": "source",
        "sha256": item.normal.png_sha256,
        "size_bytes": item.normal.png_bytes,
        "image_id": item.image_id,
        "image_name": item.image_name,
        "group_id": item.normal.pixels_sha256,
        "pixels_sha256": item.normal.pixels_sha256,
        "source_sha256": item.normal.source_sha256,
        "size": picture.size,
        "masks": [_mask_facts(picture, label) for label in picture.labels],
    }


def _variant_facts(variant: VariantRecord) -> dict[str, object]:
    return {
        "kind": "variant",
        "variant_id": variant.variant_id,
        "sha256": variant.sha256,
        "size_bytes": variant.size_bytes,
        "sample": variant.sample,
        "renderer": variant.renderer,
        "layers": variant.layers,
        "noise_seed": variant.variant_id[:16],
    }


def _mask_facts(picture: DatasetPicture, label: Label) -> dict[str, object]:
    return {
        "file": picture.mask_file(label),
        "name": label.name,
        "template_id": label.template_id,
        "rle_sha256": label.rle_sha256,
        "area_px": label.area_px,
        "box": label.box,
        "score": label.score,
    }
