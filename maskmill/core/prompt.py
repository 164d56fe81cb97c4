"""Prompts and templates: what to look for in an image; it knows no segmenter and no pixels."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from maskmill.core.geometry import Box, Point
from maskmill.core.limits import NAME_CHARS_MAX, OVERRIDES_PER_TEMPLATE_MAX, POINTS_MAX
from maskmill.core.mask import Rle
from maskmill.core.model import Model, Number

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
TemplateName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", min_length=1, max_length=NAME_CHARS_MAX)
]


class Prompt(Model):
    """Where the object is: points, a box, a previous mask, or several of these; normalised to the upright image.

    At least one positive point, a box or a previous mask must be present.
    """

    points: Annotated[tuple[Point, ...], Field(max_length=POINTS_MAX)] = ()
    box: Box | None = None
    previous: Rle | None = None

    @model_validator(mode="after")
    def _names_an_object(self) -> Self:
        if self.box is None and self.previous is None and not any(point.positive for point in self.points):
            raise ValueError("need_positive_point: a prompt needs at least one positive point, a box or a mask")
        return self


def _of_clicks(prompt: Prompt) -> Prompt:
    if prompt.previous is not None:
        raise ValueError("an override has points or a box, and no previous mask")
    return prompt


ImageId = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Overrides = Annotated[
    dict[ImageId, Annotated[Prompt, AfterValidator(_of_clicks)]], Field(max_length=OVERRIDES_PER_TEMPLATE_MAX)
]


class Placement(StrEnum):
    """How a template's prompt lands on another image."""

    FIXED = "fixed"  # the same normalised points: aligned shots from the same camera
    WHOLE = "whole"  # the whole image, without the segmenter
    CENTRE = "centre"  # one positive point at the centre of each image
    MASK = "mask"  # the prompt's previous mask as it is, without the segmenter, on images of its size
    MATCH = "match"  # finds the reference object in each image


class MaskChoice(StrEnum):
    """Which of a segmenter's candidates to keep: the best by score, or one by its index."""

    BEST = "best"
    FIRST = "0"
    SECOND = "1"
    THIRD = "2"


class Refinement(Model):
    """What is done to a raw mask, in this order: islands, holes, grow or shrink, feather; neutral by default."""

    island_area_min: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.0  # share of the image
    hole_area_min: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.0  # share of the image
    grow_px: Annotated[int, Field(strict=True, ge=-100, le=100)] = 0  # negative shrinks
    feather_px: Annotated[Number, Field(ge=0.0, le=100.0)] = 0.0  # width of the soft edge, inside the mask


class Template(Model):
    """A reusable way to find one kind of object; its name is the label that annotations carry.

    `overrides` are prompts by image id: on such an image the override alone counts, whatever the placement. Ids of
    images that are gone do no harm.
    """

    name: TemplateName
    prompt: Prompt | None = None
    reference_image_id: str | None = None
    placement: Placement = Placement.FIXED
    choice: MaskChoice = MaskChoice.BEST
    refinement: Refinement = Refinement()
    colour: Colour = "#ff5a36"
    overrides: Overrides = {}

    @model_validator(mode="after")
    def _has_the_prompt_it_needs(self) -> Self:
        if self.placement is Placement.MATCH:
            raise ValueError("not_implemented: placement 'match' is not available yet")
        if self.placement is Placement.FIXED and self.prompt is None:
            raise ValueError("need_positive_point: placement 'fixed' needs a prompt")
        if self.placement is Placement.MASK and not _is_a_mask_alone(self.prompt):
            raise ValueError("placement 'mask' needs a prompt with a previous mask, and without points or a box")
        return self


def _is_a_mask_alone(prompt: Prompt | None) -> bool:
    return prompt is not None and prompt.previous is not None and not prompt.points and prompt.box is None


_CENTRE = Prompt(points=(Point(x=0.5, y=0.5, positive=True),))


def placed_prompt(template: Template, image_id: str) -> Prompt | None:
    """The prompt of a template on an image of its dataset; None where no segmenter is asked (see `given_mask`)."""
    override = template.overrides.get(image_id)
    if override is not None:
        return override
    if template.placement in (Placement.WHOLE, Placement.MASK):
        return None
    if template.placement is Placement.CENTRE:
        return _CENTRE
    return template.prompt


def given_mask(template: Template, image_id: str) -> Rle | None:
    """The mask that a template brings along for an image; None where it is found, or is the whole image."""
    if template.placement is not Placement.MASK or template.prompt is None or image_id in template.overrides:
        return None
    return template.prompt.previous
