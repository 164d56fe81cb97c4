"""Gaussian blur of one plane whose values can be asked for anywhere; it knows no colour and no mask.

The plane is unbounded: whoever supplies it decides what lies beyond the picture's border. Small deviations are a direct
separable convolution; large ones work on a plane made coarser by a power of two and come back through B-splines, as the
averages were made with them: their variance is known and taken off the kernel. Coarse cells lie on the absolute grid,
so that any part of the result can be made alone, with the same bits. Against an exact Gaussian the error stays below a
fiftieth of an 8-bit level.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from maskmill.imaging.picture import Floats

COARSE_SIGMA_PX = 6.0  # from here on the coarse way
_COARSE_CELLS_PER_SIGMA = 3.0
_STRIP_PIXELS = 1 << 17

Source = Callable[[range, range], tuple[Floats, ...]]  # the planes at these rows and columns, which may lie outside


def kernel_radius(sigma_px: float) -> int:
    """How far the direct kernel reaches: four deviations."""
    return math.ceil(4 * sigma_px)


def wider(span: range, margin: int) -> range:
    return range(span.start - margin, span.stop + margin)


def convolved(plane: Floats, sigma_px: float) -> Floats:
    """The valid part of a separable Gaussian: float32 (H + 2r, W + 2r) becomes (H, W), r = kernel_radius(sigma_px)."""
    return _valid(_convolved(plane, _weights(sigma_px)), plane.shape, kernel_radius(sigma_px))


def sharpened(plane: Floats, sigma_px: float, amount: float) -> Floats:
    """Unsharp mask of the valid part, x + amount · (x − convolved(x)): float32 (H + 2r, W + 2r) becomes (H, W)."""
    radius = kernel_radius(sigma_px)
    smooth = _convolved(plane, _weights(sigma_px))
    first = radius * plane.shape[1] + radius
    centre = plane.reshape(-1)[first : first + smooth.size]
    detail = np.subtract(centre, smooth, out=smooth)
    detail *= np.float32(amount)
    detail += centre
    return _valid(detail, plane.shape, radius)


def _convolved(plane: Floats, weights: list[np.float32]) -> Floats:
    """The rows of the valid part one after another, flat, each with 2r values of no use up to where the next begins.

    As flat arrays, rows and columns are neighbours at another distance, and numpy works on them in one sweep.
    """
    radius = len(weights) - 1
    height, pitch = plane.shape[0] - 2 * radius, plane.shape[1]
    tall = _along(plane.reshape(-1), weights, step=pitch, size=height * pitch)
    return _along(tall, weights, step=1, size=tall.size - 2 * radius)


def _valid(flat: Floats, wide: tuple[int, ...], radius: int) -> Floats:
    """What `_convolved` made of a plane of the shape `wide`, as an array of rows."""
    shape = (wide[0] - 2 * radius, wide[1] - 2 * radius)
    return np.ndarray(shape, np.float32, flat, strides=(wide[1] * flat.itemsize, flat.itemsize))


def _weights(sigma_px: float) -> list[np.float32]:
    radius = kernel_radius(sigma_px)
    raw = [math.exp(-0.5 * (step / sigma_px) ** 2) for step in range(radius + 1)]
    total = raw[0] + 2 * math.fsum(raw[1:])
    return [np.float32(value / total) for value in raw]


def _halved(plane: Floats) -> Floats:
    """2n + 2 rows as n, each the mean (1, 3, 3, 1) / 8 of four: variance 3/4 of a row's height."""
    outer = (plane[:-2:2] + plane[3::2]) * np.float32(0.125)
    outer += (plane[1:-2:2] + plane[2::2]) * np.float32(0.375)
    return outer


def _along(flat: Floats, weights: list[np.float32], *, step: int, size: int) -> Floats:
    """Convolve values that lie `step` apart; the sum starts at the centre and goes outwards."""
    radius = len(weights) - 1
    centre = radius * step
    result = flat[centre : centre + size] * weights[0]
    pair = np.empty_like(result)
    for distance in range(step, centre + 1, step):
        above, below = centre - distance, centre + distance
        np.add(flat[above : above + size], flat[below : below + size], out=pair)
        pair *= weights[distance // step]
        result += pair
    return result


class Blurred:
    """A source of planes, blurred; `at` gives any part of the box that it was made for, always with the same bits."""

    def __init__(self, source: Source, sigma_px: float, *, rows: range, columns: range) -> None:
        """For the part `rows` × `columns`, all that `at` may be asked for; a large blur reads it here, in strips."""
        self._source = source
        self._sigma = sigma_px
        self._coarse: list[Floats] = []
        if sigma_px >= COARSE_SIGMA_PX:
            self._grid = _Grid(sigma_px, rows, columns)
            self._coarse = [convolved(means, self._grid.sigma) for means in self._cell_means()]

    def at(self, rows: range, columns: range) -> tuple[Floats, ...]:
        """The blurred planes at these pixels, each float32 (len(rows), len(columns))."""
        if self._sigma == 0:
            return self._source(rows, columns)
        if self._coarse:
            return tuple(self._grid.upsampled(plane, rows, columns) for plane in self._coarse)
        reach = kernel_radius(self._sigma)
        wide = self._source(wider(rows, reach), wider(columns, reach))
        return tuple(convolved(plane, self._sigma) for plane in wide)

    def _cell_means(self) -> list[Floats]:
        grid = self._grid
        pixels = grid.pixels(grid.columns)
        step = max(1, _STRIP_PIXELS // (len(pixels) * grid.cell))
        strips = [
            [grid.averaged(plane) for plane in self._source(grid.pixels(grid.rows[start : start + step]), pixels)]
            for start in range(0, len(grid.rows), step)
        ]
        return [np.concatenate(planes) for planes in zip(*strips, strict=True)]


class _Grid:
    """The coarse cells of a large blur, on multiples of `cell` pixels of the whole picture."""

    def __init__(self, sigma_px: float, rows: range, columns: range) -> None:
        self.cell = 1 << int(math.log2(sigma_px / _COARSE_CELLS_PER_SIGMA))
        variance = sigma_px**2 - (self.cell**2 - 1) / 4 - self.cell**2 / 3
        self.sigma = math.sqrt(variance) / self.cell
        self._radius = kernel_radius(self.sigma)
        self.rows = self._cells(rows)
        self.columns = self._cells(columns)

    def pixels(self, cells: range) -> range:
        """The pixels that the means of these cells are made from."""
        return range((cells.start - 1) * self.cell + 1, (cells.stop + 1) * self.cell - 1)

    def averaged(self, plane: Floats) -> Floats:
        """Means of cells, weighted by a quadratic B-spline, of a plane of `pixels`, by repeated halving."""
        for _ in range(self.cell.bit_length() - 1):
            plane = _halved(_halved(plane).T).T
        return plane

    def upsampled(self, plane: Floats, rows: range, columns: range) -> Floats:
        """The blurred cells at these pixels."""
        tall = self._along_rows(plane, rows, self.rows.start + self._radius)
        return self._along_rows(np.ascontiguousarray(tall.T), columns, self.columns.start + self._radius).T

    def _cells(self, pixels: range) -> range:
        """The cells that `upsampled` reads for these pixels, and the kernel's reach around them."""
        margin = 2 + self._radius
        return range(pixels.start // self.cell - margin, (pixels.stop - 1) // self.cell + margin + 1)

    def _along_rows(self, cells: Floats, pixels: range, first_cell: int) -> Floats:
        """Cubic B-spline along the first axis; cell i has its centre at (i + 0.5) · cell."""
        places = (np.arange(pixels.start, pixels.stop) + 0.5) / self.cell - 0.5
        bases = np.floor(places)
        shares = places - bases
        index = bases.astype(np.int64) - first_cell
        weights = (
            (1 - shares) * (1 - shares) * (1 - shares) / 6,
            ((3 * shares - 6) * shares * shares + 4) / 6,
            (((3 - 3 * shares) * shares + 3) * shares + 1) / 6,
            shares * shares * shares / 6,
        )
        result: Floats = cells[index - 1] * weights[0].astype(np.float32)[:, None]
        for step in range(1, 4):
            result += cells[index - 1 + step] * weights[step].astype(np.float32)[:, None]
        return result
