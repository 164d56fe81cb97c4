"""Picking among everything that was found in a picture; it knows no segmenter and no service."""

from __future__ import annotations

from collections.abc import Sequence

from maskmill.core.automask import FoundMask
from maskmill.core.geometry import Point, pixel_of
from maskmill.imaging.masks import area_of, holds


def mask_at(found: Sequence[FoundMask], point: Point) -> FoundMask | None:
    """The smallest mask that holds a point, so that a part can be picked within a whole; None where there is none."""
    there = [one for one in found if holds(one.mask.rle, pixel_of(point, one.mask.rle.size))]
    return min(there, key=lambda one: area_of(one.mask.rle), default=None)
