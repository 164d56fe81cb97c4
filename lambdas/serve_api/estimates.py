"""What the API knows of a job before it runs: its pictures, and which of its masks are there; it knows no arithmetic.

Masks are looked for by name, so a large dataset is sampled: evenly, over all of its images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from lambdas import known, usage
from lambdas.serve_api.ports import Ports
from maskmill.core.bill import Estimate, EstimateWarning, WarningCode, masks_needed, overridden
from maskmill.core.estimate import UNKNOWN, Known, Pictures, estimate, machine_time
from maskmill.core.fact import Fact, mask_fact
from maskmill.core.image import Image, ImageStatus
from maskmill.core.keys import mask_key_of
from maskmill.core.limits import ESTIMATE_IMAGES_MAX
from maskmill.core.prompt import placed_prompt
from maskmill.core.recipe import ResolvedRecipe
from maskmill.core.usage import MachineTime, exceeded


class Expected(NamedTuple):
    """What is thought of a job before it runs, and the seconds of the segmenter's machine to be taken for it."""

    estimate: Estimate
    machine: MachineTime


def expected(
    ports: Ports,
    tenant: str,
    recipe: ResolvedRecipe,
    images: Sequence[Image],
    *,
    sample_max: int = ESTIMATE_IMAGES_MAX,
) -> Expected:
    """What a recipe takes over these images; masks are looked for on at most `sample_max` of them."""
    masks = _known(ports, tenant, recipe, _sampled(_asking(recipe, images), sample_max))
    pictures, segmenter, fleet = pictures_of(images, recipe), ports.segmenter, ports.fleet
    return Expected(
        estimate(recipe, pictures, masks, segmenter=segmenter, fleet=fleet),
        machine_time(recipe, pictures, masks, segmenter=segmenter, fleet=fleet),
    )


def machine_at_most(ports: Ports, recipe: ResolvedRecipe, pictures: Pictures) -> MachineTime:
    """The seconds of the segmenter's machine where no mask is known."""
    return machine_time(recipe, pictures, UNKNOWN, segmenter=ports.segmenter, fleet=ports.fleet)


def with_quotas(ports: Ports, tenant: str, found: Expected) -> Estimate:
    """The estimate with a warning when the job would be refused for the tenant's quotas as they are now."""
    now = ports.clock.now()
    state, limits = usage.read(ports.table, tenant, ports.quotas)
    asked = usage.asked_by_job(found.estimate.variants, found.machine, seen=state, now=now)
    refusal = exceeded(asked, state=state, limits=limits, now=now)
    if refusal is None:
        return found.estimate
    warning = EstimateWarning(code=WarningCode.QUOTA, message=refusal.message)
    return found.estimate.model_copy(update={"warnings": (*found.estimate.warnings, warning)})


def pictures_of(images: Iterable[Image], recipe: ResolvedRecipe) -> Pictures:
    """The images in numbers; some splits get no variants, and some images have prompts of their own."""
    found, varied, own = Pictures(ready=0), 0, list[str]()
    named = overridden(recipe)
    for image in images:
        if image.normal is not None:
            varied += recipe.recipe.splits.has_variants(image.normal.pixels_sha256)
            own += [image.image_id] if image.image_id in named else []
            found = replace(
                found,
                ready=found.ready + 1,
                pixels=found.pixels + image.normal.size.pixels,
                source_bytes=found.source_bytes + image.normal.png_bytes,
            )
        elif image.status is ImageStatus.REFUSED:
            found = replace(found, refused=found.refused + 1)
        else:
            found = replace(found, expected=found.expected + 1)
    return replace(found, varied=varied, overridden=tuple(own))


def _asking(recipe: ResolvedRecipe, images: Iterable[Image]) -> list[Image]:
    """The ready images that need masks of the segmenter's."""
    named, usual = overridden(recipe), masks_needed(recipe, "")  # no image has this id
    ready = (image for image in images if image.status is ImageStatus.READY)
    return [image for image in ready if (masks_needed(recipe, image.image_id) if image.image_id in named else usual)]


def _sampled(images: Sequence[Image], most: int) -> list[Image]:
    """At most that many of the images, evenly spread over all."""
    count = min(len(images), most)
    return [images[position * len(images) // count] for position in range(count)]


def _known(ports: Ports, tenant: str, recipe: ResolvedRecipe, images: Sequence[Image]) -> Known:
    wanted = [fact for image in images for fact in sorted(set(_masks(ports, recipe, image)))]
    there = known.those_known(ports.table, tenant, wanted)
    return Known(looked_for=len(wanted), found=sum(fact in there for fact in wanted))


def _masks(ports: Ports, recipe: ResolvedRecipe, image: Image) -> Iterator[Fact]:
    if image.normal is None:
        return
    pixels = image.normal.pixels_sha256
    for template in recipe.templates.values():
        prompt = placed_prompt(template, image.image_id)
        if prompt is not None:
            mask_key = mask_key_of(
                pixels_sha256=pixels, prompt=prompt, choice=template.choice, segmenter=ports.segmenter
            )
            yield mask_fact(pixels, mask_key)
