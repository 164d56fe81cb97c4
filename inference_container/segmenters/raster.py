"""Logits of a small grid as a mask of any size, worked out only where the sign changes. It knows no model.

Bilinear interpolation between four samples never leaves their range. So a cell whose four corners agree is filled
without arithmetic, and only the cells that the outline runs through are interpolated, pixel by pixel, in the order and
with the fused multiply-adds of torch's `interpolate(mode="bilinear", align_corners=False)`: the pixels are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.segmenter import Bitmap, Patch
from maskmill.core.geometry import PixelBox, Size

Logits = npt.NDArray[np.float32]
_Indices = npt.NDArray[np.intp]

_ROUNDING = 2e-6  # of the largest logit: more than two interpolations can lose in single precision
_BLOCK_PIXELS_MAX = 1 << 20  # of the outline, that are interpolated at once


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the image: where each pixel lies between the samples, and which pixels each cell covers.

    Cell `i` lies between the samples i and i + 1; the last one has its own sample on both sides.
    """

    share: Logits  # (pixels,), of the upper sample
    first: _Indices  # (cells + 1,), the first pixel of each cell

    @classmethod
    def between(cls, samples: int, pixels: int) -> _Axis:
        place = _places(samples, pixels)
        cell = np.minimum(place.astype(np.intp), samples - 1)
        share = np.clip(place - cell.astype(np.float32), 0, 1)
        return cls(share, np.searchsorted(cell, np.arange(samples + 1)))


@dataclass(frozen=True, slots=True)
class Grid:
    """Samples (rows, columns) of logits that cover an image of `size`.

    `zoom` samples are made of each logit first, and the top left `inner` of those are the image; a zoom of 1 with all
    of the logits means that the image is interpolated from them directly.
    """

    logits: Logits
    zoom: int
    inner: Size
    size: Size

    def above(self, threshold: float) -> Region | None:
        """Where the image may exceed a threshold; None where it does not."""
        margin = np.float32(_ROUNDING * float(np.abs(self.logits).max()))
        box = _bounds(self.logits >= threshold - margin)
        if box is None:
            return None
        box = box.grown(2, Size(height_px=self.logits.shape[0], width_px=self.logits.shape[1]))
        samples = self._samples(box)
        top, left = box.top * self.zoom, box.left * self.zoom
        samples = samples[: max(0, self.inner.height_px - top), : max(0, self.inner.width_px - left)]
        if samples.size == 0:
            return None
        full = _corners(samples > threshold + margin, np.logical_and)
        crossed = _corners(samples >= threshold - margin, np.logical_or) & ~full
        return Region.of(self, threshold, full, crossed, (top, left))

    def exact(self, rows: _Indices, columns: _Indices) -> Logits:
        """The samples at some places, to the last bit as torch makes them."""
        if self.zoom == 1:
            return self.logits[rows, columns]
        height, width = self.logits.shape
        y, x = _places(height, height * self.zoom)[rows], _places(width, width * self.zoom)[columns]
        y0, x0 = y.astype(np.intp), x.astype(np.intp)
        y1, x1 = np.minimum(y0 + 1, height - 1), np.minimum(x0 + 1, width - 1)
        share_y, share_x = y - y0.astype(np.float32), x - x0.astype(np.float32)
        upper = _between(self.logits[y0, x0], self.logits[y0, x1], share_x)
        lower = _between(self.logits[y1, x0], self.logits[y1, x1], share_x)
        return _between(upper, lower, share_y)

    def _samples(self, box: PixelBox) -> Logits:
        """The samples of some logits. Along its edges a box within the logits must hold nothing of interest."""
        part = self.logits[box.top : box.bottom, box.left : box.right]
        if self.zoom == 1:
            return part
        shape = (box.width * self.zoom, box.height * self.zoom)
        return np.asarray(cv2.resize(part, shape, interpolation=cv2.INTER_LINEAR), np.float32)


@dataclass(frozen=True, slots=True)
class Region:
    """The cells of a grid that hold pixels above a threshold: `full` ones, and those that the outline crosses."""

    grid: Grid
    threshold: float
    full: Bitmap  # (rows, columns) of cells, from cell `corner` on
    crossed: Bitmap
    corner: tuple[int, int]
    rows: _Axis
    columns: _Axis

    @classmethod
    def of(cls, grid: Grid, threshold: float, full: Bitmap, crossed: Bitmap, corner: tuple[int, int]) -> Region | None:
        box = _bounds(full | crossed)
        if box is None:
            return None
        inside = (slice(box.top, box.bottom), slice(box.left, box.right))
        return cls(
            grid=grid,
            threshold=threshold,
            full=full[inside],
            crossed=crossed[inside],
            corner=(corner[0] + box.top, corner[1] + box.left),
            rows=_Axis.between(grid.inner.height_px, grid.size.height_px),
            columns=_Axis.between(grid.inner.width_px, grid.size.width_px),
        )

    def draw(self) -> Patch:
        """The mask within the smallest rectangle of cells that holds it."""
        first_rows, first_columns = self._first_pixels()
        bitmap = self.full.repeat(np.diff(first_columns), axis=1).repeat(np.diff(first_rows), axis=0)
        top, left = int(first_rows[0]), int(first_columns[0])
        for rows, columns in self._outline():
            bitmap[rows - top, columns - left] = True
        return Patch(bitmap, self.grid.size, top=top, left=left)

    def area(self) -> int:
        """How many pixels the mask has, without drawing it."""
        heights, widths = (np.diff(first) for first in self._first_pixels())
        return int(heights @ (self.full @ widths)) + sum(len(rows) for rows, _ in self._outline())

    def _first_pixels(self) -> tuple[_Indices, _Indices]:
        (top, left), (rows, columns) = self.corner, self.full.shape
        return self.rows.first[top : top + rows + 1], self.columns.first[left : left + columns + 1]

    def _outline(self) -> Iterator[tuple[_Indices, _Indices]]:
        """The pixels (rows, columns) above the threshold in the crossed cells, some cells at a time."""
        y, x = np.nonzero(self.crossed)
        y, x = y + self.corner[0], x + self.corner[1]
        heights, widths = np.diff(self.rows.first), np.diff(self.columns.first)
        is_seen = (heights[y] > 0) & (widths[x] > 0)  # a small image does not look at every cell
        y, x = y[is_seen], x[is_seen]
        if y.size == 0:
            return
        height, width = int(heights[y].max()), int(widths[x].max())
        step = max(1, _BLOCK_PIXELS_MAX // (height * width))
        for start in range(0, y.size, step):
            cells_y, cells_x = y[start : start + step], x[start : start + step]
            rows, is_row = _block(self.rows, cells_y, height)
            columns, is_column = _block(self.columns, cells_x, width)
            values = self._values(cells_y, cells_x, self.rows.share[rows], self.columns.share[columns])
            is_above = (values > self.threshold) & is_row[:, :, None] & is_column[:, None, :]
            cell, row, column = np.nonzero(is_above)
            yield rows[cell, row], columns[cell, column]

    def _values(self, y: _Indices, x: _Indices, share_y: Logits, share_x: Logits) -> Logits:
        """The logits (cells, height, width) of the pixels of some cells."""
        y1 = np.minimum(y + 1, self.grid.inner.height_px - 1)
        x1 = np.minimum(x + 1, self.grid.inner.width_px - 1)
        exact = self.grid.exact
        upper = _between(exact(y, x)[:, None], exact(y, x1)[:, None], share_x)
        lower = _between(exact(y1, x)[:, None], exact(y1, x1)[:, None], share_x)
        return _between(upper[:, None, :], lower[:, None, :], share_y[:, :, None])


def _places(samples: int, pixels: int) -> Logits:
    """Where the middle of each pixel (pixels,) lies among the samples, in single precision with one rounding."""
    scale = np.float64(np.float32(samples) / np.float32(pixels))
    place = scale * (np.arange(pixels, dtype=np.float32) + np.float32(0.5)).astype(np.float64) - 0.5
    return np.maximum(place.astype(np.float32), np.float32(0))


def _between(lower: Logits, upper: Logits, share: Logits) -> Logits:
    """fma(1 − share, lower, share · upper): the product of two singles is exact in double precision."""
    fused = (np.float32(1) - share).astype(np.float64) * lower + share * upper
    return fused.astype(np.float32)


def _block(axis: _Axis, cells: _Indices, length: int) -> tuple[_Indices, Bitmap]:
    """`length` pixels (cells, length) from the first of each cell on, and which of them belong to it."""
    pixels = axis.first[cells][:, None] + np.arange(length)
    return np.minimum(pixels, len(axis.share) - 1), pixels < axis.first[cells + 1][:, None]


def _corners(samples: Bitmap, join: np.ufunc) -> Bitmap:
    """A claim about all, or any, of the four corners of each cell; the last cells have no other side."""
    rows = samples.copy()
    join(samples[:-1], samples[1:], out=rows[:-1])
    cells = rows.copy()
    join(rows[:, :-1], rows[:, 1:], out=cells[:, :-1])
    return cells


def _bounds(mask: Bitmap) -> PixelBox | None:
    """The smallest box that holds everything."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return PixelBox(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
