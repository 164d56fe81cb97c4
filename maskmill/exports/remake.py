"""One variant made again from its line of the manifest and the dataset's own files; it knows no folder and no service.

Everything that goes in is checked against the line, so that what comes out is the variant, byte for byte, or a
sentence that says what is missing or different.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.image import Sha256
from maskmill.core.mask import rle_hash
from maskmill.core.model import Number
from maskmill.core.recipe import Layer, Output, backgrounds_in, names_in
from maskmill.exports.archive import is_safe_name
from maskmill.imaging.encode import encode
from maskmill.imaging.masks import read_mask_png, rle_of
from maskmill.imaging.normal import read_normal
from maskmill.imaging.picture import Picture, pixels_sha256
from maskmill.imaging.regions import SoftMask, region_alpha
from maskmill.imaging.render import drawn_layers, render, renderer_version

OpenFile = Callable[[str], bytes]


class _Facts(BaseModel):
    """Part of a line; what later versions add is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Region(_Facts):
    file: str | None
    rle_sha256: Sha256 | None
    feather_px: Number


class _Background(_Facts):
    file: str | None
    pixels_sha256: Sha256


class _VariantLine(_Facts):
    kind: Literal["variant"]
    file: str
    sha256: Sha256
    pixels_sha256: Sha256
    source_file: str | None
    layers: tuple[Layer, ...]
    regions: dict[str, _Region]
    backgrounds: dict[str, _Background]
    output: Output
    renderer: str
    noise_seed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


def remake(line: str | bytes, open_file: OpenFile) -> bytes:
    """The bytes of the variant that a line of `manifest.jsonl` describes.

    `open_file` gives the bytes of a file of the dataset by its path from the dataset's root, which is always a safe
    one; FileNotFoundError says that there is none. Raises InvalidInput `invalid_request` for a line that describes no
    variant, and `render_failed` when a file is missing or is not the one that the line names, or when this renderer
    makes other bytes of them.
    """
    wanted = _parsed(line)
    source = _picture(open_file, wanted.source_file, wanted.pixels_sha256)
    masks = {name: _soft_mask(open_file, region, source.size) for name, region in wanted.regions.items()}
    layers = drawn_layers(wanted.layers, partial(region_alpha, parts=masks))
    behind = {
        image_id: _picture(open_file, background.file, background.pixels_sha256)
        for image_id, background in wanted.backgrounds.items()
    }
    rendered = render(source, layers, seed=int(wanted.noise_seed, 16), backgrounds=behind)
    data = encode(rendered.picture, wanted.output)
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise _refused(_why_different(wanted))
    return data


def _parsed(line: str | bytes) -> _VariantLine:
    try:
        wanted = _VariantLine.model_validate_json(line)
    except ValidationError as exc:
        where = ", ".join(sorted({".".join(map(str, fault["loc"])) for fault in exc.errors()}))
        message = f"The line does not describe a variant of a dataset ({where or 'not JSON'})."
        raise InvalidInput(Code.INVALID_REQUEST, message=message) from exc
    named = {name for layer in wanted.layers for name in names_in(layer.region)}
    if not named <= wanted.regions.keys() or not set(backgrounds_in(wanted.layers)) <= wanted.backgrounds.keys():
        raise InvalidInput(Code.INVALID_REQUEST, message="The line names a mask or a background that it does not hold.")
    return wanted


def _picture(open_file: OpenFile, name: str | None, pixels: str) -> Picture:
    if name is None:
        raise _refused("The dataset was made without its sources. Run the recipe with `sources` to have them.")
    picture = read_normal(_read(open_file, name))
    if pixels_sha256(picture) != pixels:
        raise _refused(f"{name} is not the picture that the variant was made from.")
    return picture


def _soft_mask(open_file: OpenFile, region: _Region, size: Size) -> SoftMask:
    if region.file is None:
        return SoftMask(np.zeros((size.height_px, size.width_px), np.bool_))
    mask = read_mask_png(_read(open_file, region.file))
    if rle_hash(rle_of(mask)) != region.rle_sha256:
        raise _refused(f"{region.file} is not the mask that the variant was made with.")
    return SoftMask(mask, region.feather_px)


def _read(open_file: OpenFile, name: str) -> bytes:
    if not is_safe_name(name):
        raise InvalidInput(Code.INVALID_REQUEST, message=f"The line names a file {name[:200]!r} outside the dataset.")
    try:
        return open_file(name)
    except FileNotFoundError as exc:
        raise _refused(f"{name} is missing. A variant is made again from the dataset's folder as it was.") from exc


def _why_different(wanted: _VariantLine) -> str:
    here = renderer_version()
    if wanted.renderer != here:
        return f"This renderer makes other bytes. The variant was drawn by {wanted.renderer!r}; this one is {here!r}."
    return "The variant came out with other bytes. The line was changed after it was written."


def _refused(message: str) -> InvalidInput:
    return InvalidInput(Code.RENDER_FAILED, message=message)
