"""The closed outlines of a mask's parts and holes, by the runs of their edges; it knows no polygon format.

Parts are connected at corners, too, as COCO's and OpenCV's readers see them. Walking along an outline, the object lies
on the right: parts go clockwise and holes the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Bools

Ints = NDArray[np.int64]
_EAST, _SOUTH, _WEST, _NORTH = range(4)
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
    after, seen = runs.after.tolist(), bytearray(len(runs.after))
    rings = []
    for begin in range(len(after)):
        if seen[begin]:
            continue
        members, place = [], begin
        while not seen[place]:
            seen[place] = 1
            members.append(place)
            place = after[place]
        rings.append(_ring(runs, np.array(members, np.int64)))
    return runs, rings


def holes_in(mask: Bools) -> int:
    """How many holes a mask (H, W) has."""
    return sum(ring.is_hole for ring in rings_of(mask)[1])


def _ring(runs: Runs, members: Ints) -> Ring:
    x, y = runs.corners[members, 0], runs.corners[members, 1]
    area = int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
    return Ring(members, area < 0)


def _runs(mask: Bools) -> Runs:
    width = mask.shape[1]
    padded = np.pad(mask, 1)
    inner = slice(1, -1)
    below, right = padded[1:, inner], padded[inner, 1:]
    above, left = padded[:-1, inner], padded[inner, :-1]
    line_e, first_e, stop_e = _row_runs(below & ~above)
    line_w, first_w, stop_w = _row_runs(above & ~below)
    line_s, first_s, stop_s = _row_runs((left & ~right).T)
    line_n, first_n, stop_n = _row_runs((right & ~left).T)
    first = [_xy(first_e, line_e), _xy(line_s - 1, first_s), _xy(stop_w - 1, line_w - 1), _xy(line_n, stop_n - 1)]
    last = [_xy(stop_e - 1, line_e), _xy(line_s - 1, stop_s - 1), _xy(first_w, line_w - 1), _xy(line_n, first_n)]
    begins = [_xy(first_e, line_e), _xy(line_s, first_s), _xy(stop_w, line_w), _xy(line_n, stop_n)]
    ends = [_xy(stop_e, line_e), _xy(line_s, stop_s), _xy(first_w, line_w), _xy(line_n, first_n)]
    counts = [len(part) for part in begins]
    offsets = np.cumsum([0, *counts])
    after = [_followers(way, ends[way], begins, offsets, width + 1) for way in range(4)]
    return Runs(
        first=np.concatenate(first),
        last=np.concatenate(last),
        after=np.concatenate(after),
        south=range(int(offsets[_SOUTH]), int(offsets[_WEST])),
        north=range(int(offsets[_NORTH]), int(offsets[4])),
        corners=np.concatenate(begins),
    )


def _xy(x: Ints, y: Ints) -> Ints:
    return np.stack((x, y), axis=1)


def _followers(way: int, ends: Ints, begins: list[Ints], offsets: Ints, stride: int) -> Ints:
    """The stretch that begins where each ends; where two do, the one on the left, so that corners connect."""
    wanted = ends[:, 1] * stride + ends[:, 0]
    found = np.full(len(ends), -1, np.int64)
    for turn in reversed(_TURNS[way]):
        keys = begins[turn][:, 1] * stride + begins[turn][:, 0]
        order = np.argsort(keys, kind="stable")
        places = np.searchsorted(keys[order], wanted)
        is_there = places < len(keys)
        is_there[is_there] = keys[order][places[is_there]] == wanted[is_there]
        found[is_there] = order[places[is_there]] + offsets[turn]
    return found


def _row_runs(mask: Bools) -> tuple[Ints, Ints, Ints]:
    """The runs of each row: row, first column, and the column after the last."""
    height, width = mask.shape
    padded = np.zeros(height * (width + 1) + 1, np.int8)
    padded[1:].reshape(height, width + 1)[:, :width] = mask
    steps = np.diff(padded, append=np.int8(0))
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return starts // (width + 1), starts % (width + 1), stops - starts // (width + 1) * (width + 1)
