"""Drawing a polygon as the readers of polygon labels do: OpenCV's fillPoly, exactly, without OpenCV; it knows no mask.

Points are pixels, (x, y), both whole numbers; the polygon is closed. Inside is where a ray crosses the outline an odd
number of times, and the pixels of the outline itself belong to it, as OpenCV's 8-connected lines draw them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskmill.core.geometry import Size
from maskmill.imaging.picture import Bools

Points = NDArray[np.int64]  # (N, 2): x, y
_SHIFT = 16  # of OpenCV's fixed point
_ALMOST_ONE = (1 << _SHIFT) - 1


def filled(points: Points, size: Size) -> Bools:
    """The mask (H, W) that `cv2.fillPoly` draws of one polygon whose points lie inside of the picture."""
    mask = np.zeros((size.height_px, size.width_px), np.bool_)
    if len(points) == 0:
        return mask
    ends = np.roll(points, -1, axis=0)
    _fill(mask, points, ends)
    _outline(mask, points, ends)
    return mask


def _fill(mask: Bools, starts: Points, ends: Points) -> None:
    """The runs between the crossings of each row, two by two, from the edges that end below it."""
    is_down = starts[:, 1] < ends[:, 1]
    upper, lower = np.where(is_down[:, None], starts, ends), np.where(is_down[:, None], ends, starts)
    kept = upper[:, 1] != lower[:, 1]
    upper, lower = upper[kept], lower[kept]
    if len(upper) == 0:
        return
    heights = lower[:, 1] - upper[:, 1]
    slopes = _towards_zero((lower[:, 0] - upper[:, 0]) << _SHIFT, heights)
    steps = np.arange(int(heights.sum())) - np.repeat(np.cumsum(heights) - heights, heights)
    rows = np.repeat(upper[:, 1], heights) + steps
    places = np.repeat(upper[:, 0] << _SHIFT, heights) + steps * np.repeat(slopes, heights)
    order = np.lexsort((places, rows))
    crossings = places[order].reshape(-1, 2)
    _draw_runs(mask, rows[order][::2], (crossings[:, 0] + _ALMOST_ONE) >> _SHIFT, crossings[:, 1] >> _SHIFT)


def _towards_zero(numerators: NDArray[np.int64], denominators: NDArray[np.int64]) -> NDArray[np.int64]:
    """Division as C does it; denominators are positive."""
    return np.asarray(np.sign(numerators) * (np.abs(numerators) // denominators))


def _draw_runs(mask: Bools, rows: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """Sets the pixels from `first` to `last`, both included, in each of the rows; empty runs set none."""
    held = first <= last
    rows, first, last = rows[held], first[held], last[held]
    height, width = mask.shape
    steps = np.zeros(height * (width + 1) + 1, np.int32)
    np.add.at(steps, rows * (width + 1) + first, 1)
    np.add.at(steps, rows * (width + 1) + last + 1, -1)
    mask |= (np.cumsum(steps[:-1]).reshape(height, width + 1)[:, :width]) > 0


def _outline(mask: Bools, starts: Points, ends: Points) -> None:
    """The pixels of all edges, from left to right, as OpenCV's line iterator rounds them."""
    turned = (starts[:, 0] > ends[:, 0])[:, None]
    first, last = np.where(turned, ends, starts), np.where(turned, starts, ends)
    wide, high = last[:, 0] - first[:, 0], last[:, 1] - first[:, 1]
    tall = np.abs(high)
    is_steep = tall > wide
    long, short = np.where(is_steep, tall, wide), np.where(is_steep, wide, tall)
    counts = long + 1
    which = np.repeat(np.arange(len(long)), counts)
    along = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    across = np.maximum((2 * short[which] * along + long[which] - 1) // np.maximum(2 * long[which], 1), 0)
    down = np.where(high < 0, -1, 1)[which]
    steep = is_steep[which]
    columns = first[which, 0] + np.where(steep, across, along)
    rows = first[which, 1] + down * np.where(steep, along, across)
    mask[rows, columns] = True
