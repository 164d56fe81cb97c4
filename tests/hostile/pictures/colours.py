"""Rows of colour: profiles good and broken, CMYK in its polarities, and what a PNG says of its own gamma."""

from __future__ import annotations

import struct
from functools import partial

import numpy as np
from PIL import Image, ImageCms

from maskmill.core.image import Note
from tests.hostile.pictures import made
from tests.hostile.pictures.row import Row, accepted, is_grey, mostly_shows, shows
from tests.unit.imaging import files
from tests.unit.imaging.files import chunk, saved, scene

# Display P3, adapted to D50; columns are red, green and blue.
P3_PRIMARIES = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
CONVERTED, BROKEN, CMYK = Note.CONVERTED_TO_SRGB, Note.BROKEN_PROFILE_IGNORED, Note.CONVERTED_FROM_CMYK


def pastel() -> np.ndarray:
    """The scene with colours that sRGB can show whichever the primaries are."""
    return (96 + scene() // 4).astype(np.uint8)


def in_srgb(primaries: np.ndarray, gamma: float) -> np.ndarray:
    """What the pastel scene's numbers mean, computed from the primaries alone."""
    linear = (pastel() / 255.0) ** gamma @ primaries.T @ np.linalg.inv(files.SRGB_PRIMARIES).T
    return encoded(linear)


def encoded(linear: np.ndarray) -> np.ndarray:
    """Light from 0 to 1 as sRGB's numbers."""
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clip(0, 1) ** (1 / 2.4) - 0.055)
    return np.rint(curved * 255).astype(int)


def from_gamma(gamma: float) -> np.ndarray:
    """The scene, had its numbers been encoded with this exponent."""
    return encoded((scene() / 255.0) ** (1 / gamma))


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def adobe() -> bytes:
    return files.icc_profile("RGB", gamma=2.2, primaries=files.ADOBE_PRIMARIES)


def p3() -> bytes:
    return files.icc_profile("RGB", gamma=2.2, primaries=P3_PRIMARIES)


def broken(profile: bytes) -> Row:
    return accepted(
        "a profile that is none", lambda: saved(scene(), "PNG", icc_profile=profile), shows(scene), notes=(BROKEN,)
    )


def cmyk() -> Image.Image:
    return Image.fromarray(scene()).convert("CMYK")


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((32, 32, 3), colour, np.uint8)


ROWS: dict[str, Row] = {
    "I35a": accepted("CMYK JPEG", lambda: saved(cmyk(), "JPEG", quality=95), mostly_shows(scene, within=6), notes=(CMYK,)),
    "I35b": accepted("CMYK TIFF", lambda: saved(cmyk(), "TIFF"), shows(scene, within=1), notes=(CMYK,)),
    "I35c": accepted("CMYK JPEG of plain red", lambda: saved(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95),
                     shows(partial(flat, (255, 0, 0)), within=3), notes=(CMYK,)),
    "I35d": accepted("YCCK JPEG of plain grey", lambda: made.ycck_jpeg(100), shows(partial(flat, (155, 155, 155)), within=3),
                     notes=(CMYK,)),
    "I35e": accepted("CMYK JPEG with a profile of another space",
                     lambda: saved(cmyk(), "JPEG", quality=95, icc_profile=adobe()), mostly_shows(scene, within=6), notes=(CMYK, BROKEN)),
    "I44a": broken(b"garbage"),
    "I44b": broken(bytes(300)),
    "I44c": broken(files.icc_profile("GRAY", gamma=2.2)),
    "I44d": broken(adobe()[:200]),
    "I44e": broken(b"\xff" * 4096),
    "I45a": accepted("Adobe RGB", lambda: saved(pastel(), "PNG", icc_profile=adobe()),
                     shows(partial(in_srgb, files.ADOBE_PRIMARIES, 2.2), within=2), notes=(CONVERTED,)),
    "I45b": accepted("Display P3", lambda: saved(pastel(), "PNG", icc_profile=p3()),
                     shows(partial(in_srgb, P3_PRIMARIES, 2.2), within=2), notes=(CONVERTED,)),
    "I45c": accepted("Display P3 as a JPEG", lambda: saved(pastel(), "JPEG", icc_profile=p3(), quality=98, subsampling=0),
                     mostly_shows(partial(in_srgb, P3_PRIMARIES, 2.2), within=2), notes=(CONVERTED,)),
    "I45d": accepted("Display P3 as a WebP", lambda: saved(pastel(), "WEBP", icc_profile=p3(), lossless=True),
                     shows(partial(in_srgb, P3_PRIMARIES, 2.2), within=2), notes=(CONVERTED,)),
    "I45e": accepted("sRGB", lambda: saved(scene(), "PNG", icc_profile=srgb()), shows(scene), notes=()),
    "I45f": accepted("grey with a profile", lambda: saved(scene()[:, :, 0], "PNG", icc_profile=files.icc_profile("GRAY", gamma=1.8)),
                     is_grey, notes=(CONVERTED, Note.GREYSCALE)),
    "I46d": accepted("PNG with the usual gamma", lambda: made.with_chunks(chunk(b"gAMA", struct.pack(">I", 45_455))),
                     shows(scene), notes=()),
    "I46f": accepted("PNG that is linear", lambda: made.with_chunks(chunk(b"gAMA", struct.pack(">I", 100_000))),
                     shows(lambda: from_gamma(1.0), within=1), notes=(CONVERTED,)),
    "I46g": accepted("PNG of an old screen", lambda: made.with_chunks(chunk(b"gAMA", struct.pack(">I", 55_556))),
                     shows(lambda: from_gamma(1 / 1.8), within=1), notes=(CONVERTED,)),
    "I46h": accepted("PNG that is linear and says sRGB as well",
                     lambda: made.with_chunks(chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">I", 100_000))), shows(scene), notes=()),
    "I46i": accepted("PNG whose gamma is none", lambda: made.with_chunks(chunk(b"gAMA", bytes(4))), shows(scene), notes=()),
    "I46e": accepted("PNG with primaries", lambda: made.with_chunks(chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))),
                     shows(scene), notes=()),
}  # fmt: skip
