"""Run lengths as numbers, and the connected parts of a mask without its pixels, against numpy and pycocotools."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from maskmill.core.errors import Code, InvalidInput, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.limits import PARTS_MAX
from maskmill.core.mask import Rle
from maskmill.core.parts import parts_of
from maskmill.core.runs import rle_of_runs, runs_of
from maskmill.imaging.components import largest_part
from maskmill.imaging.masks import area_px, box_px, mask_of, rle_of

BITMAPS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


@given(BITMAPS)
def test_run_lengths_come_back_as_the_same_text(bitmap: np.ndarray) -> None:
    rle = rle_of(bitmap)
    assert rle_of_runs(runs_of(rle), rle.size) == rle


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_any_run_lengths_are_written_as_pycocotools_reads_them(runs: list[int]) -> None:
    size = Size(height_px=1, width_px=max(1, sum(runs)))
    runs = runs if sum(runs) else [1]
    assert list(runs_of(rle_of_runs(runs, size))) == runs
    assert area_px(mask_of(rle_of_runs(runs, size))) == sum(runs[1::2])


@given(BITMAPS)
def test_parts_are_disjoint_connected_and_together_the_mask(bitmap: np.ndarray) -> None:
    parts = parts_of(rle_of(bitmap), most=10_000)
    total = np.zeros(bitmap.shape, int)
    for part in parts:
        mask = mask_of(part.rle)
        assert np.array_equal(largest_part(mask, diagonal=True), mask)
        assert (part.area_px, part.box) == (area_px(mask), box_px(mask))
        total += mask
    assert np.array_equal(total, bitmap.astype(int))
    assert [part.area_px for part in parts] == sorted((part.area_px for part in parts), reverse=True)
    if parts:
        assert parts[0].area_px == area_px(largest_part(bitmap, diagonal=True))


def test_parts_that_touch_are_one() -> None:
    """No two parts are neighbours, also over a corner and from the foot of one column to the head of the next."""
    bitmap = np.array([[0, 1, 0, 0, 1], [1, 0, 0, 0, 0], [1, 0, 0, 1, 0]], np.bool_)
    assert [part.area_px for part in parts_of(rle_of(bitmap), most=9)] == [3, 1, 1]
    assert parts_of(rle_of(np.zeros((3, 3), np.bool_)), most=9) == ()


def test_only_the_largest_are_listed() -> None:
    bitmap = np.zeros((5, 50), np.bool_)
    bitmap[::2, ::2] = True
    assert len(parts_of(rle_of(bitmap), most=4)) == 4


def test_a_mask_of_dust_is_refused_and_a_large_one_is_fast() -> None:
    dust = np.zeros((1500, 1500), np.bool_)
    dust[::2, ::2] = True
    with pytest.raises(InvalidInput) as raised:
        parts_of(rle_of(dust), most=PARTS_MAX)
    assert raised.value.code is Code.ANSWER_TOO_LARGE
    large = np.ones((3000, 4000), np.bool_)
    large[1000:1100] = False
    started = time.monotonic()
    assert len(parts_of(rle_of(large), most=PARTS_MAX)) == 2
    assert time.monotonic() - started < 2


def test_what_is_no_mask_is_refused() -> None:
    for counts in ("", "x", "~", "P", "5555"):
        with pytest.raises(ModelFailure):
            parts_of(Rle(size=Size(height_px=4, width_px=5), counts=counts), most=1)
