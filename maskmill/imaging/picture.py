"""Pictures in memory: upright sRGB pixels and their identity; it knows no file format.

Arrays are rows first: (height, width) or (height, width, 3) in the order red, green, blue.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskmill.core.geometry import Size

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An upright picture in sRGB.

    `rgb` is uint8 (H, W, 3), C order; `alpha` is uint8 (H, W), not multiplied into `rgb`, or None when the picture is
    opaque. A greyscale picture has three equal channels.
    """

    rgb: Bytes
    alpha: Bytes | None
    is_grey: bool

    @property
    def size(self) -> Size:
        return Size(height_px=int(self.rgb.shape[0]), width_px=int(self.rgb.shape[1]))

    @property
    def mode(self) -> str:
        """Pillow's name of the channels: L, LA, RGB or RGBA."""
        return ("L" if self.is_grey else "RGB") + ("" if self.alpha is None else "A")

    def channels(self) -> Bytes:
        """The channels that `mode` names in one array: uint8 (H, W) of mode L, else (H, W, 2…4), C order."""
        colours: Bytes = self.rgb[:, :, 0] if self.is_grey else self.rgb
        if self.alpha is not None:
            colours = np.dstack((colours, self.alpha))
        return np.ascontiguousarray(colours)


def pixels_sha256(picture: Picture) -> str:
    """The identity of a picture's pixels: SHA-256 (64 hex digits) of mode, height, width and bytes."""
    size = picture.size
    digest = hashlib.sha256(f"{picture.mode} {size.height_px} {size.width_px}\n".encode("ascii"))
    channels = picture.rgb[:, :, 0] if picture.is_grey else picture.rgb
    digest.update(np.ascontiguousarray(channels).data)
    if picture.alpha is not None:
        digest.update(np.ascontiguousarray(picture.alpha).data)
    return digest.hexdigest()
