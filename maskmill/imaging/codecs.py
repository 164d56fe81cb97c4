"""Which library writes which format and how hard it tries; it knows no picture's meaning, no bounds and no storage.

The table behind these choices is in docs/performance.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import deflate
import numpy as np
from PIL import Image, features
from PIL import __version__ as pillow_version

from maskmill.core.recipe import Effort, Output, OutputFormat
from maskmill.imaging import fast_png
from maskmill.imaging.picture import Bytes

PILLOW_CODECS = ("jpg", "libjpeg_turbo", "webp", "avif", "zlib", "zlib_ng")
PNG_LEVELS = {Effort.FAST: 1, Effort.SMALL: 6}
WEBP_METHODS = {Effort.FAST: 1, Effort.SMALL: 4}
AVIF_SPEEDS = {Effort.FAST: 9, Effort.SMALL: 8}
JPEG_CODES = {Effort.FAST: False, Effort.SMALL: True}  # whether they are optimised, and in several scans


def versions() -> list[str]:
    """The libraries that bytes of variants come from."""
    codecs = [f"{name} {features.version(name)}" for name in PILLOW_CODECS]
    return [f"pillow {pillow_version}", *codecs, f"deflate {deflate.__version__}"]


def encoded(pixels: Bytes, output: Output) -> bytes:
    """The file of pixels, uint8 (H, W) or (H, W, 2…4) as in a PNG, without metadata; a JPEG holds no opacity."""
    return _WRITERS[output.format](pixels, output)


def webp(pixels: Bytes, *, quality: int, method: int = WEBP_METHODS[Effort.FAST]) -> bytes:
    return _by_pillow(pixels, "WEBP", quality=quality, method=method)


def webp_lossless(pixels: Bytes) -> bytes:
    """Exactly these pixels, those that are transparent included, in a tenth of the time of libwebp's usual effort."""
    return _by_pillow(pixels, "WEBP", lossless=True, exact=True, quality=0, method=0)


def _png(pixels: Bytes, output: Output) -> bytes:
    return fast_png.written(pixels, level=PNG_LEVELS[output.effort])


def _webp(pixels: Bytes, output: Output) -> bytes:
    return webp(pixels, quality=output.quality, method=WEBP_METHODS[output.effort])


def _jpeg(pixels: Bytes, output: Output) -> bytes:
    codes = JPEG_CODES[output.effort]
    return _by_pillow(pixels, "JPEG", quality=output.quality, optimize=codes, progressive=codes)


def _avif(pixels: Bytes, output: Output) -> bytes:
    return _by_pillow(pixels, "AVIF", quality=output.quality, speed=AVIF_SPEEDS[output.effort], max_threads=1)


_WRITERS: dict[OutputFormat, Callable[[Bytes, Output], bytes]] = {
    OutputFormat.PNG: _png,
    OutputFormat.WEBP: _webp,
    OutputFormat.JPEG: _jpeg,
    OutputFormat.AVIF: _avif,
}


def _by_pillow(pixels: Bytes, name: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, name, **options)
    return out.getvalue()
