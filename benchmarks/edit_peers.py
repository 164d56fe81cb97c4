"""The eight edits as others make them, on the whole picture, and what they should come to; it measures nothing.

Each gives uint8 (H, W, 3), with the region blended in by the same soft alpha. numpy and kornia follow the formulas of
maskmill/core/edit.py; albumentations and Pillow have their own for the same names, at values that look alike.
"""

from __future__ import annotations

from collections.abc import Callable

import albumentations
import cv2
import kornia
import numpy as np
import torch
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from maskmill.core.edit import Edits
from maskmill.imaging.picture import Bytes, Floats

EDITS = Edits(
    brightness=0.08, contrast=0.15, gamma=0.2, hue=25.0, saturation=0.3, sharpen=0.8, noise=0.02, opacity=0.85
)
_SEED = 1


def numpy_cv2(rgb: Bytes, alpha: Floats, edits: Edits) -> Bytes:
    """Straightforward float32 with OpenCV's HSV and blur."""
    original = rgb.astype(np.float32) / 255
    x: np.ndarray = original + np.float32(edits.brightness)
    x = (x - np.float32(0.5)) * np.float32(1 + edits.contrast) + np.float32(0.5)
    x = np.clip(x, 0, 1) ** np.float32(1 / (1 + edits.gamma))
    hsv = np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2HSV), np.float32)
    hsv[..., 0] = (hsv[..., 0] + np.float32(edits.hue)) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * np.float32(1 + edits.saturation), 0, 1)
    x = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32)
    x = x + np.float32(edits.sharpen) * (x - cv2.GaussianBlur(x, (0, 0), 1.0))
    if edits.noise:
        x = x + np.random.default_rng(_SEED).normal(0, edits.noise, x.shape).astype(np.float32)
    x = np.clip(x, 0, 1)
    mixed = original + (x - original) * (alpha * np.float32(edits.opacity))[..., None]
    return np.asarray((mixed * 255 + np.float32(0.5)).astype(np.uint8))


def with_albumentations(edits: Edits) -> Callable[[Bytes, Floats], Bytes]:
    """Its transforms with fixed values, and the blend that it does not have."""
    steps = [
        albumentations.RandomBrightnessContrast((edits.brightness,) * 2, (edits.contrast,) * 2, p=1),
        albumentations.RandomGamma((round(100 / (1 + edits.gamma)),) * 2, p=1),
        albumentations.HueSaturationValue((edits.hue / 2,) * 2, (100 * edits.saturation,) * 2, (0, 0), p=1),
        albumentations.UnsharpMask((7, 7), (1.0, 1.0), (edits.sharpen,) * 2, threshold=0, p=1),
    ]
    if edits.noise:
        steps.append(albumentations.GaussNoise((edits.noise,) * 2, (0, 0), p=1))
    transform = albumentations.Compose(steps)

    def apply(rgb: Bytes, alpha: Floats) -> Bytes:
        return _blended(rgb, transform(image=rgb)["image"], alpha * np.float32(edits.opacity))

    return apply


def pillow(rgb: Bytes, alpha: Floats, edits: Edits) -> Bytes:
    """ImageEnhance, a shift of the bytes of HSV, an unsharp mask, and Pillow's own blend, all in bytes."""
    source = Image.fromarray(rgb)
    image = ImageEnhance.Brightness(source).enhance(1 + edits.brightness)
    image = ImageEnhance.Contrast(image).enhance(1 + edits.contrast)
    image = image.point([round(255 * (value / 255) ** (1 / (1 + edits.gamma))) for value in range(256)] * 3)
    hue, saturation, value = image.convert("HSV").split()
    turn = round(edits.hue * 256 / 360)
    hue = hue.point([(level + turn) % 256 for level in range(256)])
    image = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    image = ImageEnhance.Color(image).enhance(1 + edits.saturation)
    image = image.filter(ImageFilter.UnsharpMask(radius=1, percent=round(100 * edits.sharpen), threshold=0))
    if edits.noise:
        grain = [Image.effect_noise(image.size, 255 * edits.noise) for _ in range(3)]
        image = ImageChops.add(image, Image.merge("RGB", grain), scale=1, offset=-128)
    share = Image.fromarray((alpha * np.float32(255 * edits.opacity)).astype(np.uint8))
    return np.asarray(Image.composite(image, source, share))


def with_kornia(rgb: Bytes, alpha: Floats, edits: Edits) -> Bytes:
    """torch's float32, its HSV and blur."""
    original = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255
    x = (original + edits.brightness - 0.5) * (1 + edits.contrast) + 0.5
    x = x.clamp(0, 1) ** (1 / (1 + edits.gamma))
    hue, saturation, value = kornia.color.rgb_to_hsv(x).split(1, dim=1)
    hue = (hue + np.deg2rad(edits.hue)) % (2 * np.pi)
    saturation = (saturation * (1 + edits.saturation)).clamp(0, 1)
    x = kornia.color.hsv_to_rgb(torch.cat((hue, saturation, value), dim=1))
    x = x + edits.sharpen * (x - kornia.filters.gaussian_blur2d(x, (9, 9), (1.0, 1.0)))
    if edits.noise:
        x = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(_SEED)) * edits.noise
    mixed = original + (x.clamp(0, 1) - original) * (torch.from_numpy(alpha) * edits.opacity)
    return np.asarray((mixed * 255 + 0.5).to(torch.uint8)[0].permute(1, 2, 0).numpy())


def truth(rgb: Bytes, alpha: Floats, edits: Edits) -> np.ndarray:
    """The formulas in float64, in levels and not rounded, without noise: float64 (H, W, 3), right 8 pixels inwards."""
    original = rgb.astype(np.float64) / 255
    x = np.clip((original + edits.brightness - 0.5) * (1 + edits.contrast) + 0.5, 0, 1) ** (1 / (1 + edits.gamma))
    value, chroma = x.max(axis=-1), np.ptp(x, axis=-1)
    red, green, blue = (x[..., channel] for channel in range(3))
    safe = np.where(chroma > 0, chroma, 1)
    others = np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    hue = np.where(value == red, (green - blue) / safe, others) + edits.hue / 60
    new = np.minimum(chroma * (1 + edits.saturation), value)
    planes = []
    for offset in (5, 3, 1):
        sector = (hue + offset) % 6
        planes.append(value - new * np.clip(np.minimum(sector, 4 - sector), 0, 1))
    x = np.stack(planes, axis=-1)
    steps = np.exp(-0.5 * np.arange(-8, 9) ** 2)
    smooth = cv2.sepFilter2D(x, cv2.CV_64F, steps / steps.sum(), steps / steps.sum())
    x = np.clip(x + edits.sharpen * (x - smooth), 0, 1)
    return np.asarray((original + (x - original) * (alpha * np.float64(edits.opacity))[..., None]) * 255)


def _blended(rgb: Bytes, edited: Bytes, share: Floats) -> Bytes:
    original = rgb.astype(np.float32)
    mixed = original + (edited.astype(np.float32) - original) * share[..., None]
    return np.asarray((mixed + np.float32(0.5)).astype(np.uint8))
