"""Rows of files that say more than they show: a place, a name, a script. Each holds the word SECRET, in plain or packed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from PIL import Image, TiffImagePlugin

from tests.hostile.pictures import made
from tests.hostile.pictures.row import Build
from tests.unit.imaging import files
from tests.unit.imaging.files import chunk, saved, scene

WORD = b"SECRET"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:li>SECRET</rdf:li></rdf:RDF></x:xmpmeta>'
PLACE = 0x8825


def exif() -> Image.Exif:
    """A place, a serial number, an author, and a thumbnail of what was cut away."""
    found = Image.Exif()
    found[0x010F] = "SECRET camera"
    found[0x013B] = "SECRET author"
    found[0x8298] = "SECRET owner"
    found[0x9286] = "SECRET comment"
    found.get_ifd(0x8769)[0xA431] = "SECRET serial number"
    place = found.get_ifd(PLACE)
    place[1], place[2], place[3], place[4] = "N", (52.0, 31.0, 12.5), "E", (13.0, 24.0, 36.7)
    place[29] = "SECRET date"
    return found


def exif_with_thumbnail() -> bytes:
    thumbnail = saved(scene(16, 16), "JPEG", comment=b"SECRET thumbnail")
    base = bytearray(exif().tobytes())
    base += b"\xff\xd8" + thumbnail
    return bytes(base)


def described_profile() -> bytes:
    """A good profile whose name is the word, as long as the one that it takes the place of."""
    return files.icc_profile("RGB", gamma=2.2, primaries=files.ADOBE_PRIMARIES).replace(b"test\0", b"SECRET\0"[:5])


def tiff_tags() -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (269, 270, 271, 272, 285, 305, 315, 316, 33432):
        info[tag] = "SECRET tag"
    info[700] = XMP
    info[33723] = WORD * 4
    return saved(scene(), "TIFF", tiffinfo=info)


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    """A WebP of the extended form with one chunk more that nobody knows."""
    data = saved(scene(), "WEBP", exif=exif()) + kind + struct.pack("<I", len(body)) + body
    return made.riff(data, len(data) - 8)


HIDDEN: dict[str, tuple[str, Build]] = {
    "I32a": ("a script in a JPEG's comment", lambda: saved(scene(), "JPEG", comment=b"<script>SECRET</script>")),
    "I32b": ("a script in a PNG's text", lambda: made.with_chunks(chunk(b"tEXt", b"Comment\0<script>SECRET</script>"))),
    "I32c": ("words between a JPEG's end and the file's", lambda: saved(scene(), "JPEG") + b"SECRET"),
    "I43a": ("EXIF in a JPEG", lambda: saved(scene(), "JPEG", exif=exif())),
    "I43b": ("EXIF in a PNG", lambda: saved(scene(), "PNG", exif=exif())),
    "I43c": ("EXIF in a WebP", lambda: saved(scene(), "WEBP", exif=exif())),
    "I43d": ("EXIF in a TIFF", lambda: saved(scene(), "TIFF", exif=exif())),
    "I43e": ("a thumbnail in EXIF", lambda: saved(scene(), "JPEG", exif=exif_with_thumbnail())),
    "I43f": ("XMP in a JPEG", lambda: made.with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    "I43g": ("XMP in a PNG", lambda: made.with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP))),
    "I43h": ("XMP in a WebP", lambda: saved(scene(), "WEBP", xmp=XMP)),
    "I43i": ("IPTC in a JPEG", lambda: made.with_segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0b\x1c\x02\x05\0\x06SECRET")),
    "I43j": ("tags of a TIFF", tiff_tags),
    "I43k": ("packed text in a PNG", lambda: made.with_chunks(chunk(b"zTXt", b"SECRET\0\0" + zlib.compress(b"a place")))),
    "I43l": ("text of another language", lambda: made.with_chunks(chunk(b"iTXt", b"SECRET\0\0\0de\0Ort\0Berlin"))),
    "I43m": ("a profile's name", lambda: saved(scene(), "PNG", icc_profile=described_profile()) + WORD),
    "I43n": ("text behind a PNG's rows", lambda: (data := saved(scene(), "PNG"))[:-12] + chunk(b"tEXt", b"k\0SECRET") + data[-12:]),
    "I43o": ("a chunk that nobody knows", lambda: made.with_chunks(chunk(b"seCr", WORD * 9))),
    "I43p": ("a chunk of a WebP that nobody knows", lambda: webp_chunk(b"SECR", b"SECRET" * 9)),
    "I43q": ("a maker's note", lambda: made.with_segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x7c\x92\x07\0\x0c\0\0\0\x1a\0\0\0SECRETSECRET")),
    "I43r": ("a JPEG's private segments", lambda: made.with_segment(0xE5, b"SECRET" * 9)),
}  # fmt: skip

_JPEG_PLAIN = frozenset((0xE0, 0xEE))  # JFIF and Adobe's: how the numbers are to be read, and nothing else


def chunks_of_png(data: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(data):
        found.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return found


def chunks_of_riff(data: bytes) -> set[bytes]:
    found, at = set(), 12
    while at < len(data):
        found.add(data[at : at + 4])
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return found


def segments_of_jpeg(data: bytes) -> set[bytes]:
    """The application segments and comments before the first scan that are not about how to read the numbers."""
    found, at = set(), 2
    while data[at + 1] != 0xDA:
        marker = data[at + 1]
        if (0xE0 <= marker <= 0xEF or marker == 0xFE) and marker not in _JPEG_PLAIN:
            found.add(data[at : at + 2])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def boxes_of_avif(data: bytes) -> set[bytes]:
    return {kind for kind in (b"Exif", b"mime", b"uri ") if b"infe" in data and kind in data}


WALKERS: dict[str, tuple[Callable[[bytes], set[bytes]], set[bytes]]] = {
    "png": (chunks_of_png, {b"IHDR", b"IDAT", b"IEND"}),
    "webp": (chunks_of_riff, {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}),
    "jpeg": (segments_of_jpeg, set()),
    "avif": (boxes_of_avif, set()),
}
