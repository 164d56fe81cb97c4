"""Rows of files that are no acceptable pictures, each with the code that it earns.

Where the row of a format differs from what ingest promises (BMP and TIFF are read, of a TIFF the first frame), the
promise holds, and the row stands among the accepted ones.
"""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np
from PIL import Image

from maskmill.core.errors import Code
from maskmill.core.limits import JPEG_SCANS_MAX, UPLOAD_BYTES_MAX
from tests.hostile.pictures import made
from tests.hostile.pictures.made import half
from tests.hostile.pictures.row import Row, refused
from tests.unit.imaging import files
from tests.unit.imaging.files import png, saved, scene

UNSUPPORTED, CORRUPT, BROAD = Code.UNSUPPORTED_FORMAT, Code.CORRUPT_IMAGE, Code.TOO_MANY_PIXELS
SMALL, COMPLEX, ANIMATED = Code.TOO_SMALL, Code.TOO_COMPLEX, Code.ANIMATED_NOT_SUPPORTED

NO_PICTURE: dict[str, Row] = {
    "I1": refused(Code.EMPTY_FILE, "nothing", lambda: b""),
    "I2a": refused(UNSUPPORTED, "one byte", lambda: b"x"),
    "I2b": refused(UNSUPPORTED, "a kilobyte of noise", lambda: made.noise(1024)),
    "I2c": refused(UNSUPPORTED, "text named .jpg", lambda: b"this is not a picture\n" * 50),
    "I2d": refused(UNSUPPORTED, "text that begins like a BMP", lambda: b"BMW is a maker of cars and motorcycles."),
    "I2e": refused(UNSUPPORTED, "zeros", lambda: bytes(4096)),
    "I3": refused(UNSUPPORTED, "HTML named .png", lambda: b"<!doctype html><html></html>"),
    "I4a": refused(UNSUPPORTED, "SVG with a script", lambda: b"<svg xmlns='x'><script>alert(1)</script></svg>"),
    "I4b": refused(
        UNSUPPORTED,
        "SVG that names a file",
        lambda: b'<?xml version="1.0"?><svg><image href="file:///etc/passwd"/></svg>',
    ),
    "I4c": refused(
        UNSUPPORTED,
        "SVG with an entity",
        lambda: b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    ),
    "I5": refused(UNSUPPORTED, "PDF", lambda: b"%PDF-1.7\n" + b"0" * 100),
    "I6a": refused(UNSUPPORTED, "EPS", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "I6b": refused(UNSUPPORTED, "EPS with a binary head", lambda: b"\xc5\xd0\xd3\xc6" + bytes(26) + b"%!PS-Adobe-3.0"),
    "I7a": refused(
        UNSUPPORTED, "MVG", lambda: b"push graphic-context\nfill 'url(https://x/;|id)'\npop graphic-context"
    ),
    "I7b": refused(UNSUPPORTED, "MSL", lambda: b'<?xml version="1.0"?><image><read filename="/etc/passwd"/></image>'),
    "I9a": refused(UNSUPPORTED, "ICO", lambda: saved(Image.fromarray(scene(32, 32)), "ICO")),
    "I9b": refused(UNSUPPORTED, "JPEG 2000", lambda: saved(scene(32, 32), "JPEG2000")),
    "I9c": refused(UNSUPPORTED, "PSD", lambda: b"8BPS\0\1" + bytes(60)),
    "I9d": refused(UNSUPPORTED, "FITS", lambda: b"SIMPLE  =                    T".ljust(2880)),
    "I9e": refused(UNSUPPORTED, "GD", lambda: b"\xff\xfe\0\x20\0\x20\1" + bytes(60)),
    "I9f": refused(UNSUPPORTED, "McIdas", lambda: b"\0\0\0\0\0\0\0\4" + bytes(248)),
    "I9g": refused(UNSUPPORTED, "PPM", lambda: saved(scene(), "PPM")),
    "I9h": refused(UNSUPPORTED, "TGA", lambda: saved(scene(), "TGA")),
    "I9i": refused(UNSUPPORTED, "PCX", lambda: saved(scene(), "PCX")),
    "I9j": refused(UNSUPPORTED, "DDS", lambda: saved(scene(), "DDS")),
    "I9k": refused(UNSUPPORTED, "ICNS", lambda: b"icns" + bytes(60)),
    "I9l": refused(UNSUPPORTED, "JPEG XL", lambda: b"\xff\x0a" + bytes(60)),
    "I10a": refused(UNSUPPORTED, "GIF", lambda: saved(Image.fromarray(scene()), "GIF")),
    "I10b": refused(UNSUPPORTED, "animated GIF", lambda: files.animated("GIF")),
    "I11a": refused(UNSUPPORTED, "HEIC", lambda: b"\0\0\0\x18ftypheic" + bytes(64)),
    "I11b": refused(UNSUPPORTED, "HEIF", lambda: b"\0\0\0\x18ftypmif1" + bytes(64)),
    "I11c": refused(UNSUPPORTED, "AVIF", lambda: saved(scene(), "AVIF")),
    "I12a": refused(UNSUPPORTED, "MP4", lambda: b"\0\0\0\x18ftypisom" + bytes(64)),
    "I12b": refused(UNSUPPORTED, "ZIP", lambda: made.zip_of("photo.jpg", saved(scene(), "JPEG"))),
    "I12c": refused(UNSUPPORTED, "gzip", lambda: gzip.compress(saved(scene(), "PNG"))),
    "I12d": refused(UNSUPPORTED, "a program", lambda: b"\x7fELF\2\1\1" + bytes(64)),
}

BROKEN: dict[str, Row] = {
    "I8a": refused(CORRUPT, "TIFF with a huge directory", lambda: made.tiff([(256, 4, 1, 20)], count=65_535)),
    "I8b": refused(CORRUPT, "TIFF whose strip lies beyond it", lambda: made.stripped_tiff(at=2**31)),
    "I8c": refused(CORRUPT, "TIFF of one strip of many", lambda: made.stripped_tiff(height=2_000_000, rows=20)),
    "I8d": refused(CORRUPT, "TIFF without a directory", lambda: b"II*\0\xff\xff\xff\xff"),
    "I8e": refused(CORRUPT, "TIFF cut", lambda: saved(scene(99, 99), "TIFF")[:900]),
    "I9m": refused(CORRUPT, "BMP cut", lambda: saved(scene(99, 99), "BMP")[:900]),
    "I15a": refused(CORRUPT, "PNG cut in half", lambda: half(saved(scene(200, 200), "PNG"))),
    "I15b": refused(CORRUPT, "PNG signature only", lambda: b"\x89PNG\r\n\x1a\n"),
    "I15c": refused(CORRUPT, "PNG header only", lambda: saved(scene(), "PNG")[: made.HEAD]),
    "I15d": refused(CORRUPT, "PNG without data", lambda: made.without_chunk(b"IDAT")),
    "I15e": refused(CORRUPT, "PNG with too few rows", lambda: png(40, 24, raw=bytes(121 * 9))),
    "I15f": refused(CORRUPT, "PNG with a filter that does not exist", lambda: made.pixels_png(scene(), filter_type=9)),
    "I16a": refused(CORRUPT, "JPEG cut in half", lambda: half(saved(scene(200, 200), "JPEG"))),
    "I16b": refused(CORRUPT, "JPEG header only", lambda: saved(scene(), "JPEG")[:30]),
    "I16c": refused(CORRUPT, "JPEG start only", lambda: b"\xff\xd8"),
    "I16d": refused(CORRUPT, "JPEG start and a marker", lambda: b"\xff\xd8\xff\xe0"),
    "I16e": refused(CORRUPT, "JPEG without its end", lambda: saved(scene(), "JPEG")[:-2]),
    "I17": refused(CORRUPT, "PNG with a wrong header checksum", files.png_with_wrong_header_checksum),
    "I18a": refused(CORRUPT, "PNG with a wrong data checksum", files.png_with_wrong_data_checksum),
    "I18b": refused(CORRUPT, "PNG with a wrong checksum of its stream", made.with_wrong_adler),
    "I19a": refused(CORRUPT, "WebP cut", lambda: half(saved(scene(99, 99), "WEBP"))),
    "I19b": refused(CORRUPT, "WebP header only", lambda: saved(scene(), "WEBP")[:16]),
    "I19c": refused(CORRUPT, "WebP that claims a gigabyte", lambda: made.riff(saved(scene(), "WEBP"), 2**30)),
    "I19d": refused(CORRUPT, "WebP that claims four bytes", lambda: made.riff(saved(scene(), "WEBP"), 4)),
    "I20a": refused(CORRUPT, "PNG of 0 by 0", lambda: png(0, 0)),
    "I20b": refused(CORRUPT, "PNG of 0 by 9", lambda: png(0, 9)),
    "I20c": refused(CORRUPT, "JPEG of no height", lambda: made.with_frame(height=0)),
    "I27a": refused(
        CORRUPT, "PNG text bomb", lambda: made.with_chunks(files.chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(7 * 10**7))))
    ),
    "I27b": refused(
        CORRUPT, "PNG profile bomb", lambda: made.with_chunks(files.chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(7 * 10**7))))
    ),
    "I27c": refused(
        CORRUPT,
        "PNG of many text bombs",
        lambda: made.with_chunks(*[files.chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**6)))] * 80),
    ),
    "I51a": refused(CORRUPT, "lossless WebP of noise", lambda: made.lossless_webp(made.noise(4096, 3))),
    "I51b": refused(CORRUPT, "lossless WebP of ones", lambda: made.lossless_webp(b"\xff" * 4096)),
    "I51c": refused(CORRUPT, "lossless WebP of zeros, cut", lambda: made.lossless_webp(bytes(3))),
}  # fmt: skip

BEYOND: dict[str, Row] = {
    "I21a": refused(SMALL, "one pixel", lambda: saved(scene()[:1, :1], "PNG")),
    "I21b": refused(SMALL, "7 by 7", lambda: saved(scene()[:7, :7], "PNG")),
    "I21c": refused(SMALL, "8 by 7", lambda: saved(scene()[:7, :8], "PNG")),
    "I21d": refused(SMALL, "1 by 60,000", lambda: saved(np.zeros((1, 60_000, 3), np.uint8), "PNG")),
    "I21e": refused(SMALL, "65,500 by 1", lambda: saved(np.zeros((65_500, 1, 3), np.uint8), "JPEG")),
    "I21f": refused(SMALL, "a thin WebP", lambda: saved(scene()[:3], "WEBP")),
    "I22a": refused(BROAD, "JPEG claiming 60,000 by 60,000", lambda: files.jpeg_claiming(60_000, 60_000)),
    "I22b": refused(BROAD, "PNG claiming 60,000 by 60,000", lambda: png(60_000, 60_000)),
    "I22c": refused(
        BROAD,
        "WebP of 16,383 by 16,383",
        lambda: b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0" + bytes(40),
    ),
    "I22d": refused(BROAD, "TIFF of 60,000 by 60,000", lambda: made.stripped_tiff(width=60_000, height=60_000)),
    "I22e": refused(
        BROAD,
        "BMP of 60,000 by 60,000",
        lambda: (data := saved(scene(), "BMP"))[:18] + struct.pack("<ii", 60_000, 60_000) + data[26:],
    ),
    "I23": refused(BROAD, "30,000 by 30,000 of 1 bit", lambda: png(30_000, 30_000, depth=1, colour=0, raw=bytes(9999))),
    "I24": refused(BROAD, "12,000 by 12,000 with opacity", lambda: png(12_000, 12_000, colour=6, raw=bytes(9999))),
    "I25a": refused(BROAD, "9,400 by 9,400 with opacity", lambda: png(9_400, 9_400, colour=6, raw=bytes(9999))),
    "I25b": refused(BROAD, "just above the limit", lambda: png(7_072, 7_072, colour=0, raw=bytes(9999))),
    "I25c": refused(CORRUPT, "just below the limit, without its rows", lambda: png(7_071, 7_071, colour=0, raw=b"\0")),
    "I26": refused(BROAD, "PNG of 2 billion", lambda: png(2**31 - 1, 2**31 - 1)),
    "I30a": refused(COMPLEX, "JPEG of 800 scans", lambda: files.jpeg_with_scans(800)),
    "I30b": refused(COMPLEX, "JPEG of one scan too many", lambda: files.jpeg_with_scans(JPEG_SCANS_MAX + 1)),
    "I33a": refused(ANIMATED, "animated PNG", lambda: files.animated("PNG")),
    "I33b": refused(ANIMATED, "animated WebP", lambda: files.animated("WEBP")),
    "I47a": refused(UNSUPPORTED, "12-bit JPEG", lambda: made.with_frame(marker=0xC1, precision=12)),
    "I47b": refused(UNSUPPORTED, "lossless JPEG", lambda: made.with_frame(marker=0xC3)),
    "I47c": refused(UNSUPPORTED, "hierarchical JPEG", lambda: made.with_frame(marker=0xC5)),
    "I47d": refused(UNSUPPORTED, "TIFF of floating point", lambda: saved(np.zeros((20, 20), np.float32), "TIFF")),
    "I47e": refused(UNSUPPORTED, "TIFF of 32 bits", lambda: saved(np.zeros((20, 20), np.int32), "TIFF")),
    "I48": refused(
        Code.FILE_TOO_LARGE, "one byte too many", lambda: b"\xff\xd8\xff" + bytes(UPLOAD_BYTES_MAX - 2)
    ),
}  # fmt: skip

REFUSED: dict[str, Row] = NO_PICTURE | BROKEN | BEYOND
