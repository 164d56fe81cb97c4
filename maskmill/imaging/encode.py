"""Pictures into files without any metadata, the same bytes each time; it knows no storage and no recipe."""

from __future__ import annotations

import numpy as np
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.recipe import Output, OutputFormat
from maskmill.imaging import codecs
from maskmill.imaging.picture import Picture

_SIDE_PX_MAX = {OutputFormat.WEBP: 16_383, OutputFormat.JPEG: 65_500, OutputFormat.AVIF: 65_535}
_THUMBNAIL_QUALITY = 80
_REDUCING_GAP = 2.0


def encode(picture: Picture, output: Output) -> bytes:
    """The file of a picture; `output.quality` is for WebP, JPEG and AVIF. JPEG lies on white where it is transparent.

    Raises InvalidInput render_failed when a side exceeds what the format can hold.
    """
    longest = max(picture.rgb.shape[:2])
    if longest > _SIDE_PX_MAX.get(output.format, longest):
        message = f"{output.format.value.upper()} cannot hold a side of {longest} pixels. Choose PNG as the output."
        raise InvalidInput(Code.RENDER_FAILED, message=message)
    if output.format is OutputFormat.JPEG:
        picture = flattened(picture)
    return codecs.encoded(picture.channels(), output)


def webp_lossless(picture: Picture) -> bytes:
    """A WebP with exactly these pixels, those that are transparent included."""
    return codecs.webp_lossless(picture.channels())


def thumbnail_of(picture: Picture, long_side_px: int) -> bytes:
    """A WebP for galleries whose longer side is at most `long_side_px`: reduced by whole pixels before it is resampled.

    That takes less than half of the time of resampling all pixels.
    """
    image = Image.fromarray(picture.channels())
    image.thumbnail((long_side_px, long_side_px), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    return codecs.webp(np.asarray(image), quality=_THUMBNAIL_QUALITY)


def flattened(picture: Picture, *, background: tuple[int, int, int] = (255, 255, 255)) -> Picture:
    """The picture on a plain background, without opacity; the same object when it is opaque."""
    if picture.alpha is None:
        return picture
    rgb = np.empty_like(picture.rgb)
    weight = picture.alpha.astype(np.uint32)
    for channel in range(3):
        mixed = picture.rgb[:, :, channel] * weight + np.uint32(background[channel]) * (255 - weight)
        rgb[:, :, channel] = (mixed + 127) // 255
    return Picture(rgb=rgb, alpha=None, is_grey=picture.is_grey and len(set(background)) == 1)
