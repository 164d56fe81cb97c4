"""What a file is and what its header says, read from its bytes alone; it knows no pixels and never calls a decoder."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.image import SourceFormat

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_HINTS = (
    (re.compile(rb"GIF8"), "GIF pictures are not accepted. Export the frame that you need as PNG."),
    (re.compile(rb"%PDF"), "PDF files are not accepted. Export the page that you need as PNG."),
    (re.compile(rb"\s*(<\?xml|<svg|<!DOCTYPE svg)", re.IGNORECASE), "SVG drawings are not accepted. Export a PNG."),
    (re.compile(rb"....ftyp(" + b"|".join(_HEIF_BRANDS) + b")", re.DOTALL), "HEIC is not accepted. Export a JPEG."),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF is not accepted as a source. Export a PNG or a JPEG."),
)
# A marker inside entropy-coded data: not stuffing (00), not a restart (D0-D7), not a fill byte (FF).
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_JPEG_SOS, _JPEG_EOI, _JPEG_SOI = 0xDA, 0xD9, 0xD8
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those three are tables, and nothing


def format_of(data: bytes) -> SourceFormat:
    """The format that the first bytes declare; raises InvalidInput unsupported_format, with a hint where one helps."""
    if data[:3] in (b"\xff\xd8\xff", b"\xff\xd8"):
        return SourceFormat.JPEG
    if data.startswith(_PNG_SIGNATURE):
        return SourceFormat.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return SourceFormat.WEBP
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return SourceFormat.BMP
    if data.startswith(_TIFF_SIGNATURES):
        return SourceFormat.TIFF
    hint = next((text for pattern, text in _HINTS if pattern.match(data[:512])), None)
    raise InvalidInput(Code.UNSUPPORTED_FORMAT, message=hint, detail=f"first bytes {data[:8].hex()}")


def jpeg_scans(data: bytes, *, count_max: int) -> int:
    """How many scans a JPEG holds up to its end marker; counting stops just after `count_max`."""
    scans = (marker for marker, _ in _segments(data) if marker == _JPEG_SOS)
    return sum(1 for _ in islice(scans, count_max + 1))


def jpeg_process(data: bytes) -> tuple[int, int] | None:
    """The marker of a JPEG's frame, which tells how it is coded, and its bits per channel; None without a frame."""
    found = next(((marker, at) for marker, at in _segments(data) if marker in _JPEG_FRAMES), None)
    return None if found is None or found[1] + 2 >= len(data) else (found[0], data[found[1] + 2])


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG up to its end, each with where its length stands.

    Segments are walked, so that bytes of a thumbnail, a profile or a film behind the picture do not count.
    """
    position = 2
    while found := _NEXT_MARKER.search(data, position):
        marker = data[found.start() + 1]
        if marker == _JPEG_EOI:
            return
        position = found.end()
        yield marker, position
        if marker not in (_JPEG_SOI, 0x01):
            position += max(2, int.from_bytes(data[position : position + 2], "big"))


def png_is_16_bit(data: bytes) -> bool:
    """Whether a PNG's header declares 16 bits per channel."""
    return len(data) > 24 and data[12:16] == b"IHDR" and data[24] == 16


def webp_size(data: bytes) -> Size | None:
    """The size that a WebP's header declares; None when the header is not understood."""
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        width, height = int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and len(data) >= 30:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        return None
    return Size(height_px=height, width_px=width) if width and height else None


def tiff_has_more_frames(data: bytes) -> bool:
    """Whether a second frame follows the first one in a TIFF; only the first directory is read."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    try:
        (first,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
        (entries,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, first)
        at = first + (8 + 20 * entries if is_big else 2 + 12 * entries)
        (following,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, at)
    except (struct.error, OverflowError):
        return False
    return bool(following)
