"""Thumbnails of variants: small, of any shape, the same bytes each time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.imaging.encode import thumbnail_of
from maskmill.imaging.picture import Picture


def picture(height_px: int, width_px: int, *, alpha: bool = False, is_grey: bool = False) -> Picture:
    """A ramp from black at the left to white at the right, opaque in its upper half where it has an opacity."""
    ramp = np.linspace(0, 255, width_px).astype(np.uint8)
    rgb = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (height_px, width_px, 3)))
    opacity = np.zeros((height_px, width_px), np.uint8)
    opacity[: height_px // 2] = 255
    return Picture(rgb, opacity if alpha else None, is_grey)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["WEBP"])


@pytest.mark.parametrize(
    ("height_px", "width_px", "size"),
    [(300, 400, (256, 192)), (1000, 100, (26, 256)), (20, 30, (30, 20)), (9000, 8, (1, 256)), (1, 1, (1, 1))],
)
@pytest.mark.parametrize("alpha", [False, True])
def test_the_longer_side_is_bounded_and_the_shape_stays(
    height_px: int, width_px: int, size: tuple[int, int], alpha: bool
) -> None:
    data = thumbnail_of(picture(height_px, width_px, alpha=alpha), VARIANT_THUMBNAIL_SIDE_PX)
    assert opened(data).size == size
    assert data == thumbnail_of(picture(height_px, width_px, alpha=alpha), VARIANT_THUMBNAIL_SIDE_PX)


@pytest.mark.parametrize("is_grey", [False, True])
def test_it_shows_what_the_variant_shows(is_grey: bool) -> None:
    shown = np.asarray(opened(thumbnail_of(picture(900, 1200, is_grey=is_grey), 256)).convert("RGB")).astype(int)
    expected = np.linspace(0, 255, 256)[None, :, None]
    assert np.abs(shown - expected).mean() < 3


def test_what_is_transparent_stays_so() -> None:
    small = np.asarray(opened(thumbnail_of(picture(900, 1200, alpha=True), 256)))
    assert small.shape == (192, 256, 4)
    assert (small[:90, :, 3] > 250).all() and (small[102:, :, 3] < 5).all()
