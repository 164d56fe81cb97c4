"""How each picture of a dataset was made, one JSON line each; it knows no store and no pixels.

The line of a variant holds every value that its bytes follow from, so that the dataset's own files and the line are
enough to make it again (`maskmill.exports.remake`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from maskmill.core.image import NormalImage
from maskmill.core.model import canonical_json
from maskmill.core.recipe import ResolvedRecipe, backgrounds_in, names_in
from maskmill.core.result import ItemResult, Label, VariantRecord
from maskmill.exports.layout import DatasetPicture, background_file, mask_file, pictures_of, source_file


def manifest(
    items: Iterable[ItemResult], *, recipe: ResolvedRecipe, backgrounds: Mapping[str, NormalImage] | None = None
) -> Iterator[bytes]:
    """One line per source and variant, in the order of the COCO export, keys sorted, UTF-8 with a newline each.

    `group_id` is the same for a source and all its variants, and so is `split`, which leaks nothing. A variant has its
    bytes' `sha256` and what they are made of: its drawn `layers`, the `regions` that these name, by template id, the
    `backgrounds` of its cut-outs, by image id, its `output`, the `renderer` and the `noise_seed` (16 hex digits) from
    its own identity. A source has none of these. A region without a file is empty on this image.
    """
    shared: dict[str, object] = {"recipe_seed": recipe.recipe.seed, "recipe_sha256": recipe.identity()}
    for item in items:
        split = recipe.recipe.splits.of(item.normal.pixels_sha256)
        for picture in pictures_of(item, recipe.recipe):
            line = _source_facts(picture) | {"split": split}
            if picture.variant is not None:
                line |= _variant_facts(picture.variant) | shared
                line |= _ingredients(item, picture.variant, recipe, backgrounds or {})
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


def _ingredients(
    item: ItemResult, variant: VariantRecord, recipe: ResolvedRecipe, backgrounds: Mapping[str, NormalImage]
) -> dict[str, object]:
    """What a variant is made of, by the files of the dataset; without sources it cannot be made of them."""
    has_files = recipe.recipe.sources
    labels = {label.template_id: label for label in item.labels}
    named = dict.fromkeys(name for layer in variant.layers for name in names_in(layer.region))
    return {
        "source_file": source_file(item) if has_files else None,
        "output": recipe.recipe.output,
        "regions": {name: _region_facts(item, recipe, name, labels.get(name)) for name in named},
        "backgrounds": {
            image_id: _background_facts(backgrounds[image_id], has_file=has_files)
            for image_id in backgrounds_in(variant.layers)
        },
    }


def _region_facts(item: ItemResult, recipe: ResolvedRecipe, template_id: str, label: Label | None) -> dict[str, object]:
    return {
        "name": recipe.name_of(template_id),
        "file": None if label is None else mask_file(item.file_stem, label),
        "rle_sha256": None if label is None else label.rle_sha256,
        "feather_px": recipe.templates[template_id].refinement.feather_px,
    }


def _background_facts(background: NormalImage, *, has_file: bool) -> dict[str, object]:
    return {
        "file": background_file(background) if has_file else None,
        "pixels_sha256": background.pixels_sha256,
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
