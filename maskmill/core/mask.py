"""Masks as values: COCO run-length text with one axis convention; it knows no numpy (maskmill.imaging.masks converts).

A mask belongs to an upright image of the same size. The text is COCO's compressed RLE: runs over columns first
(Fortran order), starting with background, as pycocotools reads and writes it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskmill.core.geometry import Size
from maskmill.core.limits import MASK_RLE_CHARS_MAX
from maskmill.core.model import Model, Number, content_hash


class Rle(Model):
    """A binary mask as compressed COCO RLE."""

    size: Size
    counts: Annotated[str, Field(max_length=MASK_RLE_CHARS_MAX)]

    def coco(self) -> dict[str, object]:
        """The form that COCO annotations and pycocotools use: `size` is [height, width]."""
        return {"size": [self.size.height_px, self.size.width_px], "counts": self.counts}


class Mask(Model):
    """A segmenter's answer for one prompt on one image, with its own score in [0, 1]."""

    rle: Rle
    score: Annotated[Number, Field(ge=0.0, le=1.0)]


def rle_hash(rle: Rle) -> str:
    """The identity of a mask's pixels: 64 hex digits."""
    return content_hash(rle)
