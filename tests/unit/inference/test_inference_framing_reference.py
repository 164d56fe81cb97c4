"""Pixels, clicks and masks in a model's frame against segment_anything's own transforms and torch's interpolation."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")

from torch.nn import functional  # noqa: E402

from inference_container.segmenter import Picture  # noqa: E402
from inference_container.segmenters.framing import Fit, Framing  # noqa: E402
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision  # noqa: E402
from maskmill.core.geometry import Size  # noqa: E402

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


@settings(max_examples=60)
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
