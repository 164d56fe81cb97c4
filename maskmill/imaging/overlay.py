"""Previews: a picture with its labels painted over it; it knows no template and no edit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maskmill.imaging.colour import rgb_of
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.encode import flattened
from maskmill.imaging.masks import pixel_box
from maskmill.imaging.picture import Bools, Picture

_TINT = 102  # of 255: how much of the colour lies over the object
_SIDE_PX_PER_OUTLINE_PX = 400


def overlay(picture: Picture, labels: Sequence[tuple[Bools, str]]) -> Picture:
    """The picture, opaque, with each label's mask (bool (H, W)) tinted in its colour `#RRGGBB` and outlined inside."""
    opaque = flattened(picture)
    rgb = opaque.rgb.copy()
    outline_px = max(1, max(rgb.shape[:2]) // _SIDE_PX_PER_OUTLINE_PX)
    for mask, colour in labels:
        box = pixel_box(mask)
        if box.height == 0:
            continue
        inner = np.pad(mask[box.top : box.bottom, box.left : box.right], 1)
        depths = squared_distances(~inner, cap_px=outline_px)[1:-1, 1:-1]
        inner = inner[1:-1, 1:-1]
        edge = inner & (depths <= outline_px * outline_px)
        window = rgb[box.top : box.bottom, box.left : box.right]
        paint = np.array(rgb_of(colour), np.uint32)
        tinted = (window[inner].astype(np.uint32) * (255 - _TINT) + paint * _TINT + 127) // 255
        window[inner] = tinted.astype(np.uint8)
        window[edge] = paint.astype(np.uint8)
    return Picture(rgb=rgb, alpha=None, is_grey=False)
