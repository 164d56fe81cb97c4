"""Sizes, points and boxes in the two spaces of the product; it knows no pixels' values.

Normalised coordinates are in [0, 1] of the *upright* image, x to the right and y down, (0, 0) the outer corner of the
top-left pixel and (1, 1) that of the bottom-right one. Pixel coordinates are integers, row first. This file is the only
one that converts between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from maskmill.core.model import Model

Unit = Annotated[float, Field(strict=True, ge=0.0, le=1.0, allow_inf_nan=False)]


class Size(Model):
    """The size of an image, rows first, in pixels."""

    height_px: Annotated[int, Field(strict=True, ge=1)]
    width_px: Annotated[int, Field(strict=True, ge=1)]

    @property
    def pixels(self) -> int:
        return self.height_px * self.width_px


class Point(Model):
    """A click, normalised to the upright image: positive means "this belongs to the object"."""

    x: Unit
    y: Unit
    positive: bool = True


class Box(Model):
    """A rectangle around the object, normalised to the upright image."""

    left: Unit
    top: Unit
    right: Unit
    bottom: Unit

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        if self.right <= self.left or self.bottom <= self.top:
            raise ValueError("the box is empty: right must exceed left and bottom must exceed top")
        return self


class PixelPoint(NamedTuple):
    """A pixel by its row and column, both counted from 0."""

    row: int
    column: int


@dataclass(frozen=True, slots=True)
class PixelBox:
    """Rows [top, bottom) and columns [left, right) in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def grown(self, margin_px: int, size: Size) -> PixelBox:
        """The box with a margin on every side, kept inside an image of `size`."""
        return PixelBox(
            top=max(0, self.top - margin_px),
            left=max(0, self.left - margin_px),
            bottom=min(size.height_px, self.bottom + margin_px),
            right=min(size.width_px, self.right + margin_px),
        )


def pixel_of(point: Point, size: Size) -> PixelPoint:
    """The pixel that contains a normalised point; 1.0 belongs to the last row or column."""
    return PixelPoint(
        row=min(int(point.y * size.height_px), size.height_px - 1),
        column=min(int(point.x * size.width_px), size.width_px - 1),
    )


def pixel_box_of(box: Box, size: Size) -> PixelBox:
    """The smallest pixel box that covers a normalised box; it has at least one pixel."""
    top, left = int(box.top * size.height_px), int(box.left * size.width_px)
    top, left = min(top, size.height_px - 1), min(left, size.width_px - 1)
    bottom = min(size.height_px, max(top + 1, -int(-box.bottom * size.height_px // 1)))
    right = min(size.width_px, max(left + 1, -int(-box.right * size.width_px // 1)))
    return PixelBox(top=top, left=left, bottom=bottom, right=right)


def point_of(pixel: PixelPoint, size: Size, *, positive: bool = True) -> Point:
    """The normalised point at the centre of a pixel; `pixel_of` returns to the same pixel."""
    return Point(x=(pixel.column + 0.5) / size.width_px, y=(pixel.row + 0.5) / size.height_px, positive=positive)
