"""Foreign files made in code, good and bad, for the tests of decoding."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
_TO_STORED = {  # how a camera that reports this orientation has stored an upright picture
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def saved(pixels: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(height: int = 24, width: int = 40) -> np.ndarray:
    """An asymmetric picture of smooth colour with one mark in the top left corner."""
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack((rows * 255 / height, columns * 255 / width, (rows + columns) * 3 % 200), axis=-1).astype(np.uint8)
    rgb[1:5, 1:9] = (250, 20, 20)
    return rgb


def oriented(upright: np.ndarray, orientation: object, kind: str, **options: object) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = _TO_STORED.get(orientation, _TO_STORED[1])(upright)  # type: ignore[call-overload]
    return saved(stored, kind, exif=exif, **options)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, raw: bytes = b"", extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(raw, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def png_with_wrong_data_checksum() -> bytes:
    data = bytearray(saved(scene(), "PNG"))
    at = data.index(b"IDAT")
    length = int.from_bytes(data[at - 4 : at], "big")
    data[at + 4 + length] ^= 0xFF
    return bytes(data)


def png_with_wrong_header_checksum() -> bytes:
    data = bytearray(saved(scene(), "PNG"))
    data[8 + 8 + 13] ^= 0xFF
    return bytes(data)


def deep_grey_png(values: np.ndarray) -> bytes:
    """A 16-bit greyscale PNG."""
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], depth=16, colour=0, raw=raw)


def deep_rgb_png(values: np.ndarray) -> bytes:
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], depth=16, colour=2, raw=raw)


def animated(kind: str) -> bytes:
    frames = [Image.fromarray(np.roll(scene(), shift, axis=1)) for shift in (0, 5, 9)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def jpeg_with_scans(scans: int, *, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan is repeated, as a file that burns time would have it."""
    data = saved(scene(side, side), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    body, end = data[last:-2], data[-2:]
    return data[:-2] + body * (scans - data.count(b"\xff\xda")) + end


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(saved(scene(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _tag(kind: bytes, body: bytes) -> bytes:
    padded = kind + b"\0\0\0\0" + body
    return padded + b"\0" * (-len(padded) % 4)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def icc_profile(space: str, *, gamma: float, primaries: np.ndarray | None = None) -> bytes:
    """A small ICC profile: RGB (columns of `primaries` are the D50 XYZ of red, green and blue) or GRAY, plain gamma."""
    curve = _tag(b"curv", struct.pack(">IH", 1, round(gamma * 256)))
    text = b"test\0"
    tags = {
        b"desc": _tag(b"desc", struct.pack(">I", len(text)) + text + b"\0" * 78),
        b"cprt": _tag(b"text", b"none\0"),
        b"wtpt": _tag(b"XYZ ", _fixed(0.9642, 1.0, 0.8249)),
    }
    if space == "GRAY":
        tags[b"kTRC"] = curve
    else:
        assert primaries is not None
        for index, name in enumerate("rgb"):
            tags[f"{name}XYZ".encode()] = _tag(b"XYZ ", _fixed(*primaries[:, index]))
            tags[f"{name}TRC".encode()] = curve
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space.ljust(4).encode(), b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# Columns are red, green and blue, adapted to D50.
SRGB_PRIMARIES = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
ADOBE_PRIMARIES = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
