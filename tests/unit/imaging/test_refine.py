"""Refinement against plain definitions: parts by flood fill, discs and distances by brute force."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from maskmill.core.prompt import Refinement
from maskmill.imaging.components import largest_part, without_small_parts
from maskmill.imaging.distance import squared_distances
from maskmill.imaging.refine import deepest_point, grown, refine, without_holes, without_islands

MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 16), st.integers(1, 16)))
FEW = settings(max_examples=120)


def flooded(mask: np.ndarray, *, diagonal: bool) -> list[np.ndarray]:
    """The connected parts of a mask, in reading order, by flood fill."""
    open_, parts = mask.copy(), []
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a or b) and (diagonal or not (a and b))]
    for start in map(tuple, np.argwhere(mask)):
        if not open_[start]:
            continue
        part, todo = np.zeros_like(mask), [start]
        open_[start] = False
        while todo:
            row, column = todo.pop()
            part[row, column] = True
            for down, right in steps:
                near = (row + down, column + right)
                if 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1] and open_[near]:
                    open_[near] = False
                    todo.append(near)
        parts.append(part)
    return parts


@given(mask=MASKS, area_min=st.integers(0, 20), diagonal=st.booleans())
@FEW
def test_small_parts_are_those_of_a_flood_fill(mask: np.ndarray, area_min: int, diagonal: bool) -> None:
    kept = [part for part in flooded(mask, diagonal=diagonal) if part.sum() >= area_min]
    expected = np.any(kept, axis=0) if kept else np.zeros_like(mask)
    assert np.array_equal(without_small_parts(mask, area_px_min=area_min, diagonal=diagonal), expected)


@given(mask=MASKS, diagonal=st.booleans())
@FEW
def test_the_largest_part_is_that_of_a_flood_fill(mask: np.ndarray, diagonal: bool) -> None:
    parts = flooded(mask, diagonal=diagonal)
    expected = max(parts, key=np.sum) if parts else mask
    assert np.array_equal(largest_part(mask, diagonal=diagonal), expected)


@given(mask=MASKS, area_min=st.integers(0, 20))
@FEW
def test_removing_islands_never_adds_and_never_removes_everything(mask: np.ndarray, area_min: int) -> None:
    kept = without_islands(mask, area_px_min=area_min)
    assert not (kept & ~mask).any()
    assert kept.any() == mask.any()


@given(mask=MASKS, area_min=st.integers(0, 30))
@FEW
def test_holes_are_closed_parts_of_the_background(mask: np.ndarray, area_min: int) -> None:
    filled = without_holes(mask, area_px_min=area_min)
    expected = mask.copy()
    for part in flooded(~mask, diagonal=False):
        touches = part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any()
        if not touches and part.sum() < area_min:
            expected |= part
    assert np.array_equal(filled, expected)


@given(mask=MASKS, cap=st.integers(0, 20))
@FEW
def test_distances_are_exact_up_to_the_cap(mask: np.ndarray, cap: int) -> None:
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
    expected = np.full(mask.shape, (cap + 1) ** 2)
    for row, column in np.argwhere(mask):
        np.minimum(expected, (rows - row) ** 2 + (columns - column) ** 2, out=expected)
    assert np.array_equal(squared_distances(mask, cap_px=cap), expected)


@given(mask=MASKS, radius=st.integers(1, 12))
@FEW
def test_growing_is_a_disc_and_shrinking_its_mirror(mask: np.ndarray, radius: int) -> None:
    rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]

    def disc(of: np.ndarray) -> np.ndarray:
        result = np.zeros_like(of)
        for row, column in np.argwhere(of):
            result |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        return result

    assert np.array_equal(grown(mask, radius), disc(mask))
    assert np.array_equal(grown(mask, -radius), ~disc(~mask) if mask.any() else mask)


def test_the_border_of_the_picture_is_no_edge() -> None:
    assert grown(np.ones((6, 9), np.bool_), -3).all()


@given(mask=MASKS)
@FEW
def test_the_deepest_point_lies_in_the_mask(mask: np.ndarray) -> None:
    point = deepest_point(mask)
    assert (point is None) == (not mask.any())
    assert point is None or mask[point]


@pytest.mark.parametrize("scale", [1, 7, 30])
def test_the_deepest_point_lies_deep(scale: int) -> None:
    mask = np.zeros((60 * scale, 90 * scale), np.bool_)
    mask[: 50 * scale, 10 * scale : 14 * scale] = True
    mask[30 * scale : 50 * scale, 10 * scale : 60 * scale] = True
    point = deepest_point(mask)
    assert point is not None
    assert abs(point.row - 40 * scale) <= 2 * scale
    assert 18 * scale <= point.column <= 52 * scale


def test_a_thin_line_has_a_deepest_point_too() -> None:
    mask = np.zeros((2000, 3000), np.bool_)
    mask[1001, 5:2990] = True
    point = deepest_point(mask)
    assert point is not None
    assert mask[point]


def test_nothing_asked_gives_the_same_object_back() -> None:
    mask = np.eye(9, dtype=np.bool_)
    assert refine(mask, Refinement()) is mask


@given(mask=MASKS, grow=st.integers(-5, 5), share=st.floats(0, 0.3))
@FEW
def test_only_growing_and_filling_add_pixels(mask: np.ndarray, grow: int, share: float) -> None:
    refined = refine(mask, Refinement(island_area_min=share, grow_px=min(grow, 0)))
    assert not (refined & ~mask).any()
    assert refined.shape == mask.shape


def test_a_large_ragged_mask_is_refined_in_good_time() -> None:
    rng = np.random.default_rng(1)
    coarse = np.kron(rng.random((300, 400)) < 0.55, np.ones((10, 10), np.bool_))
    start = time.process_time()
    refined = refine(coarse, Refinement(island_area_min=0.0005, hole_area_min=0.0005, grow_px=3))
    assert refined.any()
    assert time.process_time() - start < 5
