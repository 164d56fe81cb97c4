"""Colour into sRGB: ICC profiles, CMYK, LAB and a plain gamma; it knows no file and no metadata but these."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from maskmill.core.image import Note

_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_LATTICE_SIDE = 17
_GAMMA_SRGB, _GAMMA_TOLERANCE = 1 / 2.2, 0.05
_GAMMA_MIN, _GAMMA_MAX = 0.1, 10.0  # whatever is beyond is no gamma


def to_srgb(
    image: Image.Image, icc: bytes | None, *, gamma: float | None = None
) -> tuple[Image.Image, tuple[Note, ...]]:
    """An L, RGB, CMYK or LAB image as L or RGB in sRGB, and what was done to it.

    A profile that does not parse or does not fit the image's channels is ignored and declared: the numbers are then
    read as sRGB (or, for CMYK, converted without a profile). A profile that moves no colour by more than one level
    counts as sRGB and leaves the pixels as they are. `gamma` is the exponent that a file without a profile says it was
    encoded with; one within 5 % of sRGB's own leaves the pixels as they are.
    """
    notes: list[Note] = []
    converted: Image.Image | None = None
    if icc:
        try:
            converted = _through_profile(image, icc)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            notes.append(Note.BROKEN_PROFILE_IGNORED)
        else:
            if converted is not image:
                notes.append(Note.CONVERTED_TO_SRGB)
    if converted is None:
        converted = _without_profile(image)
    if not icc and gamma is not None and image.mode in ("L", "RGB") and _is_another(gamma):
        converted = _decoded_by(gamma, converted)
        notes.append(Note.CONVERTED_TO_SRGB)
    if image.mode == "CMYK":
        notes.insert(0, Note.CONVERTED_FROM_CMYK)
    elif image.mode == "LAB":
        notes.insert(0, Note.CONVERTED_TO_SRGB)
    return converted, tuple(notes)


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image:
    profile = ImageCms.getOpenProfile(io.BytesIO(icc))
    space = profile.profile.xcolor_space.strip()
    if _SPACES.get(image.mode) != space:
        raise ValueError(f"a {space} profile on a {image.mode} picture")
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if image.mode == "L":
        levels = _applied(Image.frombytes("L", (256, 1), bytes(range(256))), transform)
        return image.point(np.asarray(levels)[0, :, 1].tolist())
    if image.mode == "RGB" and _is_nearly_neutral(transform):
        return image
    return _applied(image, transform)


def _applied(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("the colour transform gave no picture")
    return converted


def _is_nearly_neutral(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, _LATTICE_SIDE).astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(_applied(Image.fromarray(lattice, "RGB"), transform)).astype(np.int16)
    return int(np.abs(moved - lattice).max()) <= 1


def _without_profile(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return _applied(image, ImageCms.buildTransform(lab, ImageCms.createProfile("sRGB"), "LAB", "RGB"))
    return image.convert("RGB") if image.mode == "CMYK" else image


def _is_another(gamma: float) -> bool:
    return _GAMMA_MIN <= gamma <= _GAMMA_MAX and abs(gamma / _GAMMA_SRGB - 1) > _GAMMA_TOLERANCE


def _decoded_by(gamma: float, image: Image.Image) -> Image.Image:
    """The same light in sRGB's own curve."""
    linear = np.linspace(0, 1, 256) ** (1 / gamma)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return image.point(np.rint(encoded * 255).astype(int).tolist() * len(image.getbands()))
