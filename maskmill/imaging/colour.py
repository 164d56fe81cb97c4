"""Hue, saturation and paint on planes of float32; it knows no picture, mask or neighbourhood.

Planes are three arrays of one shape with sRGB values in [0, 1]. Every step is an exactly rounded operation (+ − × ÷ min
max floor compare), so that a result does not depend on the CPU.
"""

from __future__ import annotations

import numpy as np

from maskmill.core.edit import Paint
from maskmill.imaging.picture import Floats

Planes = tuple[Floats, Floats, Floats]
Constants = tuple[np.float32, np.float32, np.float32]

_LUMA = (np.float32(0.3), np.float32(0.59), np.float32(0.11))
_ZERO, _ONE, _FOUR, _SIX = np.float32(0), np.float32(1), np.float32(4), np.float32(6)


def rgb_of(colour: str) -> tuple[int, int, int]:
    """The bytes of `#RRGGBB`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def saturated(planes: Planes, saturation: float) -> Planes:
    """HSV saturation times (1 + saturation), clipped at 1, with hue and value kept."""
    value, chroma = _value_and_chroma(planes)
    safe = np.where(chroma > _ZERO, chroma, _ONE)
    factor = np.minimum(np.float32(1.0 + saturation), value / safe)  # value / chroma is one over the saturation
    red, green, blue = (np.maximum(value - (value - plane) * factor, _ZERO) for plane in planes)
    return red, green, blue


def turned(planes: Planes, degrees: float) -> Planes:
    """HSV hue turned by degrees (modulo 360), with saturation and value kept."""
    value, chroma = _value_and_chroma(planes)
    hue = _hue_sixths(planes, value, chroma) + np.float32(degrees % 360.0 / 60.0)
    return _from_hue(hue, value, chroma, 5.0), _from_hue(hue, value, chroma, 3.0), _from_hue(hue, value, chroma, 1.0)


def painted(planes: Planes, paint: Paint) -> Planes:
    """Planes blended by `strength` towards the paint.

    With `keep_shading` the paint takes the luminosity of each pixel (the blend mode "color" of W3C Compositing and
    Blending Level 1, as CSS has it); without, it is the plain colour.
    """
    strength = np.float32(paint.strength)
    target: Planes | Constants = _shaded(planes, paint.colour) if paint.keep_shading else _constants(paint.colour)
    return (
        planes[0] + (target[0] - planes[0]) * strength,
        planes[1] + (target[1] - planes[1]) * strength,
        planes[2] + (target[2] - planes[2]) * strength,
    )


def _constants(colour: str) -> Constants:
    red, green, blue = rgb_of(colour)
    return np.float32(red / 255.0), np.float32(green / 255.0), np.float32(blue / 255.0)


def _value_and_chroma(planes: Planes) -> tuple[Floats, Floats]:
    red, green, blue = planes
    value = np.maximum(np.maximum(red, green), blue)
    return value, value - np.minimum(np.minimum(red, green), blue)


def _hue_sixths(planes: Planes, value: Floats, chroma: Floats) -> Floats:
    """Hue in sixths of a turn, in [-1, 5]; 0 for grey."""
    red, green, blue = planes
    safe = np.where(chroma > _ZERO, chroma, _ONE)
    of_blue = (red - green) / safe + _FOUR
    of_green = (blue - red) / safe + np.float32(2)
    of_red = (green - blue) / safe
    hue: Floats = np.where(value == red, of_red, np.where(value == green, of_green, of_blue))
    return hue


def _from_hue(hue: Floats, value: Floats, chroma: Floats, offset: float) -> Floats:
    sector = hue + np.float32(offset)
    sector -= np.floor(sector / _SIX) * _SIX
    share = np.minimum(np.minimum(sector, _FOUR - sector), _ONE)
    np.maximum(share, _ZERO, out=share)
    share *= chroma
    result: Floats = value - share
    return result


def _shaded(planes: Planes, colour: str) -> Planes:
    """The colour with the luminosity of each pixel, pulled back into [0, 1] around that luminosity."""
    paint = _constants(colour)
    own = paint[0] * _LUMA[0] + paint[1] * _LUMA[1] + paint[2] * _LUMA[2]
    offsets = [level - own for level in paint]  # from the luminosity; the same for every pixel
    luma = planes[0] * _LUMA[0] + planes[1] * _LUMA[1] + planes[2] * _LUMA[2]
    up, down = max(offsets), -min(offsets)
    shrink = np.minimum(
        np.minimum(_ONE, np.maximum(_ONE - luma, _ZERO) / max(up, np.float32(1e-6))),
        np.maximum(luma, _ZERO) / max(down, np.float32(1e-6)),
    )
    red, green, blue = (np.minimum(np.maximum(luma + shrink * offset, _ZERO), _ONE) for offset in offsets)
    return red, green, blue
