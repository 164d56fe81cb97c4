"""A photograph that is drawn: detail at every scale, as photographs have it, and a mask on a fifth of it."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

from maskmill.imaging.picture import Bools, Bytes

HEIGHT_PX, WIDTH_PX = 3000, 4000
SHARE = 0.2  # of the picture that the mask covers
_JPEG_BYTES_PER_PIXEL = (0.2, 0.35)  # of photographs at quality 90
_SEED = 0


@cache
def photo_jpeg() -> bytes:
    """12 megapixels as a camera keeps them; raises ValueError where they have not the detail of a photograph."""
    rng = np.random.default_rng(_SEED)
    shared = 42 * _clouds(rng, steepness=1.35)
    channels = [118 + shared + 22 * _clouds(rng, steepness=1.6) + rng.normal(0, 1.5, shared.shape) for _ in range(3)]
    pixels = np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    found = len(out.getvalue()) / (HEIGHT_PX * WIDTH_PX)
    if not _JPEG_BYTES_PER_PIXEL[0] <= found <= _JPEG_BYTES_PER_PIXEL[1]:
        raise ValueError(f"{found:.2f} bytes for each pixel")
    return out.getvalue()


@cache
def photo() -> Bytes:
    """Its pixels, uint8 (3000, 4000, 3)."""
    with Image.open(io.BytesIO(photo_jpeg())) as image:
        return np.asarray(image.convert("RGB"))


def _clouds(rng: np.random.Generator, *, steepness: float) -> np.ndarray:
    """Noise whose amplitude falls with its frequency, of deviation 1."""
    down, across = np.fft.fftfreq(HEIGHT_PX)[:, None], np.fft.rfftfreq(WIDTH_PX)[None]
    frequencies = np.hypot(down, across)
    frequencies[0, 0] = 1
    waves = rng.normal(size=frequencies.shape) + 1j * rng.normal(size=frequencies.shape)
    clouds = np.fft.irfft2(waves / frequencies**steepness, s=(HEIGHT_PX, WIDTH_PX))
    return np.asarray(clouds / clouds.std())


def blob() -> Bools:
    """A round thing with bays, bool (3000, 4000), on SHARE of the picture."""
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    down, across = rows - HEIGHT_PX / 2, columns - WIDTH_PX / 2
    angle = np.arctan2(down, across)
    radius = 1 + 0.15 * np.sin(3 * angle) + 0.1 * np.cos(5 * angle + 1)
    away = np.hypot(down, across) / radius
    return np.asarray(away <= np.quantile(away, SHARE))
