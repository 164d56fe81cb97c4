"""Refinement of raw masks: islands, holes, grow or shrink, and the point deepest inside; it knows no segmenter.

Masks are bool (H, W). Growing and shrinking use a Euclidean disc. The border of the picture is no edge of the object:
shrinking does not eat from it.
"""

from __future__ import annotations

import numpy as np

from maskmill.core.geometry import PixelBox, PixelPoint, Size
from maskmill.core.prompt import Refinement
from maskmill.imaging.components import largest_part, without_small_parts
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.masks import pixel_box
from maskmill.imaging.picture import Bools

_DEEPEST_GRID = 200  # cells along the longer side in which the deepest point is looked for


def refine(mask: Bools, refinement: Refinement) -> Bools:
    """A raw mask refined in the contract's order: islands, holes, grow or shrink (feather is `regions.feather`).

    Only growing and filling holes add pixels. The same object comes back when nothing is asked.
    """
    refined = without_islands(mask, area_px_min=refinement.island_area_min * mask.size)
    refined = without_holes(refined, area_px_min=refinement.hole_area_min * mask.size)
    return grown(refined, refinement.grow_px)


def without_islands(mask: Bools, *, area_px_min: float) -> Bools:
    """The mask without its 8-connected parts smaller than `area_px_min`; when all are smaller the largest stays."""
    box = pixel_box(mask)
    if area_px_min <= 1 or box.height == 0:
        return mask
    inner = mask[box.top : box.bottom, box.left : box.right]
    kept = without_small_parts(inner, area_px_min=area_px_min, diagonal=True)
    if not kept.any():
        kept = largest_part(inner, diagonal=True)
    return _placed(kept, box, mask)


def without_holes(mask: Bools, *, area_px_min: float) -> Bools:
    """The mask with its holes smaller than `area_px_min` filled.

    A hole is a 4-connected part of the background that does not touch the border of the mask's box.
    """
    box = pixel_box(mask)
    if area_px_min <= 1 or box.height == 0:
        return mask
    inner = mask[box.top : box.bottom, box.left : box.right]
    outside = np.ones((box.height + 2, box.width + 2), np.bool_)  # a ring joins all that reaches the box's border
    outside[1:-1, 1:-1] = ~inner
    kept = without_small_parts(outside, area_px_min=area_px_min, diagonal=False, keep_first=True)
    return _placed(~kept[1:-1, 1:-1], box, mask)


def grown(mask: Bools, radius_px: int) -> Bools:
    """The mask grown by a Euclidean disc of `radius_px` pixels, or shrunk when it is negative."""
    box = pixel_box(mask)
    if radius_px == 0 or box.height == 0:
        return mask
    size = Size(height_px=mask.shape[0], width_px=mask.shape[1])
    wide = box.grown(abs(radius_px) if radius_px > 0 else 1, size)
    inner = mask[wide.top : wide.bottom, wide.left : wide.right]
    limit = radius_px * radius_px
    if radius_px > 0:
        return _placed(squared_distances(inner, cap_px=radius_px) <= limit, wide, mask)
    return _placed(squared_distances(~inner, cap_px=-radius_px) > limit, wide, mask)


def deepest_point(mask: Bools) -> PixelPoint | None:
    """A pixel far inside the mask, for a prompt made from it; None for an empty mask.

    The depth is measured to the background and to the border of the picture, on cells that lie wholly in the mask and,
    where the mask is too thin for one, on pixels. The pixel is always in the mask.
    """
    box = pixel_box(mask)
    if box.height == 0:
        return None
    cell = max(1, -(-max(box.height, box.width) // _DEEPEST_GRID))
    inner = mask[box.top : box.bottom, box.left : box.right]
    cells, cap_px = _full_cells(inner, cell), _DEEPEST_GRID
    if not cells.any():
        cells, cap_px, cell = inner, min(cap_px, 2 * cell + 1), 1
    ringed = np.pad(~cells, 1, constant_values=True)
    depth = squared_distances(ringed, cap_px=cap_px)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return PixelPoint(row=box.top + int(row) * cell + cell // 2, column=box.left + int(column) * cell + cell // 2)


def _full_cells(mask: Bools, cell: int) -> Bools:
    height, width = mask.shape[0] // cell, mask.shape[1] // cell
    cells = mask[: height * cell, : width * cell].reshape(height, cell, width, cell)
    return np.asarray(cells.all(axis=(1, 3)))


def _placed(inner: Bools, box: PixelBox, like: Bools) -> Bools:
    placed = np.zeros_like(like)
    placed[box.top : box.bottom, box.left : box.right] = inner
    return placed
