"""Run-length text: ours against pycocotools, and text that nobody should trust."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from inference_container.masks import decode_rle, encode_mask
from inference_container.segmenter import Patch
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from tests.container.pictures import truth_of

BITMAPS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(BITMAPS)
def test_a_mask_survives_its_text(bitmap: np.ndarray) -> None:
    mask = encode_mask(Patch.whole(bitmap), 0.5)
    assert np.array_equal(truth_of(mask.rle), bitmap)
    assert np.array_equal(decode_rle(mask.rle, mask.rle.size), bitmap)


def test_large_runs_survive_too() -> None:
    bitmap = np.zeros((3000, 4000), np.bool_)
    bitmap[100:2900, 5:3900] = True
    bitmap[:, 2000] = False
    mask = encode_mask(Patch.whole(bitmap), 1.0)
    assert np.array_equal(decode_rle(mask.rle, mask.rle.size), bitmap)


@pytest.mark.parametrize("score", [-0.5, 1.5])
def test_a_score_is_kept_within_its_range(score: float) -> None:
    assert encode_mask(Patch.whole(np.ones((2, 2), np.bool_)), score).score in (0.0, 1.0)


@given(st.text(max_size=30))
def test_any_text_is_decoded_or_refused(counts: str) -> None:
    size = Size(height_px=4, width_px=5)
    try:
        assert decode_rle(Rle(size=size, counts=counts), size).shape == (4, 5)
    except ModelFailure:
        pass


@pytest.mark.parametrize("counts", ["", "P", "d0" * 3, "o" * 20, "oooooooo0", "\x00", "é"])
def test_broken_text_is_refused(counts: str) -> None:
    size = Size(height_px=4, width_px=5)
    with pytest.raises(ModelFailure):
        decode_rle(Rle(size=size, counts=counts), size)


def test_a_mask_of_another_image_is_refused() -> None:
    mask = encode_mask(Patch.whole(np.ones((4, 5), np.bool_)), 1.0)
    with pytest.raises(ModelFailure):
        decode_rle(mask.rle, Size(height_px=5, width_px=4))
