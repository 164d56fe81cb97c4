"""Rows of odd files that are pictures all the same, each with what must become of it."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from maskmill.core.image import Note, SourceFormat
from maskmill.core.limits import JPEG_SCANS_MAX
from maskmill.imaging.normal import Normalised
from tests.hostile.pictures import colours, made
from tests.hostile.pictures.row import Row, accepted, has_opacity, is_grey, is_of, is_opaque_where, mostly_shows, shows
from tests.unit.imaging import files
from tests.unit.imaging.files import chunk, png, saved, scene

GREY, DEEP, ALPHA = Note.GREYSCALE, Note.REDUCED_FROM_16_BIT, Note.ALPHA_KEPT
FIRST, DROPPED, TURNED = Note.FIRST_FRAME_ONLY, Note.METADATA_DROPPED, Note.TURNED_UPRIGHT
SHOWS_SCENE = shows(scene)
PHOTO = mostly_shows(scene, within=4)


def grey_scene() -> np.ndarray:
    return np.repeat(scene()[:, :, :1], 3, axis=2)


def frames() -> list[Image.Image]:
    return [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]


def with_opacity(opacity: int | None = None) -> np.ndarray:
    """The scene with one opacity everywhere, or with all of them."""
    values = np.arange(24 * 40) % 256 if opacity is None else np.full(24 * 40, opacity)
    return np.dstack((scene(), values.reshape(24, 40).astype(np.uint8)))


def palette() -> Image.Image:
    return Image.fromarray(scene()).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)


def flat_grey(value: int, shape: tuple[int, int] = (9, 10)) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


def deep_grey() -> np.ndarray:
    values = np.full((9, 10), 40_000)
    values[0, :4] = (0, 65_535, 128, 129)
    return values


def shows_deep_grey(normalised: Normalised) -> None:
    assert normalised.picture.rgb[5, 5].tolist() == [156, 156, 156]
    assert normalised.picture.rgb[0, :4, 0].tolist() == [0, 255, 0, 1]


def deep_png(channels: int, values: tuple[int, ...]) -> bytes:
    colour = {2: 4, 3: 2, 4: 6}[channels]
    row = b"\0" + struct.pack(f">{channels}H", *values) * 10
    return png(10, 9, depth=16, colour=colour, raw=row * 9)


def few_bits(depth: int) -> bytes:
    """A grey ramp of 16 columns in so few bits."""
    levels = np.arange(16) * (2**depth - 1) // 15
    bits = "".join(f"{level:0{depth}b}" for level in levels)
    row = b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return png(16, 16, depth=depth, colour=0, raw=row * 16)


def ramp(depth: int) -> np.ndarray:
    levels = np.arange(16) * (2**depth - 1) // 15 * 255 // (2**depth - 1)
    return np.repeat(np.tile(levels.astype(np.uint8), (16, 1))[:, :, None], 3, axis=2)


CONTAINERS: dict[str, Row] = {
    "I8f": accepted("TIFF of two pages", lambda: saved(frames()[0], "TIFF", save_all=True, append_images=frames()[1:]),
                    SHOWS_SCENE, is_of(SourceFormat.TIFF), notes=(FIRST,)),
    "I8g": accepted("TIFF in tiles", lambda: made.tiled_tiff(scene()[:, :, 0]), shows(grey_scene), notes=(GREY,)),
    "I8h": accepted("TIFF that is followed by itself", made.looping_tiff, is_grey, notes=(GREY, FIRST)),
    "I8i": accepted("big TIFF", lambda: saved(scene(), "TIFF", big_tiff=True), SHOWS_SCENE, notes=()),
    "I8j": accepted("TIFF packed by deflate", lambda: saved(scene(), "TIFF", compression="tiff_deflate"), SHOWS_SCENE),
    "I8k": accepted("TIFF packed by LZW", lambda: saved(scene(), "TIFF", compression="tiff_lzw"), SHOWS_SCENE),
    "I8l": accepted("TIFF packed as JPEG", lambda: saved(scene(), "TIFF", compression="jpeg", quality=95), PHOTO),
    "I8m": accepted("TIFF as a fax", lambda: saved(Image.fromarray(scene()[:, :, 0]).convert("1"), "TIFF", compression="group4"),
                    is_grey, notes=(GREY,)),
    "I8n": accepted("TIFF whose strip claims too much", lambda: made.stripped_tiff(length=2**30), is_grey, notes=(GREY,)),
    "I9n": accepted("BMP", lambda: saved(scene(), "BMP"), SHOWS_SCENE, is_of(SourceFormat.BMP), notes=()),
    "I9o": accepted("BMP from the top down", lambda: made.bmp_from_the_top(scene()), SHOWS_SCENE, notes=()),
    "I9p": accepted("BMP of a palette", lambda: saved(palette(), "BMP"), shows(lambda: np.asarray(palette().convert("RGB")))),
    "I13": accepted("PNG, whatever its name", lambda: saved(scene(), "PNG"), SHOWS_SCENE, is_of(SourceFormat.PNG), notes=()),
    # No decoder tells that scans ended early where an end marker follows: what is missing is grey.
    "I16f": accepted("JPEG that was closed too early", lambda: made.half(saved(scene(200, 200), "JPEG")) + b"\xff\xd9"),
    "I21g": accepted("8 by 8", lambda: saved(scene()[:8, :8], "PNG"), shows(lambda: scene()[:8, :8])),
    "I28": accepted("PNG of 10,000 texts",
                    lambda: made.with_chunks(*(chunk(b"tEXt", b"key%d\0SECRET" % n) for n in range(10_000))), SHOWS_SCENE, notes=(DROPPED,)),
    "I29": accepted("PNG with 50 MB behind its last row", lambda: made.pixels_png(np.zeros((9, 9, 3), np.uint8), more=50_000_000),
                    shows(lambda: np.zeros((9, 9, 3), np.uint8))),
    "I30c": accepted("JPEG of as many scans as may be", lambda: files.jpeg_with_scans(JPEG_SCANS_MAX)),
    "I30d": accepted("JPEG with markers of scans behind its end",
                     lambda: saved(scene(), "JPEG", progressive=True, quality=95) + b"\xff\xda\0\x02" * 500, PHOTO),
    "I31a": accepted("PNG that is a ZIP as well", lambda: saved(scene(), "PNG") + made.zip_of("a.js", b"SECRET"), SHOWS_SCENE),
    "I31b": accepted("JPEG that is a ZIP as well", lambda: saved(scene(), "JPEG", quality=95) + made.zip_of("a.js", b"SECRET"), PHOTO),
    "I31c": accepted("JPEG that is a page as well", lambda: made.with_segment(0xEF, b"<html><script>SECRET</script>"), PHOTO),
    "I31d": accepted("JPEG that is a PDF as well", lambda: made.with_segment(0xEE, b"%PDF-1.4 SECRET"), PHOTO),
    "I31e": accepted("PNG that is a page as well",
                     lambda: made.with_chunks(chunk(b"prIv", b"<html><script>SECRET</script>")), SHOWS_SCENE),
    "I33c": accepted("animated PNG of one frame", made.one_frame_apng, SHOWS_SCENE),
    "I34": accepted("a phone's JPEG of two pictures",
                    lambda: saved(frames()[0], "MPO", save_all=True, append_images=frames()[1:], quality=95), PHOTO,
                    is_of(SourceFormat.JPEG), notes=(FIRST, DROPPED)),
    "I42a": accepted("EXIF of garbage", lambda: saved(scene(), "JPEG", exif=b"Exif\0\0garbage", quality=95), PHOTO),
    "I42b": accepted("EXIF whose directory is followed by itself", lambda: saved(scene(), "JPEG", exif=made.looping_exif(), quality=95), PHOTO),
    "I42c": accepted("EXIF that counts to 2³¹", lambda: saved(scene(), "JPEG", exif=made.counting_exif(), quality=95), PHOTO),
    "I42d": accepted("EXIF of ones", lambda: saved(scene(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60, quality=95), PHOTO),
    "I42e": accepted("EXIF cut in a PNG", lambda: saved(scene(), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0"), SHOWS_SCENE),
    "I46a": accepted("interlaced PNG", lambda: made.interlaced_png(scene()), SHOWS_SCENE, notes=()),
    "I46b": accepted("interlaced PNG of few columns", lambda: made.interlaced_png(scene()[:9, :8]), shows(lambda: scene()[:9, :8])),
    "I46c": accepted("progressive JPEG", lambda: saved(scene(), "JPEG", progressive=True, quality=95), PHOTO, notes=()),
    "I47f": accepted("JPEG with arithmetic coding", made.arithmetic_jpeg, is_grey),
    "I52": accepted("noise, which nothing compresses", lambda: saved(made.grain(), "PNG"), shows(made.grain), notes=()),
}  # fmt: skip

CHANNELS: dict[str, Row] = {
    "I36a": accepted("grey", lambda: saved(scene()[:, :, 0], "PNG"), shows(grey_scene), is_grey, notes=(GREY,)),
    "I36b": accepted("1 bit", lambda: few_bits(1), shows(lambda: ramp(1)), is_grey, notes=(GREY,)),
    "I36c": accepted("2 bits", lambda: few_bits(2), shows(lambda: ramp(2)), is_grey, notes=(GREY,)),
    "I36d": accepted("4 bits", lambda: few_bits(4), shows(lambda: ramp(4)), is_grey, notes=(GREY,)),
    "I36e": accepted("grey with opacity", lambda: saved(np.dstack((scene()[:, :, 0], with_opacity()[:, :, 3])), "PNG"),
                     shows(grey_scene), has_opacity(lambda: with_opacity()[:, :, 3]), notes=(GREY, ALPHA)),
    "I36f": accepted("palette", lambda: saved(palette(), "PNG"), shows(lambda: np.asarray(palette().convert("RGB"))), notes=()),
    "I36g": accepted("palette with a hole", lambda: saved(palette(), "PNG", transparency=3),
                     is_opaque_where(lambda: np.asarray(palette()) != 3), notes=(ALPHA,)),
    "I36h": accepted("a colour that is none", lambda: saved(scene(), "PNG", transparency=(250, 20, 20)),
                     is_opaque_where(lambda: (scene() != (250, 20, 20)).any(axis=-1)), notes=(ALPHA,)),
    "I36i": accepted("colour with opacity", lambda: saved(with_opacity(), "PNG"), SHOWS_SCENE,
                     has_opacity(lambda: with_opacity()[:, :, 3]), notes=(ALPHA,)),
    "I36j": accepted("opacity that hides nothing", lambda: saved(with_opacity(255), "PNG"), SHOWS_SCENE, notes=()),
    "I37a": accepted("16 bits of grey", lambda: files.deep_grey_png(deep_grey()), shows_deep_grey, is_grey, notes=(GREY, DEEP)),
    "I37b": accepted("16 bits of grey in a TIFF", lambda: saved(Image.fromarray(deep_grey().astype(np.uint16)), "TIFF"),
                     shows_deep_grey, is_grey, notes=(GREY, DEEP)),
    "I37c": accepted("16 bits of grey with opacity", lambda: deep_png(2, (40_000, 65_535)), shows(lambda: flat_grey(156), within=1), notes=(DEEP,)),
    "I38a": accepted("16 bits of colour", lambda: files.deep_rgb_png(scene().astype(np.uint16) * 257), SHOWS_SCENE, notes=(DEEP,)),
    "I38b": accepted("16 bits of colour with opacity", lambda: deep_png(4, (40_000, 40_000, 40_000, 32_768)),
                     shows(lambda: flat_grey(156), within=1), notes=(ALPHA, DEEP)),
    "I39a": accepted("nothing that can be seen", lambda: saved(with_opacity(0), "PNG"), SHOWS_SCENE,
                     is_opaque_where(lambda: np.zeros((24, 40), bool)), notes=(ALPHA,)),
    "I39b": accepted("nothing that can be seen, as a WebP", lambda: saved(with_opacity(0), "WEBP", lossless=True, exact=True),
                     SHOWS_SCENE, notes=(ALPHA,)),
}  # fmt: skip


def turned_rows() -> dict[str, Row]:
    """The eight orientations of EXIF in each format that has it."""
    options: dict[str, dict[str, object]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}
    rows = {}
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        for orientation in range(1, 9):
            rows[f"I40-{kind.lower()}-{orientation}"] = accepted(
                f"{kind} of orientation {orientation}",
                lambda kind=kind, orientation=orientation: files.oriented(
                    scene(), orientation, kind, **options.get(kind, {})
                ),
                shows(scene, within=25 if kind == "JPEG" else 0),
                notes=(*((TURNED,) if orientation != 1 else ()), *((DROPPED,) if kind != "TIFF" else ())),
            )
    for kind in ("JPEG", "PNG", "WEBP"):
        for orientation in (0, 9, 65_535):
            rows[f"I41-{kind.lower()}-{orientation}"] = accepted(
                f"{kind} of orientation {orientation}, which there is not",
                lambda kind=kind, orientation=orientation: files.oriented(
                    scene(), orientation, kind, **options.get(kind, {})
                ),
                shows(scene, within=25 if kind == "JPEG" else 0),
                notes=(DROPPED,),
            )
    words = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0\0\0\0\0"
    rows["I41-words"] = accepted(
        "an orientation in words", lambda: saved(scene(), "PNG", exif=words), SHOWS_SCENE, notes=(DROPPED,)
    )
    return rows


ACCEPTED: dict[str, Row] = CONTAINERS | CHANNELS | turned_rows() | colours.ROWS
