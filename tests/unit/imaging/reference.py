"""The edits once more, plainly: whole pictures in float64 with no regard to speed; what the product must agree with."""

from __future__ import annotations

import colorsys

import numpy as np

from maskmill.core.edit import Edits, Paint


def edited(rgb: np.ndarray, alpha: np.ndarray, edits: Edits, *, is_grey: bool = False) -> np.ndarray:
    """Unrounded result in levels (0…255), float64 (H, W, 3), without noise; `alpha` is (H, W) of the whole picture."""
    original = rgb.astype(np.float64) / 255
    margin = 260
    x = np.pad(original, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    x = _toned(x, edits)
    if not is_grey and (edits.hue or edits.saturation):
        x = _per_colour(x, lambda colour: _hsv(colour, edits))
    if edits.paint is not None:
        x = _per_colour(x, lambda colour: _painted(colour, edits.paint))
    if edits.blur is not None and edits.blur.radius > 0:
        x = gaussian(x, edits.blur.radius)
    if edits.sharpen:
        x = x + edits.sharpen * (x - gaussian(x, 1.0))
    x = np.clip(x, 0, 1)[margin:-margin, margin:-margin]
    share = alpha[:, :, None].astype(np.float64) * edits.opacity
    return (original + (x - original) * share) * 255


def gaussian(x: np.ndarray, sigma: float) -> np.ndarray:
    """A separable Gaussian along the first two axes, cut at five deviations; the border is not cared for."""
    steps = np.arange(-int(np.ceil(5 * sigma)), int(np.ceil(5 * sigma)) + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        x = np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="same"), axis, x)
    return x


def _toned(x: np.ndarray, edits: Edits) -> np.ndarray:
    x = x + edits.brightness
    x = (x - 0.5) * (1 + edits.contrast) + 0.5
    return np.clip(x, 0, 1) ** (1 / (1 + edits.gamma))


def _per_colour(x: np.ndarray, change: object) -> np.ndarray:
    colours, places = np.unique(x.reshape(-1, 3), axis=0, return_inverse=True)
    return np.array([change(colour) for colour in colours])[places.reshape(-1)].reshape(x.shape)  # type: ignore[operator]


def _hsv(colour: np.ndarray, edits: Edits) -> tuple[float, float, float]:
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb((hue + edits.hue / 360) % 1, min(1, saturation * (1 + edits.saturation)), value)


def _luma(colour: np.ndarray) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _painted(colour: np.ndarray, paint: Paint) -> np.ndarray:
    target = np.array([int(paint.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    if paint.keep_shading:
        target = _clipped_colour(target + (_luma(colour) - _luma(target)))
    return colour + (target - colour) * paint.strength


def _clipped_colour(colour: np.ndarray) -> np.ndarray:
    """ClipColor of W3C Compositing and Blending Level 1."""
    luma, low, high = _luma(colour), colour.min(), colour.max()
    if low < 0:
        colour = luma + (colour - luma) * luma / (luma - low)
    if high > 1:
        colour = luma + (colour - luma) * (1 - luma) / (high - luma)
    return colour
