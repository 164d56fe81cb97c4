"""Hue, saturation and paint on planes of float32; it knows no picture, mask or neighbourhood.

Planes are three arrays of one shape with sRGB values in [0, 1]. Every step is an exactly rounded operation (+ − × ÷ min
max floor compare), so that a result does not depend on the CPU. `clip` stands where `np.minimum` with a number would
do: numpy has vector instructions for the one and not for the other.
"""

from __future__ import annotations

import numpy as np

from maskmill.core.edit import Paint
from maskmill.imaging.picture import Bools, Floats

Planes = tuple[Floats, Floats, Floats]
Constants = tuple[np.float32, np.float32, np.float32]

_LUMA = (np.float32(0.3), np.float32(0.59), np.float32(0.11))
_ZERO, _ONE, _TWO, _FOUR, _SIX = np.float32(0), np.float32(1), np.float32(2), np.float32(4), np.float32(6)
_TINY = np.float32(1e-37)  # divides the nothing of a grey pixel; no smaller chroma shows in a byte


def rgb_of(colour: str) -> tuple[int, int, int]:
    """The bytes of `#RRGGBB`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def saturated(planes: Planes, saturation: float) -> Planes:
    """HSV saturation times (1 + saturation), clipped at 1, with hue and value kept."""
    value, chroma = _value_and_chroma(planes)
    factor = value / chroma.clip(_TINY, _ONE)  # one over the saturation
    factor.clip(_ZERO, np.float32(1.0 + saturation), out=factor)
    return _drawn_in(planes[0], value, factor), _drawn_in(planes[1], value, factor), _drawn_in(planes[2], value, factor)


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


def _drawn_in(plane: Floats, value: Floats, factor: Floats) -> Floats:
    result = value - plane
    result *= factor
    np.subtract(value, result, out=result)
    return result.clip(_ZERO, _ONE, out=result)


def _constants(colour: str) -> Constants:
    red, green, blue = rgb_of(colour)
    return np.float32(red / 255.0), np.float32(green / 255.0), np.float32(blue / 255.0)


def _value_and_chroma(planes: Planes) -> tuple[Floats, Floats]:
    red, green, blue = planes
    value = np.maximum(red, green)
    np.maximum(value, blue, out=value)
    chroma = np.minimum(red, green)
    np.minimum(chroma, blue, out=chroma)
    return value, np.subtract(value, chroma, out=chroma)


def _hue_sixths(planes: Planes, value: Floats, chroma: Floats) -> Floats:
    """Hue in sixths of a turn, in [-1, 5]; 0 for grey."""
    red, green, blue = planes
    safe = chroma.clip(_TINY, _ONE)
    hue = red - green
    hue /= safe
    hue += _FOUR
    other = blue - red
    other /= safe
    other += _TWO
    _choose(value == green, other, hue)
    np.subtract(green, blue, out=other)
    other /= safe
    _choose(value == red, other, hue)
    return hue


def _choose(condition: Bools, these: Floats, values: Floats) -> None:
    """np.where into `values`, by masks of bits: a branch for each pixel costs ten times as much on a photo."""
    mask = np.negative(condition.view(np.int8)).astype(np.int32)
    bits = values.view(np.int32)
    mask &= bits ^ these.view(np.int32)
    bits ^= mask


def _from_hue(hue: Floats, value: Floats, chroma: Floats, offset: float) -> Floats:
    sector = hue + np.float32(offset)
    turns = sector / _SIX
    np.floor(turns, out=turns)
    turns *= _SIX
    sector -= turns
    share = np.subtract(_FOUR, sector, out=turns)
    np.minimum(share, sector, out=share)
    np.clip(share, _ZERO, _ONE, out=share)
    share *= chroma
    result: Floats = np.subtract(value, share, out=share)
    return result


def _shaded(planes: Planes, colour: str) -> Planes:
    """The colour with the luminosity of each pixel, pulled back into [0, 1] around that luminosity."""
    paint = _constants(colour)
    own = paint[0] * _LUMA[0] + paint[1] * _LUMA[1] + paint[2] * _LUMA[2]
    offsets = [level - own for level in paint]  # from the luminosity; the same for every pixel
    luma = planes[0] * _LUMA[0] + planes[1] * _LUMA[1] + planes[2] * _LUMA[2]
    up, down = max(offsets), -min(offsets)
    above = (_ONE - luma).clip(_ZERO, _ONE) / max(up, np.float32(1e-6))
    below = luma / max(down, np.float32(1e-6))
    shrink = np.minimum(above, below).clip(_ZERO, _ONE)
    red, green, blue = ((luma + shrink * offset).clip(_ZERO, _ONE) for offset in offsets)
    return red, green, blue
