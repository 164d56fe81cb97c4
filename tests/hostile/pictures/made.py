"""Files that no library writes on purpose: tiles, passes, lies about lengths, two files in one."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.unit.imaging.files import chunk, png, saved, scene

HEAD = 33  # bytes of a PNG's signature and header
_ADAM7 = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def with_chunks(*chunks: bytes) -> bytes:
    """A good PNG with more chunks behind its header."""
    plain = saved(scene(), "PNG")
    return plain[:HEAD] + b"".join(chunks) + plain[HEAD:]


def without_chunk(kind: bytes) -> bytes:
    data = saved(scene(), "PNG")
    at = data.index(kind) - 4
    return data[:at] + data[at + 12 + int.from_bytes(data[at : at + 4], "big") :]


def pixels_png(rgb: np.ndarray, *, filter_type: int = 0, more: int = 0) -> bytes:
    """Rows as they are, each behind the filter's number, and so many zeros behind the last."""
    rows = b"".join(bytes([filter_type]) + row.tobytes() for row in rgb) + bytes(more)
    return png(rgb.shape[1], rgb.shape[0], raw=rows)


def interlaced_png(rgb: np.ndarray) -> bytes:
    """A PNG in the seven passes of Adam7."""
    raw = b""
    for top, down, left, across in _ADAM7:
        part = rgb[top::down, left::across]
        raw += b"".join(b"\0" + row.tobytes() for row in part)
    header = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 1)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def with_wrong_adler() -> bytes:
    """A PNG whose chunks have the right checksums and whose compressed stream has not."""
    data = saved(scene(), "PNG")
    at = data.index(b"IDAT")
    length = int.from_bytes(data[at - 4 : at], "big")
    stream = bytearray(data[at + 4 : at + 4 + length])
    stream[-1] ^= 0xFF
    return data[: at - 4] + chunk(b"IDAT", bytes(stream)) + data[at + 8 + length :]


def tiff(entries: list[tuple[int, int, int, int]], *, tail: bytes = b"", count: int | None = None) -> bytes:
    """A little-endian TIFF of one directory at byte 8: (tag, type, count, value), and what follows."""
    body = struct.pack("<H", len(entries) if count is None else count)
    body += b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries)) + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8) + body + tail


def _grey_entries(width: int, height: int) -> list[tuple[int, int, int, int]]:
    return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]


def tiled_tiff(grey: np.ndarray) -> bytes:
    """One tile of 64 by 64 around a smaller picture."""
    tile = np.zeros((64, 64), np.uint8)
    tile[: grey.shape[0], : grey.shape[1]] = grey
    entries = _grey_entries(grey.shape[1], grey.shape[0])
    at = 8 + 2 + 12 * (len(entries) + 4) + 4
    entries += [(322, 4, 1, 64), (323, 4, 1, 64), (324, 4, 1, at), (325, 4, 1, 64 * 64)]
    return tiff(entries, tail=tile.tobytes())


def stripped_tiff(
    *, width: int = 20, height: int = 20, rows: int | None = None, at: int | None = None, length: int | None = None
) -> bytes:
    """A grey picture in one strip, which may claim to hold fewer rows, and to lie and to end anywhere."""
    entries = _grey_entries(width, height)
    start = 8 + 2 + 12 * (len(entries) + 3) + 4
    size = 400 if length is None else length
    entries += [
        (273, 4, 1, start if at is None else at),
        (278, 4, 1, height if rows is None else rows),
        (279, 4, 1, size),
    ]
    return tiff(entries, tail=bytes(range(200)) * 2)


def looping_tiff() -> bytes:
    """A TIFF whose first directory says that it is followed by itself."""
    data = bytearray(stripped_tiff())
    (entries,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<I", data, 10 + 12 * entries, 8)
    return bytes(data)


def zip_of(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def with_segment(marker: int, body: bytes) -> bytes:
    """A JPEG with one more segment behind its first two bytes."""
    data = saved(scene(), "JPEG", quality=95)
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]


def with_frame(*, marker: int = 0xC0, precision: int = 8, height: int | None = None) -> bytes:
    """A JPEG whose frame is said to be of another process, depth or height."""
    data = bytearray(saved(scene(), "JPEG", quality=95))
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, precision
    if height is not None:
        struct.pack_into(">H", data, at + 5, height)
    return bytes(data)


def ycck_jpeg(black: int) -> bytes:
    """A JPEG of four channels that Adobe's marker calls YCCK: as much black everywhere, and nothing else."""
    # Stored are inverted numbers: no luminance and neutral chrominance is no ink, as is 255 in the last channel.
    data = bytearray(saved(Image.new("CMYK", (32, 32), (255, 127, 127, black)), "JPEG", quality=100))
    at = data.index(b"Adobe")
    data[at + 11] = 2
    return bytes(data)


def arithmetic_jpeg() -> bytes:
    """A grey JPEG whose frame says arithmetic coding, which can read any bytes as some picture."""
    data = bytearray(saved(scene()[:, :, 0], "JPEG", quality=50))
    data[data.index(b"\xff\xc0") + 1] = 0xC9
    return bytes(data)


def one_frame_apng() -> bytes:
    """A PNG that announces an animation of one picture."""
    control = struct.pack(">IIIIIHHBB", 0, 40, 24, 0, 0, 1, 1, 0, 0)
    return with_chunks(chunk(b"acTL", struct.pack(">II", 1, 0)), chunk(b"fcTL", control))


def bmp_from_the_top(rgb: np.ndarray) -> bytes:
    """A BMP of negative height."""
    height, width = rgb.shape[:2]
    body = b"".join((row[:, ::-1].tobytes()).ljust(-(-3 * width // 4) * 4, b"\0") for row in rgb)
    head = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 24, 0, len(body), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + head + body


def looping_exif() -> bytes:
    """One entry, and the next directory is this one."""
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x010F, 2, 4, 0x61616161) + struct.pack("<I", 8)


def counting_exif() -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x010F, 2, 2**31, 26) + bytes(4)


def grain() -> np.ndarray:
    return np.frombuffer(noise(600 * 800 * 3), np.uint8).reshape(600, 800, 3)


def riff(data: bytes, size: int) -> bytes:
    """A WebP that claims another length."""
    return data[:4] + struct.pack("<I", size) + data[8:]


def lossless_webp(payload: bytes) -> bytes:
    """A lossless WebP of 64 by 64 whose stream is this."""
    bits = struct.pack("<I", 63 | 63 << 14)
    body = b"VP8L" + struct.pack("<I", len(payload) + 5) + b"\x2f" + bits + payload
    body += b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def noise(count: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()
