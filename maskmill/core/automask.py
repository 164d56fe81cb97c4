"""Automatic masks as values: how everything in a picture is searched for and what was found; it knows no segmenter.

The search is that of Segment Anything's automatic mask generator (Kirillov et al., 2023, appendix B): a grid of single
clicks, of whose answers the sure, stable and distinct ones are kept.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskmill.core.geometry import Point
from maskmill.core.limits import AUTOMASK_CROP_LAYERS_MAX, AUTOMASK_SIDE_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model, Number

Share = Annotated[Number, Field(ge=0.0, le=1.0)]


class Automask(Model):
    """What to search for. `crop_layers` searches 2, 4, … times closer, too; areas are shares of the picture."""

    points_per_side: Annotated[int, Field(strict=True, ge=1, le=AUTOMASK_SIDE_MAX)] = 32
    score_min: Share = 0.88
    stability_min: Share = 0.95
    crop_layers: Annotated[int, Field(strict=True, ge=0, le=AUTOMASK_CROP_LAYERS_MAX)] = 0
    overlap_max: Share = 0.7  # two answers whose boxes overlap more are one
    area_min: Share = 0.0


class FoundMask(Model):
    """One thing in a picture: its mask, how little the mask depends on the threshold, and the click that found it."""

    mask: Mask
    stability: Share
    point: Point
