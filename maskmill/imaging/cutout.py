"""Cut-outs: the object of a region on another background; it knows no recipe and fetches no picture.

A cut-out names the background, so that it is the one edit that changes pixels outside the region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from maskmill.core.edit import Background, Cutout
from maskmill.core.errors import Code, MaskmillError
from maskmill.imaging.colour import rgb_of
from maskmill.imaging.defringe import defringed
from maskmill.imaging.edits import window_of
from maskmill.imaging.encode import flattened
from maskmill.imaging.gaussian import Blurred
from maskmill.imaging.heap import keep_freed_memory
from maskmill.imaging.normal import resized
from maskmill.imaging.picture import Bytes, Floats, Picture
from maskmill.imaging.regions import Alpha

_STRIP_PIXELS = 1 << 17
_WEIGHT_MIN = np.float32(1e-4)  # far inside the object, where the object itself covers the background

Planes = Callable[[range, range], tuple[Floats, ...]]


def cut_out(picture: Picture, alpha: Alpha, cutout: Cutout, background: Picture | None = None) -> Picture:
    """The region of `picture` on the background that `cutout` names; the size stays (cropping is `render`'s).

    transparent: opacity is alpha times the source's own, and fully transparent pixels are black. colour and image (the
    picture `background`, resized to cover, centred): the result is opaque. blur: the source's own background, blurred
    without the object's colours bleeding into it, under the source's own opacity.
    Raises MaskmillError render_failed when the background picture is missing.
    """
    if cutout.background is Background.IMAGE and background is None:
        raise MaskmillError(Code.RENDER_FAILED, detail=f"no background picture {cutout.image_id}")
    keep_freed_memory()
    object_rgb = defringed(picture.rgb, alpha) if cutout.defringe else picture.rgb
    if cutout.background is Background.TRANSPARENT:
        return _transparent(picture, object_rgb, alpha)
    planes, is_grey = _background_planes(picture, alpha, cutout, background)
    keeps_opacity = cutout.background is Background.BLUR
    rgb = np.empty_like(picture.rgb)
    for rows, columns in _strips(picture.rgb):
        share = alpha.window(rows, columns)
        if picture.alpha is not None and not keeps_opacity:
            share *= _unit(picture.alpha[rows.start : rows.stop])
        behind = planes(rows, columns)
        for channel in range(3):
            front = _unit(object_rgb[rows.start : rows.stop, :, channel])
            rgb[rows.start : rows.stop, :, channel] = _bytes(behind[channel] + (front - behind[channel]) * share)
    kept = picture.alpha if keeps_opacity else None
    return Picture(rgb=rgb, alpha=kept, is_grey=picture.is_grey and is_grey)


def _transparent(picture: Picture, object_rgb: Bytes, alpha: Alpha) -> Picture:
    opacity = np.empty(picture.rgb.shape[:2], np.uint8)
    for rows, columns in _strips(picture.rgb):
        share = alpha.window(rows, columns)
        if picture.alpha is not None:
            share *= _unit(picture.alpha[rows.start : rows.stop])
        opacity[rows.start : rows.stop] = _bytes(share)
    rgb = np.where(opacity[:, :, None] > 0, object_rgb, np.uint8(0))
    return Picture(rgb=rgb, alpha=opacity, is_grey=picture.is_grey)


def _background_planes(
    picture: Picture, alpha: Alpha, cutout: Cutout, background: Picture | None
) -> tuple[Planes, bool]:
    """What stands behind, as planes at any rows and columns, and whether it is grey."""
    if cutout.background is Background.BLUR:
        return _blurred_behind(picture, alpha, cutout.radius), True
    if background is not None and cutout.background is Background.IMAGE:
        height, width = picture.rgb.shape[:2]
        cover = covering(background, height_px=height, width_px=width)
        return (lambda rows, columns: _planes_of(cover.rgb, rows, columns)), cover.is_grey
    levels = [np.float32(byte / 255.0) for byte in rgb_of(cutout.colour)]
    is_grey = len(set(levels)) == 1
    return (lambda rows, columns: tuple(np.full((len(rows), len(columns)), level) for level in levels)), is_grey


def covering(picture: Picture, *, height_px: int, width_px: int) -> Picture:
    """The picture resized (Lanczos) to cover a size and cut to it around the centre; white where it is transparent."""
    opaque = flattened(picture)
    height, width = opaque.rgb.shape[:2]
    scale = max(height_px / height, width_px / width)
    tall, wide = max(height_px, round(height * scale)), max(width_px, round(width * scale))
    if (tall, wide) != (height, width):
        opaque = resized(opaque, height_px=tall, width_px=wide)
    top, left = (tall - height_px) // 2, (wide - width_px) // 2
    rgb = np.ascontiguousarray(opaque.rgb[top : top + height_px, left : left + width_px])
    return Picture(rgb=rgb, alpha=None, is_grey=opaque.is_grey)


def _blurred_behind(picture: Picture, alpha: Alpha, sigma_px: float) -> Planes:
    """The background blurred with the object left out: a Gaussian mean weighted by 1 − alpha."""
    height, width = picture.rgb.shape[:2]

    def weighted(rows: range, columns: range) -> tuple[Floats, ...]:
        weight = np.maximum(np.float32(1) - alpha.window(rows, columns), _WEIGHT_MIN)
        return (*(plane * weight for plane in _planes_of(picture.rgb, rows, columns)), weight)

    blurred = Blurred(weighted, sigma_px, rows=range(height), columns=range(width))

    def behind(rows: range, columns: range) -> tuple[Floats, ...]:
        *planes, weight = blurred.at(rows, columns)
        return tuple(plane / weight for plane in planes)

    return behind


def _planes_of(rgb: Bytes, rows: range, columns: range) -> tuple[Floats, ...]:
    window = window_of(rgb, rows, columns)
    return tuple(_unit(window[:, :, channel]) for channel in range(3))


def _unit(values: Bytes) -> Floats:
    return values.astype(np.float32) / np.float32(255)


def _bytes(values: Floats) -> Bytes:
    clipped = np.minimum(np.maximum(values, np.float32(0)), np.float32(1))
    return (clipped * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def _strips(rgb: Bytes) -> Iterator[tuple[range, range]]:
    height, width = rgb.shape[:2]
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        yield range(top, min(height, top + step)), range(width)
