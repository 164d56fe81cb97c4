"""What a job will take, before it runs: pure arithmetic over counts; it looks at no store.

It is on the safe side where it cannot know: the endpoint sleeps, no variant exists yet, every picture keeps its size,
and the parts of the road come one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from maskmill.core import prices, rates
from maskmill.core.bill import (
    Estimate,
    EstimateWarning,
    Fleet,
    Lane,
    MaskCount,
    Timetable,
    WarningCode,
    masks_needed,
)
from maskmill.core.cost import priced
from maskmill.core.prices import Resource
from maskmill.core.recipe import ResolvedRecipe, variants_per_image
from maskmill.core.usage import NO_MACHINE, MachineTime
from maskmill.core.work import Usage, Work, usage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The images that a job would work on; `pixels` and `source_bytes` are those of all that are ready."""

    ready: int
    refused: int = 0
    expected: int = 0  # announced, but not here yet: the job leaves them out
    pixels: int = 0
    source_bytes: int = 0  # of the upright sources, as PNG
    varied: int | None = None  # of those that are ready, how many get variants; None: all of them
    overridden: tuple[str, ...] = ()  # of those that are ready, the ids of those with prompts of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How many of the masks that were looked for are there; a sample stands for all."""

    looked_for: int
    found: int

    @property
    def share(self) -> float:
        return self.found / self.looked_for if self.looked_for else 1.0


UNKNOWN = Known(looked_for=1, found=0)


def estimate(recipe: ResolvedRecipe, pictures: Pictures, known: Known, *, segmenter: str, fleet: Fleet) -> Estimate:
    """The estimate of a recipe over these pictures, for a segmenter of this version on this fleet."""
    work = _expected(recipe, pictures, known, segmenter=segmenter, fleet=fleet)
    lane = Lane.ENDPOINT if work.masks_computed else Lane.NONE
    needed = work.masks_computed + work.masks_reused
    waking = Usage({Resource.INSTANCE_S: sum(_around_s(fleet)) if lane is Lane.ENDPOINT else 0.0})
    sources = pictures.ready if recipe.recipe.sources else 0
    return Estimate(
        images=pictures.ready,
        images_refused=pictures.refused,
        images_not_here=pictures.expected,
        variants=work.variants,
        pictures=work.variants + sources,
        masks=MaskCount(needed=needed, known=work.masks_reused, is_sampled=known.looked_for < needed),
        lane=lane,
        seconds=_timetable(work, lane, fleet),
        cost=priced(usage_of(work), instance_type=fleet.instance_type),
        waking_dollars=priced(waking, instance_type=fleet.instance_type).dollars,
        warnings=tuple(_warnings(work, pictures, known, lane, segmenter, fleet)),
    )


def _expected(recipe: ResolvedRecipe, pictures: Pictures, known: Known, *, segmenter: str, fleet: Fleet) -> Work:
    asking, needed = _asking(recipe, pictures)
    computed = needed - min(needed, round(needed * known.share))
    asked = -(-computed * asking // needed) if needed else 0
    varied = pictures.ready if pictures.varied is None else pictures.varied
    variants = varied * variants_per_image(recipe.recipe)
    labels = pictures.ready * len(recipe.templates)
    pace = rates.pace_of(segmenter)
    rendered_bytes = round(_megapixels_of(pictures, variants) * _format(recipe).size_bytes)
    kept_bytes = rates.RECORD_BYTES * variants + rates.LABEL_BYTES * labels
    sources_bytes = pictures.source_bytes if recipe.recipe.sources else 0
    return Work(
        images=pictures.ready,
        failed=pictures.refused,
        chunks=-(-(pictures.ready + pictures.refused) // fleet.chunk_items),
        shards=-(-asked // fleet.chunk_items),
        masks_computed=computed,
        masks_reused=needed - computed,
        labels=labels,
        labels_made=labels,
        variants_made=variants,
        variants_reused=0,
        segmenting_s=asked * pace.image_s + computed * pace.mask_s,
        rendering_s=_rendering_s(recipe, pictures, labels=labels, variants=variants),
        finishing_s=rates.FINISH_S + rates.LINE_S * (pictures.ready + labels + variants),
        made_bytes=rendered_bytes + kept_bytes,
        dataset_bytes=rendered_bytes + kept_bytes + sources_bytes,
    )


def machine_time(
    recipe: ResolvedRecipe, pictures: Pictures, known: Known, *, segmenter: str, fleet: Fleet
) -> MachineTime:
    """The most that a job will take of the segmenter's machine where nothing goes wrong: only masks that were found
    count as known, since a sample may have been chosen to deceive.
    """
    asking, needed = _asking(recipe, pictures)
    computed = max(0, needed - known.found)
    if not computed:
        return NO_MACHINE
    pace = rates.pace_of(segmenter)
    work_s = ceil(-(-computed * asking // needed) * pace.image_s + computed * pace.mask_s)
    return MachineTime(work_s=work_s, awake_s=ceil(sum(_around_s(fleet))))


def _around_s(fleet: Fleet) -> tuple[float, int]:
    """For how long an instance is there before a job's work and after it, on the job's account."""
    return (0.0, 0) if fleet.instances_min else (rates.WAKING_S, fleet.idle_s)


def machine_worked_s(work: Work, *, templates: int, segmenter: str) -> int:
    """For how long the machine worked on an ended job; an attempt that brought nothing counts as if it had.

    0 says that the machine was asked for nothing.
    """
    pace = rates.pace_of(segmenter)
    lost_s = work.unanswered * (pace.image_s + templates * pace.mask_s)
    return max(1, ceil(work.segmenting_s + lost_s)) if work.asked else 0


def _asking(recipe: ResolvedRecipe, pictures: Pictures) -> tuple[int, int]:
    """How many images need masks of the segmenter's, and how many masks they need together."""
    usual = masks_needed(recipe, "")  # no image has this id, so none has overrides for it
    own = [masks_needed(recipe, image_id) for image_id in pictures.overridden]
    others = pictures.ready - len(own)
    return (others if usual else 0) + sum(map(bool, own)), others * usual + sum(own)


def _rendering_s(recipe: ResolvedRecipe, pictures: Pictures, *, labels: int, variants: int) -> float:
    layers = max(1, len(recipe.recipe.layers)) if recipe.recipe.composition == "stacked" else 1
    per_variant = layers * rates.EDIT_S + _format(recipe).seconds + rates.THUMBNAIL_S
    return (
        pictures.ready * rates.ITEM_S
        + _megapixels_of(pictures, pictures.ready) * rates.DECODE_S
        + _megapixels_of(pictures, labels) * rates.LABEL_S
        + _megapixels_of(pictures, variants) * per_variant
    )


def _format(recipe: ResolvedRecipe) -> rates.FormatRate:
    output = recipe.recipe.output
    return rates.FORMATS[output.format][output.effort]


def _megapixels_of(pictures: Pictures, count: int) -> float:
    """The megapixels of that many pictures of the mean size."""
    return count * pictures.pixels / max(1, pictures.ready) / rates.MEGAPIXEL


def _timetable(work: Work, lane: Lane, fleet: Fleet) -> Timetable:
    """Segmenting is shared by the instances that there is work for, rendering by the functions that run at once."""
    segmenting_s = work.segmenting_s / max(1, min(fleet.instances_max, work.shards))
    rendering_s = work.rendering_s / max(1, min(fleet.renders_at_once, work.images))
    waking_s = _around_s(fleet)[0] if lane is Lane.ENDPOINT else 0.0
    awake_s = rates.PLAN_S + rates.CHUNK_S + segmenting_s + rendering_s + work.finishing_s
    return Timetable(
        waking_s=waking_s,
        segmenting_s=round(segmenting_s, 1),
        rendering_s=round(rendering_s, 1),
        finishing_s=round(work.finishing_s, 1),
        total_s=round(waking_s + awake_s, 1),
        total_if_awake_s=round(awake_s, 1),
    )


def _warnings(
    work: Work, pictures: Pictures, known: Known, lane: Lane, segmenter: str, fleet: Fleet
) -> Iterator[EstimateWarning]:
    if pictures.expected:
        message = f"{pictures.expected} announced images have not arrived. A job leaves them out."
        yield EstimateWarning(code=WarningCode.IMAGES_NOT_HERE, message=message)
    if known.looked_for < work.masks_computed + work.masks_reused:
        message = f"Known masks were looked for in a sample of {known.looked_for}."
        yield EstimateWarning(code=WarningCode.MASKS_SAMPLED, message=message)
    if lane is Lane.ENDPOINT and not rates.pace_of(segmenter).is_measured:
        message = f"Seconds of the segmenter: {rates.pace_of(segmenter).source}."
        yield EstimateWarning(code=WarningCode.PACE_NOT_MEASURED, message=message)
    if lane is Lane.ENDPOINT and prices.instance_s(fleet.instance_type) is None:
        message = f"There is no price for {fleet.instance_type} in the list: dollars are without the segmenter."
        yield EstimateWarning(code=WarningCode.INSTANCE_NOT_PRICED, message=message)
