"""Pixels, clicks and masks between an image and a model's frame, against segment_anything's own transforms."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap, Patch, Picture
from inference_container.segmenters.framing import Fit, Framing
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import Size

SAM = Framing(1024, 256)
SMALL = Framing(256, 64)
STRETCHED = Framing(1024, 256, Fit.STRETCHED)
SIZES = [(768, 1024), (1200, 700), (333, 2001), (1, 1), (8, 900), (900, 8), (17, 9), (64, 64), (1024, 577), (1331, 800)]


def size(height: int, width: int) -> Size:
    return Size(height_px=height, width_px=width)


def picture(height: int, width: int, seed: int = 0) -> Picture:
    return Picture.whole(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def reference() -> type:
    ensure_torchvision()
    from segment_anything.utils.transforms import ResizeLongestSide

    return ResizeLongestSide


def logits(side: int, smoothness: float, seed: int = 0) -> np.ndarray:
    """Clouds in about [−12, 12]; a smoothness of 0 is noise."""
    clouds = np.random.default_rng(seed).normal(0, 1, (side, side)).astype(np.float32)
    if smoothness:
        clouds = np.asarray(cv2.GaussianBlur(clouds, (0, 0), smoothness), np.float32)
    return clouds / np.abs(clouds).max() * np.float32(12)


def upsampled(low: np.ndarray, framing: Framing, to: Size) -> np.ndarray:
    """What `Sam.postprocess_masks` and transformers' SAM 2 make of a mask's logits at an image's size."""
    tensor = torch.from_numpy(low)[None, None]
    if framing.fit is Fit.PADDED:
        inner, side = framing.inner(to), framing.side_px
        tensor = functional.interpolate(tensor, (side, side), mode="bilinear", align_corners=False)
        tensor = tensor[..., : inner.height_px, : inner.width_px]
    shape = (to.height_px, to.width_px)
    return functional.interpolate(tensor, shape, mode="bilinear", align_corners=False)[0, 0].numpy()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pixels_are_those_of_the_reference(height: int, width: int) -> None:
    if min(SAM.inner(size(height, width)).model_dump().values()) > 1 or height == width:
        given = picture(height, width)
        assert np.array_equal(SAM.pixels(given), reference()(1024).apply_image(given.pixels))
    assert SAM.inner(size(height, width)).pixels >= 1


def test_a_picture_at_the_working_size_is_taken_as_it_is() -> None:
    small = picture(768, 1024)
    given = Picture(small.pixels, size(3000, 4000))
    assert SAM.pixels(given) is small.pixels
    assert STRETCHED.pixels(given).shape == (1024, 1024, 3)


def test_a_stretched_picture_is_within_a_level_of_sam_2s_own() -> None:
    given = picture(333, 501)
    tensor = torch.from_numpy(given.pixels).permute(2, 0, 1)[None]
    theirs = functional.interpolate(tensor, (1024, 1024), mode="bilinear", align_corners=False, antialias=True)
    ours = STRETCHED.pixels(given)
    assert np.abs(ours.astype(int) - theirs[0].permute(1, 2, 0).numpy().astype(int)).max() <= 1


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_clicks_land_where_the_reference_puts_them(height: int, width: int) -> None:
    points = np.random.default_rng(1).uniform(0, 1, (40, 2)) * (width, height)
    theirs = reference()(1024).apply_coords(points, (height, width)).astype(np.float32)
    assert SAM.coordinates(points, size(height, width)).dtype == np.float32
    if min(height, width) * 1024 > max(height, width):  # the reference makes nothing of a line
        assert np.array_equal(SAM.coordinates(points, size(height, width)), theirs)


def test_stretched_clicks_fill_both_sides() -> None:
    assert STRETCHED.coordinates([[500, 0], [0, 300]], size(300, 500)).tolist() == [[1024, 0], [0, 1024]]
    assert STRETCHED.coordinates([], size(300, 500)).shape == (0, 2)


@pytest.mark.parametrize("framing", [SAM, SMALL, STRETCHED], ids=str)
@pytest.mark.parametrize("smoothness", [0, 3, 20])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_drawn_mask_has_the_pixels_of_the_reference(
    framing: Framing, smoothness: float, height: int, width: int
) -> None:
    low = logits(framing.low_px, smoothness, seed=height)
    for threshold in (0.0, 2.5, -1.0):
        expected = upsampled(low, framing, size(height, width)) > threshold
        assert np.array_equal(framing.draw(low, size(height, width), threshold).full(), expected)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.sampled_from([SMALL, Framing(64, 16), Framing(256, 64, Fit.STRETCHED)]),
    st.sampled_from([0.0, 1.0, 4.0]),
    st.floats(-3, 3, width=32),
    st.integers(0, 99),
)
def test_any_image_and_any_mask_agree_with_the_reference(
    height: int, width: int, framing: Framing, smoothness: float, threshold: float, seed: int
) -> None:
    low, to = logits(framing.low_px, smoothness, seed), size(height, width)
    patch = framing.draw(low, to, threshold)
    assert np.array_equal(patch.full(), upsampled(low, framing, to) > threshold)


def test_a_photograph_of_twelve_megapixels_agrees_too() -> None:
    to = size(3000, 4000)
    low = logits(256, 9)
    assert np.array_equal(SAM.draw(low, to).full(), upsampled(low, SAM, to) > 0)


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


def test_a_frame_is_a_multiple_of_its_logits() -> None:
    with pytest.raises(ValueError, match="multiple"):
        Framing(1000, 256)


@pytest.mark.parametrize("smoothness", [0, 4, 20])
@pytest.mark.parametrize("framing", [SAM, STRETCHED], ids=str)
def test_stability_is_that_of_the_reference(framing: Framing, smoothness: float) -> None:
    ensure_torchvision()
    from segment_anything.utils.amg import calculate_stability_score

    low, to = logits(256, smoothness), size(301, 450)
    full = torch.from_numpy(upsampled(low, framing, to))
    assert framing.stability(low, to) == pytest.approx(float(calculate_stability_score(full, 0.0, 1.0)), abs=1e-7)


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
