"""What records of a picture say of its labels, the same in every format that has records; it knows no format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maskmill.core.mask import Rle
from maskmill.core.result import Label
from maskmill.exports.entries import Entry


def facts_of(entry: Entry) -> dict[str, Any]:
    """Where a picture comes from; pictures of one group show one photo."""
    return {
        "name": entry.stem,
        "kind": "source" if entry.is_source else "variant",
        "group_id": entry.item.normal.pixels_sha256,
        "image_name": entry.item.image_name,
        "width": entry.picture.size.width_px,
        "height": entry.picture.size.height_px,
    }


def objects_of(labels: Sequence[tuple[Label, Rle]]) -> dict[str, list[Any]]:
    """Labels as lists side by side: boxes are left, top, width, height, masks are COCO's compressed run lengths."""
    return {
        "category": [label.name for label, _ in labels],
        "bbox": [[label.box.x, label.box.y, label.box.width, label.box.height] for label, _ in labels],
        "area": [label.area_px for label, _ in labels],
        "score": [label.score for label, _ in labels],
        "segmentation": [rle.coco() for _, rle in labels],
    }
