"""The closed outlines of a mask's parts and holes, by the runs of their edges; it knows no polygon format.

Parts are connected at corners, too, as COCO's and OpenCV's readers see them. Walking along an outline, the object lies
on the right: parts go clockwise and holes the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Bools

Ints = NDArray[np.int64]
_EAST, _SOUTH, _WEST, _NORTH = range(4)
_WALKED = -1
_TURNS = {_EAST: (_NORTH, _SOUTH), _SOUTH: (_EAST, _WEST), _WEST: (_SOUTH, _NORTH), _NORTH: (_WEST, _EAST)}


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Straight stretches of outlines: their pixels, first and last, as (x, y), and the stretch that follows each."""

    first: Ints  # (N, 2)
    last: Ints  # (N, 2)
    after: Ints  # (N,)
    south: range  # those that walk down, with the object on their left in the picture
    north: range  # those that walk up, with the object on their right in the picture
    corners: Ints  # (N, 2): where each begins, between pixels


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """One closed outline: its stretches in order."""

    runs: Ints
    is_hole: bool


def rings_of(mask: Bools) -> tuple[Runs, list[Ring]]:
    """All outlines of a mask (H, W)."""
    runs = _runs(mask)
    after = runs.after.tolist()
    rings = []
    for begin, following in enumerate(after):
        if following == _WALKED:
            continue
        members, place = [], begin
        while (following := after[place]) != _WALKED:
            members.append(place)
            after[place] = _WALKED
            place = following
        rings.append(_ring(runs, np.array(members, np.int64)))
    return runs, rings


def holes_in(rings: Iterable[Ring]) -> int:
    """How many of a mask's outlines are holes."""
    return sum(ring.is_hole for ring in rings)


def _ring(runs: Runs, members: Ints) -> Ring:
    x, y = runs.corners[members, 0], runs.corners[members, 1]
    area = int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
    return Ring(members, area < 0)


def _runs(mask: Bools) -> Runs:
    width = mask.shape[1]
    above, below = _sides(mask)
    left, right = _sides(np.ascontiguousarray(mask.T))
    line_e, first_e, stop_e = _row_runs(below & ~above)
    line_w, first_w, stop_w = _row_runs(above & ~below)
    line_s, first_s, stop_s = _row_runs(left & ~right)
    line_n, first_n, stop_n = _row_runs(right & ~left)
    first = [_xy(first_e, line_e), _xy(line_s - 1, first_s), _xy(stop_w - 1, line_w - 1), _xy(line_n, stop_n - 1)]
    last = [_xy(stop_e - 1, line_e), _xy(line_s - 1, stop_s - 1), _xy(first_w, line_w - 1), _xy(line_n, first_n)]
    begins = [_xy(first_e, line_e), _xy(line_s, first_s), _xy(stop_w, line_w), _xy(line_n, stop_n)]
    ends = [_xy(stop_e, line_e), _xy(line_s, stop_s), _xy(first_w, line_w), _xy(line_n, first_n)]
    counts = [len(part) for part in begins]
    offsets = np.cumsum([0, *counts])
    keys = [_keys_of(part, width + 1) for part in begins]
    orders = [np.argsort(part, kind="stable") for part in keys]
    known = [(part[order], order + offset) for part, order, offset in zip(keys, orders, offsets[:4], strict=True)]
    after = [_followers(_keys_of(ends[way], width + 1), [known[turn] for turn in _TURNS[way]]) for way in range(4)]
    return Runs(
        first=np.concatenate(first),
        last=np.concatenate(last),
        after=np.concatenate(after),
        south=range(int(offsets[_SOUTH]), int(offsets[_WEST])),
        north=range(int(offsets[_NORTH]), int(offsets[4])),
        corners=np.concatenate(begins),
    )


def _sides(mask: Bools) -> tuple[Bools, Bools]:
    """What lies before and after each line between the rows of a mask, its border's lines included."""
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1]), np.bool_)
    padded[1:-1] = mask
    return padded[:-1], padded[1:]


def _xy(x: Ints, y: Ints) -> Ints:
    return np.stack((x, y), axis=1)


def _keys_of(points: Ints, stride: int) -> Ints:
    return points[:, 1] * stride + points[:, 0]


def _followers(ends: Ints, begins: Sequence[tuple[Ints, Ints]]) -> Ints:
    """The stretch that begins where each ends; where two do, the first, on the left, so that corners connect.

    `begins` are the keys of the points where stretches begin, in order, and the stretches.
    """
    found = np.full(len(ends), -1, np.int64)
    for keys, stretches in reversed(begins):
        if len(keys):
            places = np.minimum(np.searchsorted(keys, ends), len(keys) - 1)
            is_there = keys[places] == ends
            found[is_there] = stretches[places[is_there]]
    return found


def _row_runs(mask: Bools) -> tuple[Ints, Ints, Ints]:
    """The runs of each row: row, first column, and the column after the last."""
    height, width = mask.shape
    padded = np.zeros(height * (width + 1) + 1, np.bool_)
    padded[1:].reshape(height, width + 1)[:, :width] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1])  # a row's last column is empty, so that no run leaves it
    starts, stops = edges[::2], edges[1::2]
    rows = starts // (width + 1)
    return rows, starts - rows * (width + 1), stops - rows * (width + 1)
