"""Normal images: the one lossless form in which every picture is kept, and its thumbnail; it knows no storage."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.image import NormalImage, SourceFormat
from maskmill.core.limits import THUMBNAIL_SIDE_PX
from maskmill.core.recipe import OutputFormat
from maskmill.imaging import fast_png
from maskmill.imaging.decode import decode, guarded
from maskmill.imaging.encode import thumbnail_of
from maskmill.imaging.picture import Bytes, Picture, pixels_sha256


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """What ingest keeps of a file: the picture, its row's facts, and the bytes of its PNG and its WebP thumbnail."""

    picture: Picture
    normal: NormalImage
    png: bytes
    thumbnail: bytes


def normalise(data: bytes) -> Normalised:
    """Decode a foreign file and make its normal image; raises InvalidInput as `decode` does."""
    picture, source_format, notes = decode(data)
    png = normal_png(picture)
    normal = NormalImage(
        pixels_sha256=pixels_sha256(picture),
        source_sha256=hashlib.sha256(data).hexdigest(),
        png_sha256=hashlib.sha256(png).hexdigest(),
        png_bytes=len(png),
        source_format=source_format,
        size=picture.size,
        is_grey=picture.is_grey,
        has_alpha=picture.alpha is not None,
        notes=notes,
    )
    return Normalised(picture, normal, png, thumbnail_of(picture, THUMBNAIL_SIDE_PX))


def normal_png(picture: Picture) -> bytes:
    """A lossless PNG (L, LA, RGB or RGBA) without any metadata; `read_normal` gives the same picture back."""
    return fast_png.written(picture.channels())


def read_normal(data: bytes) -> Picture:
    """The picture in a normal PNG, one of an earlier version included; raises InvalidInput corrupt_image."""
    return guarded(lambda: _read(data))


def read_own(data: bytes) -> Picture:
    """The picture in any file that Maskmill wrote, variants included; raises InvalidInput corrupt_image."""

    def read() -> Picture:
        with Image.open(io.BytesIO(data), formats=[output.value.upper() for output in OutputFormat]) as image:
            return _picture_from(image)

    return guarded(read)


def shrunk(picture: Picture, long_side_px: int) -> Picture:
    """The picture with its longer side at most `long_side_px` (Lanczos); the same object when it already is."""
    height, width = picture.rgb.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1:
        return picture
    return resized(picture, height_px=max(1, round(height * scale)), width_px=max(1, round(width * scale)))


def resized(picture: Picture, *, height_px: int, width_px: int) -> Picture:
    """The picture at another size (Lanczos); colour is weighted by opacity, so hidden colours do not bleed."""
    image = pillow_image(picture).resize((width_px, height_px), Image.Resampling.LANCZOS)
    return _picture_from(image)


def pillow_image(picture: Picture) -> Image.Image:
    """The picture as a Pillow image of mode L, LA, RGB or RGBA without any metadata."""
    return Image.fromarray(picture.channels())


def _read(data: bytes) -> Picture:
    pixels = fast_png.read(data)
    if pixels is not None:
        return _picture_of(pixels)
    with Image.open(io.BytesIO(data), formats=[SourceFormat.PNG.value.upper()]) as image:
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"a normal image of mode {image.mode}")
        return _picture_from(image)


def _picture_from(image: Image.Image) -> Picture:
    pixels: Bytes = np.asarray(image)
    return _picture_of(pixels if pixels.ndim == 3 else pixels[:, :, None])


def _picture_of(pixels: Bytes) -> Picture:
    """The picture of uint8 (H, W, channels); its array is the picture's own where that holds colours alone."""
    channels = pixels.shape[2]
    alpha = np.ascontiguousarray(pixels[:, :, -1]) if channels in (2, 4) else None
    if channels < 3:
        return Picture(np.repeat(pixels[:, :, :1], 3, axis=2), alpha, True)
    return Picture(np.require(pixels[:, :, :3], requirements=["C", "W"]), alpha, False)
