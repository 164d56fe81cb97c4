"""Automatic masks as values: how everything in a picture is searched for and what was found; it knows no segmenter.

The search is that of Segment Anything's automatic mask generator (Kirillov et al., 2023, appendix B): a grid of single
clicks, of whose answers the sure, stable and distinct ones are kept. What was found once answers further clicks without
a model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from maskmill.core.geometry import Point, pixel_of
from maskmill.core.limits import AUTOMASK_CROP_LAYERS_MAX, AUTOMASK_SIDE_MAX
from maskmill.core.mask import Mask, Rle
from maskmill.core.model import Model, Number
from maskmill.core.runs import runs_of

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


def masks_at(found: Iterable[FoundMask], point: Point) -> tuple[FoundMask, ...]:
    """What was found under a click, the smallest first; the click's sign does not matter.

    The smallest mask is the most particular answer: a click on a wheel means the wheel, although the car is there, too;
    who means the car takes the next one. Raises ModelFailure for run lengths that are none.
    """
    under = ((_area_at(one.mask.rle, point), one) for one in found)
    return tuple(one for area, one in sorted(under, key=lambda pair: pair[0]) if area > 0)


def _area_at(rle: Rle, point: Point) -> int:
    """The pixels of a mask, or 0 where the point is not in it."""
    pixel = pixel_of(point, rle.size)
    place = pixel.column * rle.size.height_px + pixel.row
    end = area = 0
    for index, run in enumerate(runs_of(rle)):
        is_mask = index % 2 == 1
        if end <= place < end + run and not is_mask:
            return 0
        end += run
        area += run if is_mask else 0
    return area
