"""The edits of a region: their names, ranges, neutral values and order; maskmill.imaging.edits does the arithmetic.

All arithmetic is on sRGB values in [0, 1]. The numbers are a contract, and so is the order, whatever order they are
given in:

    tone    brightness x + b · contrast (x − 0.5)(1 + c) + 0.5 · clip · gamma x^(1 / (1 + g))
    colour  hue h + degrees/360 (HSV, modulo 1) · saturation s(1 + s'), clipped (HSV); both skip greyscale sources
    paint   towards one colour, with or without the shading of the source
    detail  blur · sharpen x + a(x − gaussian(x, σ = 1 px)) · noise x + n·N(0, 1), seeded · clip
    opacity o·edited + (1 − o)·original
    then    cutout and thumbnail, which work on the whole picture

A neutral value is the identity, bit for bit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from maskmill.core.model import Model, Number
from maskmill.core.prompt import Colour

SHARPEN_SIGMA_PX = 1.0


class Paint(Model):
    """Paints the region: `strength` 0…1 blends towards `colour`; `keep_shading` keeps the source's light and dark."""

    colour: Colour
    strength: Annotated[Number, Field(ge=0.0, le=1.0)] = 1.0
    keep_shading: bool = True


class Blur(Model):
    """Gaussian blur of the region; `radius` is the standard deviation in pixels."""

    radius: Annotated[Number, Field(ge=0.0, le=50.0)]


class Background(StrEnum):
    """What stands behind a cut-out object."""

    TRANSPARENT = "transparent"
    COLOUR = "colour"
    BLUR = "blur"
    IMAGE = "image"


class Cutout(Model):
    """Keeps the region and replaces the rest of the picture (this edit names the background)."""

    background: Background = Background.TRANSPARENT
    colour: Colour = "#ffffff"  # for background "colour"
    radius: Annotated[Number, Field(ge=0.0, le=100.0)] = 12.0  # for background "blur", standard deviation in pixels
    image_id: str | None = None  # for background "image": an image of the same dataset
    defringe: bool = True  # takes the old background's colour out of the edge
    crop: bool = False  # crops to the region
    margin: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.05  # of the region's longer side, on each side of the crop


class Thumbnail(Model):
    """Shrinks the finished picture so that its longer side is at most `long_side` pixels; it never enlarges."""

    long_side: Annotated[int, Field(strict=True, ge=16, le=4096)]


class Edits(Model):
    """The edits of one region with concrete values; every default is neutral."""

    brightness: Annotated[Number, Field(ge=-1.0, le=1.0)] = 0.0
    contrast: Annotated[Number, Field(ge=-1.0, le=1.0)] = 0.0
    gamma: Annotated[Number, Field(ge=-0.9, le=2.0)] = 0.0
    hue: Annotated[Number, Field(ge=-180.0, le=180.0)] = 0.0
    saturation: Annotated[Number, Field(ge=-1.0, le=3.0)] = 0.0
    paint: Paint | None = None
    blur: Blur | None = None
    sharpen: Annotated[Number, Field(ge=0.0, le=2.0)] = 0.0
    noise: Annotated[Number, Field(ge=0.0, le=0.2)] = 0.0
    opacity: Annotated[Number, Field(ge=0.0, le=1.0)] = 1.0
    cutout: Cutout | None = None
    thumbnail: Thumbnail | None = None

    @property
    def changes_pixels(self) -> bool:
        """Whether the edits inside the region (all but cutout and thumbnail) can change anything."""
        inside = self.model_copy(update={"cutout": None, "thumbnail": None, "opacity": 1.0})
        painted = self.paint is not None and self.paint.strength > 0
        blurred = self.blur is not None and self.blur.radius > 0
        plain = inside.model_copy(update={"paint": None, "blur": None})
        return self.opacity > 0 and (painted or blurred or plain != Edits())


VariedEdit = Literal["brightness", "contrast", "gamma", "hue", "saturation", "sharpen", "noise", "opacity"]

RANGES: dict[str, tuple[float, float]] = {
    "brightness": (-1.0, 1.0),
    "contrast": (-1.0, 1.0),
    "gamma": (-0.9, 2.0),
    "hue": (-180.0, 180.0),
    "saturation": (-1.0, 3.0),
    "sharpen": (0.0, 2.0),
    "noise": (0.0, 0.2),
    "opacity": (0.0, 1.0),
}
