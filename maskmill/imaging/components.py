"""Connected parts of a mask by their rows' runs; it knows no refinement and no image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Bools

Indices = NDArray[np.int64]


def without_small_parts(mask: Bools, *, area_px_min: float, diagonal: bool, keep_first: bool = False) -> Bools:
    """The mask (H, W) without its connected parts of fewer than `area_px_min` pixels.

    `diagonal` says whether pixels that touch at a corner are connected (8-connectivity) or not (4); `keep_first` keeps
    the part of the first pixel in reading order, however small it is.
    """
    starts, ends = _runs(mask)
    if starts.size == 0:
        return mask
    parts = _parts(starts, ends, stride=mask.shape[1] + 1, reach=1 if diagonal else 0)
    areas = np.bincount(parts, weights=(ends - starts).astype(np.float64), minlength=starts.size)
    if keep_first:
        areas[0] = np.inf
    return _drawn(starts, ends, areas[parts] >= area_px_min, mask)


def largest_part(mask: Bools, *, diagonal: bool) -> Bools:
    """The largest connected part of a mask (H, W); the first in reading order where several are equal."""
    starts, ends = _runs(mask)
    if starts.size == 0:
        return mask
    parts = _parts(starts, ends, stride=mask.shape[1] + 1, reach=1 if diagonal else 0)
    areas = np.bincount(parts, weights=(ends - starts).astype(np.float64), minlength=starts.size)
    return _drawn(starts, ends, parts == int(np.argmax(areas)), mask)


def _runs(mask: Bools) -> tuple[Indices, Indices]:
    """First and one-past-last positions of each row's runs, counted through rows of width + 1."""
    height, width = mask.shape
    padded = np.zeros(height * (width + 1) + 1, np.int8)
    padded[1:].reshape(height, width + 1)[:, :width] = mask
    steps = np.diff(padded, append=np.int8(0))
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)


def _parts(starts: Indices, ends: Indices, *, stride: int, reach: int) -> Indices:
    """For each run the number of the first run of its connected part."""
    low = np.searchsorted(ends, starts + stride - reach, side="right")
    high = np.searchsorted(starts, ends + stride + reach, side="left")
    counts = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(starts.size), counts)
    offsets = np.arange(upper.size) - np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(low, counts) + offsets
    return _united(starts.size, upper, lower)


def _united(nodes: int, first: Indices, second: Indices) -> Indices:
    """The smallest node that each node is connected with, by hooking and pointer jumping."""
    roots = np.arange(nodes)
    while first.size:
        left, right = roots[first], roots[second]
        np.minimum.at(roots, np.maximum(left, right), np.minimum(left, right))
        while True:
            jumped = roots[roots]
            if np.array_equal(jumped, roots):
                break
            roots = jumped
        open_edges = roots[first] != roots[second]
        first, second = first[open_edges], second[open_edges]
    return roots


def _drawn(starts: Indices, ends: Indices, kept: NDArray[np.bool_], like: Bools) -> Bools:
    height, width = like.shape
    steps = np.zeros(height * (width + 1) + 1, np.int8)
    steps[starts[kept]] = 1
    steps[ends[kept]] = -1
    filled = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
    return np.ascontiguousarray(filled.reshape(height, width + 1)[:, :width])
