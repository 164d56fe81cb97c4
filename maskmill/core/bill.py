"""The bill of a job, before it runs and after it ended, side by side; it knows no store and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from maskmill.core.cost import Cost, priced
from maskmill.core.model import Count, Model
from maskmill.core.prompt import placed_prompt
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.work import Seconds, Work, usage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What a stage runs jobs on."""

    instance_type: str  # of the segmenter
    instances_min: int = 0  # with one or more nobody waits for the first, and no job is why the last one stays
    instances_max: int
    idle_s: int  # that the last instance waits for more work before it goes
    chunk_items: int  # images that one invocation of the segmenter holds, or more of them in a large job
    renders_at_once: int


class Lane(StrEnum):
    """Where the masks of a job come from."""

    ENDPOINT = "endpoint"
    NONE = "none"  # all of them are known, or none is needed


class WarningCode(StrEnum):
    """What somebody should know before the job runs."""

    IMAGES_NOT_HERE = "images_not_here"
    MASKS_SAMPLED = "masks_sampled"
    PACE_NOT_MEASURED = "pace_not_measured"
    INSTANCE_NOT_PRICED = "instance_not_priced"
    QUOTA = "quota"


class EstimateWarning(Model):
    """A warning with words for the user."""

    code: WarningCode
    message: str


class MaskCount(Model):
    """The masks that a job needs of the segmenter and how many are known, by a sample where not all were looked for."""

    needed: Count
    known: Count
    is_sampled: bool


class Timetable(Model):
    """Seconds of a job's parts. `total_s` counts the waking of the endpoint, `total_if_awake_s` does not."""

    waking_s: Seconds
    segmenting_s: Seconds
    rendering_s: Seconds
    finishing_s: Seconds
    total_s: Seconds
    total_if_awake_s: Seconds


class Estimate(Model):
    """What a job will probably take. `cost` is that of its own work; a sleeping endpoint's waking comes on top."""

    images: Count
    images_refused: Count
    images_not_here: Count
    variants: Count
    pictures: Count  # variants and sources
    masks: MaskCount
    lane: Lane
    seconds: Timetable
    cost: Cost
    waking_dollars: float
    warnings: tuple[EstimateWarning, ...] = ()


class Actual(Model):
    """What an ended job took. `waited_s` is the time from its submission to the first item that was rendered."""

    images: Count  # that ended with labels, or without an object
    images_failed: Count
    variants_made: Count
    variants_reused: Count
    masks_computed: Count
    masks_reused: Count
    segmenting_s: Seconds
    rendering_s: Seconds
    finishing_s: Seconds
    waited_s: Seconds | None
    took_s: Seconds
    made_bytes: Count
    dataset_bytes: Count
    cost: Cost


class JobCost(Model):
    """What was thought of a job before it ran, and what it took."""

    estimate: Estimate | None = None
    actual: Actual | None = None


def masks_needed(recipe: ResolvedRecipe, image_id: str) -> int:
    """How many different masks of the segmenter's an image needs: templates with one prompt and choice share one."""
    asked = ((placed_prompt(template, image_id), template.choice) for template in recipe.templates.values())
    return len({(prompt.model_dump_json(), choice) for prompt, choice in asked if prompt is not None})


def overridden(recipe: ResolvedRecipe) -> frozenset[str]:
    """The ids of the images for which a template has a prompt of their own; all others need the same masks."""
    return frozenset(image_id for template in recipe.templates.values() for image_id in template.overrides)


def actual(work: Work, *, created_at: datetime, ended_at: datetime, instance_type: str) -> Actual:
    """What an ended job took, priced by the same list."""
    took_s = max(0.0, round((ended_at - created_at).total_seconds(), 3))
    return Actual(
        images=work.images,
        images_failed=work.failed,
        variants_made=work.variants_made,
        variants_reused=work.variants_reused,
        masks_computed=work.masks_computed,
        masks_reused=work.masks_reused,
        segmenting_s=work.segmenting_s,
        rendering_s=work.rendering_s,
        finishing_s=work.finishing_s,
        waited_s=None if work.waited_s is None else min(work.waited_s, took_s),  # rows know whole seconds only
        took_s=took_s,
        made_bytes=work.made_bytes,
        dataset_bytes=work.dataset_bytes,
        cost=priced(usage_of(work), instance_type=instance_type),
    )
