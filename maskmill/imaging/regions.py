"""Regions: feathered masks and their algebra, as the alpha that edits follow; it knows no edit.

The soft edge lies inside: alpha is above 0 exactly on the pixels of the binary mask or expression. A negation is
carried down to the masks (De Morgan) and feathers their outside, so that `invert` and `subtract` are soft on their own
side too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from maskmill.core.geometry import PixelBox, Size
from maskmill.core.recipe import Region, RegionOp
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.masks import pixel_box
from maskmill.imaging.picture import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class SoftMask:
    """A refined mask, bool (H, W), and the width of the soft edge inside it in pixels (0…100)."""

    mask: Bools
    feather_px: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Alpha:
    """How much of an edit each pixel takes: float32 in [0, 1] of shape (box.height, box.width); 0 outside the box."""

    values: Floats
    box: PixelBox
    size: Size

    @property
    def is_empty(self) -> bool:
        return self.values.size == 0

    def whole(self) -> Floats:
        """Alpha of the whole picture, float32 (H, W)."""
        values = np.zeros((self.size.height_px, self.size.width_px), np.float32)
        values[self.box.top : self.box.bottom, self.box.left : self.box.right] = self.values
        return values

    def window(self, rows: range, columns: range) -> Floats:
        """Alpha at these rows and columns, which may lie outside the picture: 0 there."""
        values = np.zeros((len(rows), len(columns)), np.float32)
        top, bottom = max(rows.start, self.box.top), min(rows.stop, self.box.bottom)
        left, right = max(columns.start, self.box.left), min(columns.stop, self.box.right)
        if top < bottom and left < right:
            own = self.values[top - self.box.top : bottom - self.box.top]
            inside = own[:, left - self.box.left : right - self.box.left]
            values[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = inside
        return values

    def mask(self) -> Bools:
        """The pixels that an edit may touch: bool (H, W), True where alpha is above 0."""
        mask = np.zeros((self.size.height_px, self.size.width_px), np.bool_)
        mask[self.box.top : self.box.bottom, self.box.left : self.box.right] = self.values > 0
        return mask


def region_mask(region: Region, parts: Mapping[str, SoftMask]) -> Bools:
    """The binary mask of a region; `parts` holds the refined mask of each template that it names."""
    if isinstance(region, str):
        return parts[region].mask
    masks = [region_mask(operand, parts) for operand in region.of]
    if region.op is RegionOp.INVERT:
        return ~masks[0]
    result = masks[0].copy()
    for other in masks[1:]:
        if region.op is RegionOp.UNION:
            result |= other
        elif region.op is RegionOp.INTERSECT:
            result &= other
        else:
            result &= ~other
    return result


def region_alpha(region: Region, parts: Mapping[str, SoftMask]) -> Alpha:
    """The alpha of a region: the maximum for a union, the minimum for an intersection, feathered outsides for the rest.

    Alpha is above 0 exactly where `region_mask` is True.
    """
    return boxed(_alpha(region, parts, outside=False))


def boxed(values: Floats) -> Alpha:
    """Whole-picture alpha, float32 (H, W), kept on its tight box alone."""
    box = pixel_box(values > 0)
    size = Size(height_px=int(values.shape[0]), width_px=int(values.shape[1]))
    return Alpha(np.ascontiguousarray(values[box.top : box.bottom, box.left : box.right]), box, size)


def alpha_of(mask: Bools, *, feather_px: float = 0.0) -> Alpha:
    """The alpha of one mask, bool (H, W)."""
    return boxed(feather(mask, feather_px))


def feather(mask: Bools, feather_px: float) -> Floats:
    """Alpha of a mask, float32 (H, W): 0 outside, rising linearly inside to 1 at `feather_px` pixels from the edge.

    A pixel at Euclidean distance d from the nearest background pixel takes (d − 0.5) / feather_px, at most 1. The
    border of the picture is no edge. Only exactly rounded operations are used.
    """
    values = mask.astype(np.float32)
    if feather_px <= 0.5:  # the outermost pixels already reach 1
        return values
    box = pixel_box(mask)
    if box.height == 0:
        return values
    size = Size(height_px=mask.shape[0], width_px=mask.shape[1])
    wide = box.grown(1, size)
    inside = (slice(wide.top, wide.bottom), slice(wide.left, wide.right))
    cap_px = int(feather_px + 0.5) + 1
    table = (np.sqrt(np.arange((cap_px + 1) ** 2 + 1)) - 0.5) / feather_px
    squares = squared_distances(~mask[inside], cap_px=cap_px)
    values[inside] = np.clip(table, 0.0, 1.0).astype(np.float32).take(squares)
    return values


def _alpha(region: Region, parts: Mapping[str, SoftMask], *, outside: bool) -> Floats:
    if isinstance(region, str):
        part = parts[region]
        return feather(~part.mask if outside else part.mask, part.feather_px)
    if region.op is RegionOp.INVERT:
        return _alpha(region.of[0], parts, outside=not outside)
    result = _alpha(region.of[0], parts, outside=outside)
    takes_rest_outside = outside != (region.op is RegionOp.SUBTRACT)
    joins = np.maximum if (region.op is RegionOp.UNION) != outside else np.minimum
    for operand in region.of[1:]:
        joins(result, _alpha(operand, parts, outside=takes_rest_outside), out=result)
    return result
