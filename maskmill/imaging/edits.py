"""The edits of one region of a picture, in the order of maskmill.core.edit; it knows no template, recipe or file.

All arithmetic is float32 on sRGB in [0, 1], by exactly rounded operations only, pixel by pixel in a fixed order: the
same bytes on any CPU of an architecture, for the region's box, the whole picture or any strips of it. Beyond its border
the picture goes on with its edge pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskmill.core.edit import SHARPEN_SIGMA_PX, Edits
from maskmill.core.geometry import PixelBox
from maskmill.imaging import colour
from maskmill.imaging.gaussian import COARSE_SIGMA_PX, Blurred, kernel_radius, sharpened, wider
from maskmill.imaging.heap import keep_freed_memory
from maskmill.imaging.masks import pixel_box
from maskmill.imaging.noise import noise
from maskmill.imaging.picture import Bytes, Floats, Picture
from maskmill.imaging.regions import Alpha
from maskmill.imaging.tone import Tone, tone_table

_TILE_ROWS, _TILE_COLUMNS = 128, 512  # the planes in work fit a core's cache
_ZERO, _HALF, _ONE, _BYTE_MAX = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)


def apply_edits(
    picture: Picture, alpha: Alpha, edits: Edits, *, seed: int, tile: tuple[int, int] | None = None
) -> Picture:
    """The picture with the edits (all but cutout and thumbnail) blended in by alpha; the same object if none acts.

    Bytes where alpha is 0, and the picture's own opacity, are left as they are. `seed` (64 bits) is that of the noise;
    `tile` bounds the rows and columns in work at once and changes no bit. Hue and saturation pass by a greyscale
    picture, its noise is the same in all channels, and paint makes it a picture of colour.
    """
    edits = _effective(edits, picture)
    if alpha.is_empty or not edits.changes_pixels:
        return picture
    keep_freed_memory()
    is_grey = picture.is_grey and not _paints(edits)
    region = _Region(picture.rgb, edits, box=alpha.box, channels=1 if is_grey else 3, seed=seed)
    rgb = picture.rgb.copy()
    opacity = np.float32(edits.opacity)
    for box, values in _tiles(alpha, tile or region.tile()):
        _blend(rgb, region.edited(_rows(box), _columns(box)), box, values * opacity)
    return Picture(rgb=rgb, alpha=picture.alpha, is_grey=is_grey)


def _effective(edits: Edits, picture: Picture) -> Edits:
    return edits.model_copy(update={"hue": 0.0, "saturation": 0.0}) if picture.is_grey else edits


def _paints(edits: Edits) -> bool:
    return edits.paint is not None and edits.paint.strength > 0


def _rows(box: PixelBox) -> range:
    return range(box.top, box.bottom)


def _columns(box: PixelBox) -> range:
    return range(box.left, box.right)


def _tiles(alpha: Alpha, shape: tuple[int, int]) -> Iterator[tuple[PixelBox, Floats]]:
    """The region in tiles of at most `shape` (rows, columns), each cut to the pixels where alpha is above 0."""
    for top in range(0, alpha.box.height, shape[0]):
        for left in range(0, alpha.box.width, shape[1]):
            values = alpha.values[top : top + shape[0], left : left + shape[1]]
            own = pixel_box(values > 0)
            if own.height:
                first_row, first_column = alpha.box.top + top, alpha.box.left + left
                box = PixelBox(
                    first_row + own.top, first_column + own.left, first_row + own.bottom, first_column + own.right
                )
                yield box, values[own.top : own.bottom, own.left : own.right]


def _blend(rgb: Bytes, planes: tuple[Floats, ...], box: PixelBox, share: Floats) -> None:
    """original + (edited − original) · share, rounded to the nearest byte, into `rgb`."""
    window = rgb[box.top : box.bottom, box.left : box.right]
    for channel in range(3):
        if channel < len(planes):
            original = window[:, :, channel].astype(np.float32)
            original /= _BYTE_MAX
            mixed = planes[channel] - original
            mixed *= share
            mixed += original
            mixed *= _BYTE_MAX
            mixed += _HALF
            window[:, :, channel] = mixed.astype(np.uint8)  # not negative, so that truncation is floor
        else:
            window[:, :, channel] = window[:, :, 0]


class _Region:
    """The edited picture, before opacity and mask, at any rows and columns."""

    def __init__(self, rgb: Bytes, edits: Edits, *, box: PixelBox, channels: int, seed: int) -> None:
        self._rgb = rgb
        self._edits = edits
        self._channels = channels
        self._seed = seed
        self._tone = Tone(tone_table(edits))
        self._sigma = edits.blur.radius if edits.blur is not None else 0.0
        reach = kernel_radius(SHARPEN_SIGMA_PX)
        rows, columns = wider(_rows(box), reach), wider(_columns(box), reach)
        self._blurred = Blurred(self._pointwise, self._sigma, rows=rows, columns=columns)

    def tile(self) -> tuple[int, int]:
        """How many rows and columns are worth working on at once, given what their neighbourhood costs."""
        reach = kernel_radius(SHARPEN_SIGMA_PX) if self._edits.sharpen else 0
        if 0 < self._sigma < COARSE_SIGMA_PX:
            reach += kernel_radius(self._sigma)
        return max(_TILE_ROWS, 4 * reach), _TILE_COLUMNS

    def edited(self, rows: range, columns: range) -> tuple[Floats, ...]:
        """Tone, colour, paint, blur, sharpen and noise: one plane (grey) or three, within [0, 1]."""
        planes = self._sharpened(rows, columns) if self._edits.sharpen else self._blurred.at(rows, columns)
        if self._edits.noise:
            planes = tuple(
                plane + noise(rows, columns, seed=self._seed, channel=channel, deviation=self._edits.noise)
                for channel, plane in enumerate(planes)
            )
        return tuple(plane.clip(_ZERO, _ONE, out=plane) for plane in planes)

    def _sharpened(self, rows: range, columns: range) -> tuple[Floats, ...]:
        reach = kernel_radius(SHARPEN_SIGMA_PX)
        planes = self._blurred.at(wider(rows, reach), wider(columns, reach))
        return tuple(sharpened(plane, SHARPEN_SIGMA_PX, self._edits.sharpen) for plane in planes)

    def _pointwise(self, rows: range, columns: range) -> tuple[Floats, ...]:
        """Tone, hue, saturation and paint; beyond the picture's border its edge pixels go on."""
        window = window_of(self._rgb, rows, columns)
        toned = [self._tone.of(window[:, :, channel]) for channel in range(self._channels)]
        if self._channels == 1:
            return (toned[0],)
        planes = (toned[0], toned[1], toned[2])
        if self._edits.hue:
            planes = colour.turned(planes, self._edits.hue)
        if self._edits.saturation:
            planes = colour.saturated(planes, self._edits.saturation)
        if self._edits.paint is not None and self._edits.paint.strength > 0:
            planes = colour.painted(planes, self._edits.paint)
        return planes


def window_of(rgb: Bytes, rows: range, columns: range) -> Bytes:
    """The pixels at these rows and columns; beyond the border of the picture its edge pixels go on."""
    height, width = rgb.shape[:2]
    if rows.start >= 0 and rows.stop <= height and columns.start >= 0 and columns.stop <= width:
        return rgb[rows.start : rows.stop, columns.start : columns.stop]
    row_index = np.clip(np.arange(rows.start, rows.stop), 0, height - 1)
    column_index = np.clip(np.arange(columns.start, columns.stop), 0, width - 1)
    first = int(column_index[0])
    near = rgb[:, first : int(column_index[-1]) + 1].take(row_index, axis=0)
    return near.take(column_index - first, axis=1)
