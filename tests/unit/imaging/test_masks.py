"""Masks as arrays: COCO's runs and their axis, foreign text, PNG and measurements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from maskmill.core.errors import Code, InvalidInput, ModelFailure
from maskmill.core.geometry import PixelBox, Size
from maskmill.core.mask import Rle
from maskmill.imaging.masks import area_px, box_px, mask_of, mask_png, pixel_box, read_mask_png, rle_of

# pycocotools 2.0.11 decodes with numpy 1's protocol; the product parses runs itself.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30)))


def corner_mask() -> np.ndarray:
    """5 rows, 9 columns, set only at row 1, columns 6 to 8."""
    mask = np.zeros((5, 9), np.bool_)
    mask[1, 6:] = True
    return mask


@given(mask=MASKS)
@settings(max_examples=200)
def test_runs_there_and_back_are_the_same_mask(mask: np.ndarray) -> None:
    rle = rle_of(mask)
    assert np.array_equal(mask_of(rle, size=rle.size), mask)
    assert np.array_equal(coco_mask.decode(rle.coco()).astype(np.bool_), mask)
    assert int(coco_mask.area(rle.coco())) == area_px(mask)


def test_a_large_mask_goes_there_and_back() -> None:
    rows, columns = np.mgrid[0:1500, 0:2100]
    mask = ((rows - 700) ** 2 / 500**2 + (columns - 900) ** 2 / 800**2 < 1) & ((rows // 7 + columns // 13) % 5 > 0)
    assert np.array_equal(mask_of(rle_of(mask)), mask)


def test_the_axis_convention_is_coco_s() -> None:
    rle = rle_of(corner_mask())
    assert rle.size == Size(height_px=5, width_px=9)
    assert rle.coco()["size"] == [5, 9]
    assert (
        rle.counts == coco_mask.frPyObjects({"size": [5, 9], "counts": [31, 1, 4, 1, 4, 1, 3]}, 5, 9)["counts"].decode()
    )
    assert list(coco_mask.toBbox(rle.coco())) == [6, 1, 3, 1]


@pytest.mark.parametrize(
    "counts",
    ["", "!", "~", "é", "1", "a0", "P" * 20, "00", rle_of(corner_mask()).counts[:-1], rle_of(corner_mask()).counts + "1",
     "oooooooo0", "O", rle_of(np.ones((5, 8), np.bool_)).counts],
)  # fmt: skip
def test_foreign_text_that_does_not_fit_is_refused(counts: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        mask_of(Rle(size=Size(height_px=5, width_px=9), counts=counts))
    assert caught.value.code is Code.INVALID_MASK


@given(counts=st.text(alphabet=[chr(48 + value) for value in range(64)], max_size=40))
@settings(max_examples=300)
def test_any_text_is_a_mask_or_a_refusal(counts: str) -> None:
    try:
        mask = mask_of(Rle(size=Size(height_px=7, width_px=11), counts=counts))
    except ModelFailure:
        return
    assert mask.shape == (7, 11)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ModelFailure) as caught:
        mask_of(rle_of(corner_mask()), size=Size(height_px=9, width_px=5))
    assert caught.value.code is Code.INVALID_MASK


@given(mask=MASKS)
@settings(max_examples=100)
def test_the_box_is_tight(mask: np.ndarray) -> None:
    box = pixel_box(mask)
    outside = mask.copy()
    outside[box.top : box.bottom, box.left : box.right] = False
    assert not outside.any()
    if mask.any():
        inner = mask[box.top : box.bottom, box.left : box.right]
        assert inner[0].any() and inner[-1].any() and inner[:, 0].any() and inner[:, -1].any()
        labelled = box_px(mask)
        assert [labelled.x, labelled.y, labelled.width, labelled.height] == list(coco_mask.toBbox(rle_of(mask).coco()))
    else:
        assert box == PixelBox(0, 0, 0, 0)
        assert area_px(mask) == 0


@given(mask=MASKS)
@settings(max_examples=50)
def test_a_mask_png_holds_0_and_255_and_comes_back(mask: np.ndarray) -> None:
    data = mask_png(mask)
    assert data == mask_png(mask.copy())
    assert np.array_equal(read_mask_png(data), mask)


def test_a_broken_mask_png_is_refused() -> None:
    with pytest.raises(InvalidInput):
        read_mask_png(mask_png(corner_mask())[:40])
