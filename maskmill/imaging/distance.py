"""Exact Euclidean distances between pixel centres, up to a cap, in integers; it knows no mask and no feather.

Two passes (Meijster, Roerdink and Hesselink, 2000): down and up the columns, then across the rows; the second is
bounded by the cap, so that it needs no envelope and vectorises.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Bools

CAP_PX_MAX = 254
_STRIP_PIXELS = 1 << 16
_NARROW_CAP_PX_MAX = 179  # up to here the sum of two squares fits 16 bits

Squares = NDArray[np.uint16]


def squared_distances(seeds: Bools, *, cap_px: int) -> Squares:
    """For each pixel the squared distance to the nearest True pixel of `seeds` (H, W), at most (cap_px + 1)².

    `cap_px` is 0…CAP_PX_MAX. A picture without a seed is (cap_px + 1)² everywhere.
    """
    if not 0 <= cap_px <= CAP_PX_MAX:
        raise ValueError(f"cap_px must be 0 to {CAP_PX_MAX}")
    height, width = seeds.shape
    number = np.uint16 if cap_px <= _NARROW_CAP_PX_MAX else np.uint32
    columns = _column_distances(seeds, cap_px=cap_px)
    squares = np.empty((height, width), np.uint16)
    strip = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, strip):
        base = columns[top : top + strip].astype(number)
        np.square(base, out=base)
        best = base.copy()
        shifted = np.empty_like(base)
        for step in range(1, min(cap_px, width - 1) + 1):
            np.add(base, number(step * step), out=shifted)
            np.minimum(best[:, step:], shifted[:, :-step], out=best[:, step:])
            np.minimum(best[:, :-step], shifted[:, step:], out=best[:, :-step])
        squares[top : top + strip] = np.minimum(best, number((cap_px + 1) ** 2))
    return squares


def _column_distances(seeds: Bools, *, cap_px: int) -> NDArray[np.uint8]:
    """The vertical distance to the nearest seed of the same column, at most cap_px + 1."""
    far = np.uint8(cap_px + 1)
    distances = np.where(seeds, np.uint8(0), far)
    for rows in (distances, distances[::-1]):
        above = rows[0]
        for row in rows[1:]:
            np.minimum(row, np.minimum(above, np.uint8(cap_px)) + np.uint8(1), out=row)
            above = row
    return distances
