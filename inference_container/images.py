"""Normal images from their source to pixels; it knows no storage and no model.

A normal image is a canonical PNG (RGB, RGBA or L, 8 bits). Alpha is dropped: a segmenter sees the colours alone.
"""

from __future__ import annotations

import io
from typing import Protocol

import numpy as np
from PIL import Image

from inference_container.segmenter import Picture, Pixels
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.limits import IMAGE_PIXELS_MAX

_MODES = frozenset({"RGB", "RGBA", "L", "LA"})
_OVERHEAD_BYTES = 1024 * 1024


class ImageSource(Protocol):
    """Where images are read from, by the address that a task names."""

    def read(self, address: str, *, bytes_max: int) -> bytes:
        """All bytes of an object; raises NotFound, Unavailable, or InvalidInput when it is larger than `bytes_max`."""


def read_picture(source: ImageSource, address: str, size: Size) -> Picture:
    """The colours of a normal image; raises InvalidInput when it is not what `size` says."""
    if size.pixels > IMAGE_PIXELS_MAX:
        raise InvalidInput(Code.TOO_MANY_PIXELS)
    return Picture.whole(decode_png(source.read(address, bytes_max=4 * size.pixels + _OVERHEAD_BYTES), size))


def decode_png(data: bytes, size: Size) -> Pixels:
    """The colours of a PNG, uint8 (height, width, 3); the header is judged before a pixel is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.size != (size.width_px, size.height_px):
                raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"the task says {size}, the picture is {image.size}")
            if image.mode not in _MODES:
                raise InvalidInput(Code.CORRUPT_IMAGE, detail=f"a normal image has no mode {image.mode}")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput(Code.CORRUPT_IMAGE, detail=str(error)) from error
