"""Pixels, clicks and masks between an image and a model's frame."""

import numpy as np
import pytest

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap, Patch, Picture
from inference_container.segmenters.framing import Fit, Framing
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import Size

SAM = Framing(1024, 256)
STRETCHED = Framing(1024, 256, Fit.STRETCHED)


def size(height: int, width: int) -> Size:
    return Size(height_px=height, width_px=width)


def picture(height: int, width: int, seed: int = 0) -> Picture:
    return Picture.whole(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def test_a_picture_at_the_working_size_is_taken_as_it_is() -> None:
    small = picture(768, 1024)
    given = Picture(small.pixels, size(3000, 4000))
    assert SAM.pixels(given) is small.pixels
    assert STRETCHED.pixels(given).shape == (1024, 1024, 3)


def test_stretched_clicks_fill_both_sides() -> None:
    assert STRETCHED.coordinates([[500, 0], [0, 300]], size(300, 500)).tolist() == [[1024, 0], [0, 1024]]
    assert STRETCHED.coordinates([], size(300, 500)).shape == (0, 2)


def test_a_mask_is_drawn_only_where_it_lives() -> None:
    low = np.full((256, 256), -8, np.float32)
    low[40:60, 100:110] = 8
    patch = SAM.draw(low, size(3000, 4000))
    assert patch.bitmap.size < 1.3 * patch.bitmap.sum()
    assert patch.bitmap.size < 0.01 * patch.size.pixels


@pytest.mark.parametrize("framing", [SAM, STRETCHED], ids=str)
def test_an_empty_mask_is_a_patch_of_no_pixels(framing: Framing) -> None:
    patch = framing.draw(np.full((256, 256), -8, np.float32), size(30, 50))
    assert patch.bitmap.size == 0
    assert patch.full().shape == (30, 50)
    assert not patch.full().any()
    assert encode_mask(patch, 0.5).rle.size == size(30, 50)


def test_what_a_model_sees_in_the_padding_is_no_mask() -> None:
    low = np.full((256, 256), -8, np.float32)
    low[150:] = 8  # of a picture of 2:1, only the upper half of the frame is picture
    assert SAM.draw(low, size(400, 800)).bitmap.size == 0


def test_logits_of_another_decoder_are_refused() -> None:
    with pytest.raises(ModelFailure):
        SAM.draw(np.zeros((128, 128), np.float32), size(30, 50))


def test_nothing_is_not_stable() -> None:
    assert SAM.stability(np.full((256, 256), -8, np.float32), size(30, 50)) == 0.0


def half(height: int, width: int) -> Bitmap:
    mask = np.zeros((height, width), np.bool_)
    mask[:, : width // 2] = True
    return mask


def test_a_previous_mask_is_sure_inside_and_out_and_the_padding_is_background() -> None:
    mask = half(300, 600)
    found = SAM.previous(encode_mask(Patch.whole(mask), 1.0).rle, size(300, 600))
    assert found.dtype == np.float32
    assert found.shape == (256, 256)
    assert (found[:128, :127] == 10).all()
    assert (found[:128, 129:] == -10).all()
    assert (found[128:] == -10).all()


def test_a_previous_mask_counts_by_its_share_of_each_cell() -> None:
    mask = half(512, 512)
    mask[:, 256] = True  # one column of the two that a cell has
    found = SAM.previous(encode_mask(Patch.whole(mask), 1.0).rle, size(512, 512))
    assert (found[:, 128] == 0).all()


def test_a_previous_mask_of_a_stretched_image_fills_the_frame() -> None:
    found = STRETCHED.previous(encode_mask(Patch.whole(half(300, 600)), 1.0).rle, size(300, 600))
    assert (found[:, :128] == 10).all()
    assert (found[:, 128:] == -10).all()


def test_a_previous_mask_of_another_image_is_refused() -> None:
    with pytest.raises(ModelFailure):
        SAM.previous(encode_mask(Patch.whole(half(30, 60)), 1.0).rle, size(60, 30))
