"""Normal images from their source to pixels, at the size that an engine needs; it knows no storage and no model.

A normal image is upright: a PNG (RGB, RGBA or L, 8 bits) or a JPEG (colour or grey). Alpha is dropped: a segmenter sees
the colours alone. A JPEG that is wanted much smaller is decoded at a smaller scale of its cosine transform, which
leaves most of the work out, and is then reduced the rest of the way. A JPEG that says it must be turned is no normal
image: to turn it would lay it across the coordinates that its clicks were given in.
"""

from __future__ import annotations

import io
import math
from typing import Protocol

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from inference_container.segmenter import Picture, Pixels
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.limits import IMAGE_PIXELS_MAX, JPEG_SCANS_MAX

_MODES = {"PNG": frozenset({"RGB", "RGBA", "L", "LA"}), "JPEG": frozenset({"RGB", "L"})}
_OVERHEAD_BYTES = 1024 * 1024
_ORIENTATION_TAG = 0x0112
_MARGINS = (1.7, 1.2)  # a scale no larger than wanted would be sharper than the filter: 43 dB instead of 50 or more
_QUICK_RATIOS = (1.7, 2.4)  # between which a small blur and a linear step are as good as the filter
_SCAN = b"\xff\xda"  # starts each scan of a JPEG; a byte of 255 within one is followed by others


class ImageSource(Protocol):
    """Where images are read from, by the address that a task names."""

    def read(self, address: str, *, bytes_max: int) -> bytes:
        """All bytes of an object; raises NotFound, Unavailable, or InvalidInput when it is larger than `bytes_max`."""


def read_picture(source: ImageSource, address: str, size: Size, reduce_to: Size | None = None) -> Picture:
    """The colours of a normal image of `size`, as `decode_picture` gives them; raises what it and the source raise."""
    if size.pixels > IMAGE_PIXELS_MAX:
        raise InvalidInput(Code.TOO_MANY_PIXELS)
    return decode_picture(source.read(address, bytes_max=4 * size.pixels + _OVERHEAD_BYTES), size, reduce_to)


def decode_picture(data: bytes, size: Size, reduce_to: Size | None = None) -> Picture:
    """The colours of a PNG or JPEG of `size`; the header is judged before a pixel is decoded.

    Where `reduce_to` is smaller than `size`, and larger on neither side, the pixels have exactly that size: of a PNG by
    Pillow's antialiased bilinear filter, of a JPEG within about 50 dB of it. Otherwise they are those of the file.

    Raises InvalidInput: corrupt_image, too_complex.
    """
    wanted = reduce_to if reduce_to is not None and _is_within(reduce_to, size) else size
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            _check_header(image, size)
            pixels = _of_jpeg(image, data, wanted) if image.format == "JPEG" else np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=str(error)) from error
    return Picture(_filtered(pixels, wanted), size)


def _check_header(image: Image.Image, size: Size) -> None:
    if image.size != (size.width_px, size.height_px):
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"the task says {size}, the picture is {image.size}")
    if image.mode not in _MODES.get(image.format or "", ()):
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"a normal image is no {image.format} of mode {image.mode}")
    if image.format == "JPEG" and image.getexif().get(_ORIENTATION_TAG, 1) != 1:
        raise InvalidInput(Code.CORRUPT_IMAGE, detail="a normal image is upright")


def _of_jpeg(image: Image.Image, data: bytes, wanted: Size) -> Pixels:
    """The pixels of an opened JPEG, as they are, or decoded at a smaller scale and reduced to what is wanted."""
    if image.info.get("progressive") and data.count(_SCAN) > JPEG_SCANS_MAX:
        raise InvalidInput(Code.TOO_COMPLEX, detail=f"more than {JPEG_SCANS_MAX} scans")
    whole_width, whole_height = image.size
    least = (0, 0)  # scales above a half are no faster than the whole
    for margin in reversed(_MARGINS):
        height, width = math.ceil(wanted.height_px * margin), math.ceil(wanted.width_px * margin)
        if 2 * height <= whole_height and 2 * width <= whole_width:
            least = (height, width)
    pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=least[0], min_width=least[1])
    height, width = pixels.shape[:2]
    if not (wanted.height_px <= height <= whole_height and wanted.width_px <= width <= whole_width):
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"the header says {image.size}, the pixels are {pixels.shape}")
    return pixels if least == (0, 0) else _reduced(pixels, wanted)


def _filtered(pixels: Pixels, wanted: Size) -> Pixels:
    """Pixels at another size by Pillow's antialiased bilinear filter."""
    if pixels.shape[:2] == (wanted.height_px, wanted.width_px):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((wanted.width_px, wanted.height_px), Image.Resampling.BILINEAR))


def _reduced(pixels: Pixels, wanted: Size) -> Pixels:
    """Pixels, which are overwritten, by the same filter or by something quicker that spreads them as far.

    The filter is a triangle as wide as the ratio r, whose variance is r²/6 in pixels; that of a linear step is 1/6, and
    a blur of three taps adds the rest.
    """
    ratios = (pixels.shape[1] / wanted.width_px, pixels.shape[0] / wanted.height_px)
    if not all(_QUICK_RATIOS[0] <= ratio <= _QUICK_RATIOS[1] for ratio in ratios):
        return _filtered(pixels, wanted)
    spreads = [(ratio**2 - 1) / 6 for ratio in ratios]
    across, down = (np.array([spread / 2, 1 - spread, spread / 2]) for spread in spreads)
    cv2.sepFilter2D(pixels, -1, across, down, dst=pixels)
    shape = (wanted.width_px, wanted.height_px)
    return np.asarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_LINEAR), np.uint8)


def _is_within(one: Size, other: Size) -> bool:
    return one.height_px <= other.height_px and one.width_px <= other.width_px
