"""Outlines of masks as one polygon, drawn as OpenCV draws them: exact where nothing is simplified."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskmill.core.geometry import Size
from maskmill.imaging import contours
from maskmill.imaging.contours import outline
from maskmill.imaging.polygons import filled
from maskmill.imaging.rings import holes_in, rings_of


def size_of(mask: np.ndarray) -> Size:
    return Size(height_px=mask.shape[0], width_px=mask.shape[1])


def by_opencv(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [points.astype(np.int32)], 1)
    return drawn > 0


def random_mask(seed: int, side_max: int = 24) -> np.ndarray:
    dice = np.random.default_rng(seed)
    height, width = dice.integers(2, side_max, 2)
    return np.asarray(dice.random((height, width)) < dice.random() ** 0.5)


def is_one_part(mask: np.ndarray) -> bool:
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) == 2


def test_polygons_are_drawn_as_opencv_draws_them() -> None:
    dice = np.random.default_rng(0)
    for _ in range(3000):
        count, (width, height) = dice.integers(1, 9), dice.integers(2, 40, 2)
        points = np.stack([dice.integers(0, width, count), dice.integers(0, height, count)], axis=1)
        drawn = filled(points.astype(np.int64), Size(height_px=int(height), width_px=int(width)))
        assert np.array_equal(drawn, by_opencv(points, (height, width))), points.tolist()


def test_rings_are_the_parts_and_the_holes() -> None:
    for seed in range(500):
        mask = random_mask(seed, side_max=14)
        parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
        outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
        holes = cv2.connectedComponents(outside, connectivity=4)[0] - 2
        rings = rings_of(mask)[1]
        assert (sum(not ring.is_hole for ring in rings), holes_in(rings)) == (parts, holes)


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_one_part_with_any_holes_comes_back_bit_for_bit_when_nothing_is_simplified(seed: int) -> None:
    mask = random_mask(seed)
    if not is_one_part(mask):
        return
    paths, cuts = contours._paths(mask, *rings_of(mask))
    points = contours._joined(paths, cuts, 0.0)
    assert np.array_equal(filled(points, size_of(mask)), mask)


def by_the_book(path: np.ndarray, begin: int, end: int, tolerance_px: float) -> set[int]:
    """Douglas and Peucker between two places of a closed path."""
    origin, chord = path[begin], path[end % len(path)] - path[begin]
    away = []
    for place in range(begin + 1, end):
        x, y = path[place] - origin
        along = min(1.0, max(0.0, (x * chord[0] + y * chord[1]) / (chord @ chord))) if chord.any() else 0.0
        away.append(np.hypot(x - along * chord[0], y - along * chord[1]))
    if not away or max(away) <= tolerance_px + contours._EXACT:
        return set()
    place = begin + 1 + int(np.argmax(away))
    return {place} | by_the_book(path, begin, place, tolerance_px) | by_the_book(path, place, end, tolerance_px)


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.sampled_from(contours.TOLERANCES_PX))
def test_outlines_are_simplified_by_the_book(seed: int, tolerance_px: float) -> None:
    mask = random_mask(seed)
    for path in contours._paths(mask, *rings_of(mask))[0]:
        if len(path) > 3:
            away = int(((path - path[0]) ** 2).sum(axis=1).argmax())
            kept = by_the_book(path, 0, away, tolerance_px) | by_the_book(path, away, len(path), tolerance_px)
            found = contours._simplified(path, set(), tolerance_px)
            assert found.tolist() == sorted({0, away} | kept)


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_the_iou_that_is_told_is_that_of_the_reader(seed: int) -> None:
    mask = random_mask(seed)
    found = outline(mask)
    if len(found.points):
        drawn = by_opencv(found.points, mask.shape)
        assert found.iou == pytest.approx(contours.iou(drawn, mask))
        assert (drawn | ~mask).all() or found.iou >= contours.IOU_MIN


def test_parts_are_joined_and_cost_a_thin_way() -> None:
    mask = np.zeros((60, 120), np.bool_)
    mask[10:50, 10:50] = mask[20:40, 70:110] = True
    found = outline(mask)
    drawn = by_opencv(found.points, mask.shape)
    assert not (mask & ~drawn).any()
    assert found.iou > 0.98
    assert (drawn & ~mask).sum() <= 40


def test_an_island_in_a_hole_stays_an_island() -> None:
    y, x = np.mgrid[0:100, 0:100]
    away = (y - 50) ** 2 + (x - 50) ** 2
    mask = ((away < 2000) & (away > 900)) | (away < 100)
    found = outline(mask)
    assert found.iou > 0.985
    assert found.holes_lost == 0


@pytest.mark.parametrize("pixels", [[], [(3, 3)], [(3, 3), (3, 4)]])
def test_what_is_no_polygon_has_none(pixels: list[tuple[int, int]]) -> None:
    mask = np.zeros((8, 8), np.bool_)
    for pixel in pixels:
        mask[pixel] = True
    assert len(outline(mask).points) == 0


def test_a_line_of_one_pixels_width_is_kept() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[5, 3:20] = mask[5:15, 3] = True
    assert outline(mask).iou == 1.0


def test_noise_is_bounded_and_still_says_what_it_lost() -> None:
    mask = np.random.default_rng(2).random((700, 900)) > 0.5
    found = outline(mask)
    assert len(found.points) < 3 * contours.CORNERS_MAX
    assert found.iou == pytest.approx(contours.iou(by_opencv(found.points, mask.shape), mask))


def test_twelve_megapixels_take_about_a_second() -> None:
    y, x = np.mgrid[0:3000, 0:4000]
    mask = ((y - 1500) ** 2 * 1.7 + (x - 2000) ** 2 < 1.9e6) & ((y - 1300) ** 2 + (x - 1900) ** 2 > 9e4)
    began = time.process_time()
    found = outline(mask)
    assert time.process_time() - began < 5
    assert found.iou > 0.999
    assert len(found.points) < 500
