"""A planned job's immutable descriptions: what each item is, written once and read by every later step.

Items are numbered from 0 in the order of the plan and lie in chunks of consecutive numbers; a chunk is also the most
that one invocation of the model may hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from maskmill.core.image import Image, ImageStatus, NormalImage, Refusal
from maskmill.core.keys import mask_key_of
from maskmill.core.limits import (
    IMAGES_PER_JOB_MAX,
    RENDERED_PIXELS_MAX,
    SHARD_ITEMS_MAX,
    SHARD_S_MAX,
    SHARDS_WANTED,
)
from maskmill.core.model import Model
from maskmill.core.prompt import Template, placed_prompt
from maskmill.core.rates import pace_of


class PlannedItem(Model):
    """One image of a job: ready with its normal image, or refused from the start."""

    index: int
    image_id: str
    name: str
    normal: NormalImage | None = None
    refusal: Refusal | None = None


class Plan(Model):
    """All items of a job and how many of them make a chunk."""

    items: Annotated[tuple[PlannedItem, ...], Field(max_length=IMAGES_PER_JOB_MAX)]
    backgrounds: dict[str, NormalImage] = {}  # of cut-outs, by image id
    chunk_items: Annotated[int, Field(ge=1, le=SHARD_ITEMS_MAX)]

    @property
    def chunks_total(self) -> int:
        return -(-len(self.items) // self.chunk_items)

    def chunks(self, *, first: int = 0, count: int | None = None) -> Iterator[Chunk]:
        """The chunks in order, or `count` of them from the first that is wanted."""
        end = self.chunks_total if count is None else min(first + count, self.chunks_total)
        for number in range(first, end):
            start = number * self.chunk_items
            yield Chunk(number=number, items=self.items[start : start + self.chunk_items], backgrounds=self.backgrounds)


class Chunk(Model):
    """The items of one chunk; `backgrounds` are the normal images that cut-outs are put on."""

    number: int
    items: tuple[PlannedItem, ...]
    backgrounds: dict[str, NormalImage] = {}

    def item(self, index: int) -> PlannedItem:
        """An item by its number in the job; raises KeyError when it is not of this chunk."""
        for item in self.items:
            if item.index == index:
                return item
        raise KeyError(index)


def spread(images: int, *, over: int, least: int = 1, most: int = SHARD_ITEMS_MAX) -> int:
    """How many of a job's images go together, so that there are about `over` groups of at least `least` of them."""
    return max(1, min(most, max(least, -(-images // over))))


def chunk_items_of(images: int, *, templates: int, segmenter: str, least: int) -> int:
    """How many images one request to the segmenter holds: at least the stage's own number, more in a large job.

    Fewer where the segmenter, by its pace, would be at them for too long.
    """
    pace = pace_of(segmenter)
    in_time = int(SHARD_S_MAX / (pace.image_s + pace.mask_s * templates))
    return spread(images, over=SHARDS_WANTED, least=least, most=min(SHARD_ITEMS_MAX, in_time))


def renderings(pixels_of: Mapping[int, int], *, together: int, variants: int) -> Iterator[tuple[int, ...]]:
    """Items, by their pixels, in groups that one run renders: at most `together`, and no more than it can draw in time.

    `variants` is how many pictures are drawn of each.
    """
    group: list[int] = []
    drawn = 0
    for index, pixels in pixels_of.items():
        amount = pixels * max(1, variants)
        if group and (len(group) == together or drawn + amount > RENDERED_PIXELS_MAX):
            yield tuple(group)
            group, drawn = [], 0
        group.append(index)
        drawn += amount
    if group:
        yield tuple(group)


def openers(plan: Plan, window_shards: int) -> tuple[int, ...]:
    """The chunks that may be in the segmenter first: `window_shards` lines of chunks, and the head of each.

    Chunk n waits for chunk n − `window_shards`. A chunk of refused images alone needs no place.
    """
    heads: dict[int, int] = {}
    for chunk in plan.chunks():
        if any(item.refusal is None for item in chunk.items):
            heads.setdefault(chunk.number % window_shards, chunk.number)
    return tuple(sorted(heads.values()))


def planned_items(images: tuple[Image, ...]) -> tuple[PlannedItem, ...]:
    """The items of a job over these images; images that have not arrived yet are left out."""
    settled = [image for image in images if image.status is not ImageStatus.EXPECTED]
    return tuple(
        PlannedItem(index=index, image_id=image.image_id, name=image.name, normal=image.normal, refusal=image.refusal)
        for index, image in enumerate(settled)
    )


def mask_key_for(item: PlannedItem, template: Template, segmenter: str) -> str | None:
    """The key of the mask of a template on an item; None where no segmenter is asked (all of it, or a given mask)."""
    prompt = placed_prompt(template, item.image_id)
    if prompt is None or item.normal is None:
        return None
    return mask_key_of(
        pixels_sha256=item.normal.pixels_sha256, prompt=prompt, choice=template.choice, segmenter=segmenter
    )
