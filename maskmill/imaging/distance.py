"""Exact Euclidean distances between pixel centres, up to a cap, in integers; it knows no mask and no feather.

Two passes (Meijster, Roerdink and Hesselink, 2000): down and up the columns, then across the rows; the second is
bounded by the cap, so that it needs no envelope and vectorises.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Bools

CAP_PX_MAX = 255
_STRIP_PIXELS = 1 << 17

Squares = NDArray[np.uint32]


def squared_distances(seeds: Bools, *, cap_px: int) -> Squares:
    """For each pixel the squared distance to the nearest True pixel of `seeds` (H, W), at most (cap_px + 1)².

    `cap_px` is 0…255. A picture without a seed is (cap_px + 1)² everywhere.
    """
    if not 0 <= cap_px <= CAP_PX_MAX:
        raise ValueError(f"cap_px must be 0 to {CAP_PX_MAX}")
    height, width = seeds.shape
    columns = _column_distances(seeds, cap_px=cap_px)
    far = np.uint32((cap_px + 1) ** 2)
    squares = np.empty((height, width), np.uint32)
    strip = max(1, _STRIP_PIXELS // max(1, width))
    for top in range(0, height, strip):
        base = columns[top : top + strip].astype(np.uint32) ** 2
        best = base.copy()
        for step in range(1, min(cap_px, width - 1) + 1):
            shifted = base + np.uint32(step * step)
            np.minimum(best[:, step:], shifted[:, :-step], out=best[:, step:])
            np.minimum(best[:, :-step], shifted[:, step:], out=best[:, :-step])
        np.minimum(best, far, out=squares[top : top + strip])
    return squares


def _column_distances(seeds: Bools, *, cap_px: int) -> NDArray[np.uint16]:
    """The vertical distance to the nearest seed of the same column, at most cap_px + 1."""
    height = seeds.shape[0]
    far = np.uint16(cap_px + 1)
    distances = np.where(seeds, np.uint16(0), far)
    for row in range(1, height):
        np.minimum(distances[row], distances[row - 1] + np.uint16(1), out=distances[row])
    for row in range(height - 2, -1, -1):
        np.minimum(distances[row], distances[row + 1] + np.uint16(1), out=distances[row])
    return distances
