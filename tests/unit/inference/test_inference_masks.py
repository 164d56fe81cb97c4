"""Run-length text: ours against pycocotools, and text that nobody should trust."""

import time
import warnings

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


def theirs(bitmap: np.ndarray) -> str:
    """The text that pycocotools makes of a mask at the size of its image."""
    from pycocotools import mask as coco

    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # its arrays predate numpy 2
        return coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))["counts"].decode()


@given(BITMAPS, st.tuples(*[st.integers(0, 9)] * 4))
def test_a_patch_anywhere_in_its_image_has_the_text_of_the_whole_image(
    bitmap: np.ndarray, margins: tuple[int, int, int, int]
) -> None:
    above, below, left, right = margins
    height, width = bitmap.shape
    size = Size(height_px=height + above + below, width_px=width + left + right)
    patch = Patch(bitmap, size, top=above, left=left)
    assert encode_mask(patch, 1.0).rle == Rle(size=size, counts=theirs(np.pad(bitmap, ((above, below), (left, right)))))


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (8, 8), (3, 7)])
def test_a_mask_of_nothing_and_one_of_everything(height: int, width: int, value: bool) -> None:
    bitmap = np.full((height, width), value)
    assert encode_mask(Patch.whole(bitmap), 1.0).rle.counts == theirs(bitmap)


def test_a_patch_of_no_pixels_is_an_empty_mask() -> None:
    size = Size(height_px=5, width_px=4)
    patch = Patch(np.zeros((0, 0), np.bool_), size)
    assert encode_mask(patch, 1.0).rle.counts == theirs(np.zeros((5, 4)))


def test_a_view_into_a_larger_array_is_read_as_it_is() -> None:
    whole = np.random.default_rng(0).random((40, 60)) > 0.5
    for view in (whole[3:20:2, 5:50:3], whole.T, whole[:, ::-1]):
        assert encode_mask(Patch.whole(view), 1.0).rle.counts == theirs(view)


def test_an_outline_that_is_too_long_is_refused() -> None:
    chessboard = np.indices((3000, 2000)).sum(axis=0) % 2 == 1
    with pytest.raises(ModelFailure):
        encode_mask(Patch.whole(chessboard), 1.0)


def test_a_patch_is_encoded_in_the_time_of_its_own_size() -> None:
    small = Patch(np.ones((300, 300), np.bool_), Size(height_px=6000, width_px=8000), top=10, left=10)
    large = Patch(np.ones((6000, 8000), np.bool_), small.size)
    assert fastest(small) < fastest(large) / 4


def fastest(patch: Patch) -> float:
    """The fewest CPU seconds of several runs."""

    def once() -> float:
        start = time.process_time()
        encode_mask(patch, 1.0)
        return time.process_time() - start

    return min(once() for _ in range(5))


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
