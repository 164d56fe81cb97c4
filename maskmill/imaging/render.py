"""One variant as a pure function of picture, regions, drawn edits and seed; it knows no job and no storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from maskmill.core.edit import Cutout, Edits
from maskmill.core.geometry import PixelBox, Size
from maskmill.core.model import content_hash
from maskmill.core.recipe import Layer, Output, Region
from maskmill.imaging import codecs
from maskmill.imaging.cutout import cut_out
from maskmill.imaging.edits import apply_edits
from maskmill.imaging.normal import resized
from maskmill.imaging.picture import Bools, Picture
from maskmill.imaging.regions import Alpha

RENDERER_VERSION = 2  # raise it when any pixel of any variant may change


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayer:
    """Concrete edits and the alpha of their region on this picture."""

    edits: Edits
    alpha: Alpha


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a variant's pixels come from: `crop` of the source, resized to `size`."""

    source: Size
    crop: PixelBox
    size: Size

    @property
    def is_identity(self) -> bool:
        """Whether each pixel of the variant lies where it lay in the source."""
        return self.size == self.source and self.crop == _whole(self.source)


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A variant before encoding; `visible`, bool (H, W) of the source, is what a cut-out left of it (None: all)."""

    picture: Picture
    geometry: Geometry
    visible: Bools | None = None

    @property
    def keeps_labels(self) -> bool:
        """Whether the source's labels hold for the variant as they are."""
        return self.visible is None and self.geometry.is_identity

    def label(self, mask: Bools) -> Bools:
        """What a label's mask, bool (H, W) of the source, becomes on the variant; empty when nothing of it is left."""
        return transform_mask(mask if self.visible is None else mask & self.visible, self.geometry)


def drawn_layers(layers: Sequence[Layer], alpha: Callable[[Region], Alpha]) -> list[DrawnLayer]:
    """The layers on the regions that they have on this picture; those whose region is empty are left out."""
    drawn = [DrawnLayer(layer.edits, alpha(layer.region)) for layer in layers]
    return [layer for layer in drawn if not layer.alpha.is_empty]


def render(
    picture: Picture, layers: Sequence[DrawnLayer], *, seed: int, backgrounds: Mapping[str, Picture] | None = None
) -> Rendered:
    """The layers applied in order; a cut-out and a thumbnail of the last layer shape the result.

    `seed` (64 bits) is that of the noise, `seed_of(variant_id)`; `backgrounds` holds the pictures behind cut-outs by
    image id.
    Raises MaskmillError render_failed when a background is missing.
    """
    source, crop, visible = picture.size, _whole(picture.size), None
    for position, layer in enumerate(layers):
        picture = apply_edits(picture, layer.alpha, layer.edits, seed=seed + position)
        cutout = layer.edits.cutout
        if cutout is not None:
            behind = (backgrounds or {}).get(cutout.image_id) if cutout.image_id is not None else None
            picture = cut_out(picture, layer.alpha, cutout, behind)
            crop, visible = _crop_of(layer.alpha, cutout), layer.alpha.mask()
    picture = _cropped(picture, crop)
    thumbnail = layers[-1].edits.thumbnail if layers else None
    if thumbnail is not None:
        size = _shrunk_size(picture.size, thumbnail.long_side)
        if size != picture.size:
            picture = resized(picture, height_px=size.height_px, width_px=size.width_px)
    return Rendered(picture, Geometry(source=source, crop=crop, size=picture.size), visible)


def transform_mask(mask: Bools, geometry: Geometry) -> Bools:
    """A label's mask, bool (H, W) of the source, on the variant: a pixel is set when at least half of it is covered."""
    crop = geometry.crop
    cut = mask[crop.top : crop.bottom, crop.left : crop.right]
    size = geometry.size
    if cut.shape == (size.height_px, size.width_px):
        return np.ascontiguousarray(cut)
    image = Image.fromarray(np.where(cut, np.uint8(255), np.uint8(0)))
    return np.asarray(image.resize((size.width_px, size.height_px), Image.Resampling.BOX)) >= 128


def renderer_version() -> str:
    """What a variant's bytes depend on besides its inputs: this renderer and the codecs."""
    return "; ".join([f"maskmill-render {RENDERER_VERSION}", *codecs.versions()])


def variant_id(
    *,
    pixels_sha256: str,
    layers: Sequence[Layer],
    masks: Mapping[str, str],
    backgrounds: Mapping[str, str],
    output: Output,
    renderer: str,
    sample: int = 0,
) -> str:
    """The identity of a variant's bytes: 64 hex digits of all that they are made from.

    `layers` are drawn; `masks` maps a template id to `mask_identity` of its refined mask on this image, `backgrounds`
    an image id to the SHA-256 of its pixels. Ids themselves do not enter, so that equal content has one name. The
    number of the `sample` enters where there is noise, whose seed is the identity: equal samples get different noise.
    """
    has_noise = any(layer.edits.noise > 0 for layer in layers)
    return content_hash(
        {
            "pixels": pixels_sha256,
            "layers": [
                {"region": _region_identity(layer.region, masks), "edits": _edits_identity(layer.edits, backgrounds)}
                for layer in layers
            ],
            "output": output,
            "renderer": renderer,
            "sample": sample if has_noise else 0,
        }
    )


def mask_identity(*, rle_sha256: str, feather_px: float) -> str:
    """The identity of a refined mask with its soft edge: 64 hex digits."""
    return content_hash({"rle": rle_sha256, "feather_px": feather_px})


def seed_of(identity: str) -> int:
    """The 64-bit seed of a variant's noise: the first 16 hex digits of its id."""
    return int(identity[:16], 16)


def _region_identity(region: Region, masks: Mapping[str, str]) -> object:
    if isinstance(region, str):
        return masks[region]
    return {"op": region.op.value, "of": [_region_identity(part, masks) for part in region.of]}


def _edits_identity(edits: Edits, backgrounds: Mapping[str, str]) -> object:
    plain = edits.model_dump(mode="json")
    if edits.cutout is not None and edits.cutout.image_id is not None:
        plain["cutout"]["image_id"] = backgrounds.get(edits.cutout.image_id)
    return plain


def _whole(size: Size) -> PixelBox:
    return PixelBox(top=0, left=0, bottom=size.height_px, right=size.width_px)


def _crop_of(alpha: Alpha, cutout: Cutout) -> PixelBox:
    if not cutout.crop or alpha.is_empty:
        return _whole(alpha.size)
    margin_px = round(cutout.margin * max(alpha.box.height, alpha.box.width))
    return alpha.box.grown(margin_px, alpha.size)


def _cropped(picture: Picture, box: PixelBox) -> Picture:
    if box == _whole(picture.size):
        return picture
    window = (slice(box.top, box.bottom), slice(box.left, box.right))
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[window])
    return Picture(rgb=np.ascontiguousarray(picture.rgb[window]), alpha=alpha, is_grey=picture.is_grey)


def _shrunk_size(size: Size, long_side_px: int) -> Size:
    scale = long_side_px / max(size.height_px, size.width_px)
    if scale >= 1:
        return size
    return Size(height_px=max(1, round(size.height_px * scale)), width_px=max(1, round(size.width_px * scale)))
