"""What a job does, in numbers, and what it asks of AWS for that; it knows no price and no clock.

The same numbers describe a job that was counted when it ended and one that is only thought of, so that both are priced
by the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from maskmill.core import rates
from maskmill.core.model import Count, Model, Number
from maskmill.core.prices import Resource

Seconds = Annotated[Number, Field(ge=0.0)]

_ROW_KB_PER_ITEM = 0.11  # an item's part of a chunk's row
_ROW_KB_RESULT = 1.5  # what an item leaves behind, a few variants of it
ROW_KB_FACT = 2  # a mask or a label of a photo, compressed: 1 to 6 of 12 megapixels; the record of a variant has less
_ROW_READ_KB = 4


class Spent(Model):
    """What items took and left behind, in whole numbers, which the writes that end them add up.

    What was `made` was not there before; the rest of the labels and variants was read back.
    """

    shards: Count = 0  # answers of the segmenter
    masks_computed: Count = 0
    segmenting_ms: Count = 0  # of the segmenter's instance
    rendering_ms: Count = 0  # of functions
    variants: Count = 0
    variants_made: Count = 0
    labels: Count = 0
    labels_made: Count = 0
    made_bytes: Count = 0
    masks: Count = 0  # of the segmenter's, that rendered items needed
    renderings: Count = 0  # runs that rendered some of them


NOTHING_SPENT = Spent()


def total(parts: Iterable[Spent]) -> Spent:
    """The sum, field by field."""
    found = list(parts)
    return Spent(**{name: sum(getattr(part, name) for part in found) for name in Spent.model_fields})


class Work(Model):
    """What a job does. A mask, a label or a variant that another job made is reused: it costs a look-up."""

    images: Count  # that ended with labels, or without an object
    failed: Count = 0  # images that ended otherwise
    chunks: Count
    shards: Count  # invocations of the segmenter
    masks_computed: Count
    masks_reused: Count
    labels: Count
    labels_made: Count
    variants_made: Count
    variants_reused: Count
    segmenting_s: Seconds  # of the segmenter's instance
    rendering_s: Seconds  # of functions
    finishing_s: Seconds
    made_bytes: Count
    dataset_bytes: Count  # of the lists, pictures and masks that somebody fetches
    asked: Count = 0  # attempts at an item's masks
    unanswered: Count = 0  # those of them that brought nothing: of these nobody knows how long the segmenter was at it
    renderings: Count | None = None  # runs that rendered images, several of them each perhaps; None: one for each
    waited_s: Seconds | None = None  # from the submission to the first item that was rendered

    @property
    def variants(self) -> int:
        return self.variants_made + self.variants_reused


@dataclass(frozen=True, slots=True)
class Usage:
    """Amounts of what is paid for."""

    amounts: dict[Resource, float]


def usage_of(work: Work) -> Usage:
    """What the work asks of AWS, from the calls that each step makes; `tests` count them against the functions' own.

    Downloading is not part of it, and neither is the waking of the endpoint, which no single job owns.
    """
    items = work.images + work.failed
    row_kb = max(1.0, _ROW_KB_PER_ITEM * items / max(1, work.chunks))
    row_reads = -(-row_kb // _ROW_READ_KB)
    renderings = work.images if work.renderings is None else work.renderings
    messages = 2 + 2 * work.chunks + renderings + work.shards
    functions_s = rates.PLAN_S + rates.CHUNK_S * work.chunks
    return Usage(
        {
            Resource.INSTANCE_S: work.segmenting_s,
            Resource.FUNCTION_GB_S: functions_s * rates.CONTROL_GB
            + (work.rendering_s + work.finishing_s) * rates.IMAGING_GB,
            Resource.FUNCTION_CALLS: messages,
            Resource.TABLE_WRITES: 8
            + work.chunks
            + (2 * work.chunks + 2 * work.shards + renderings) * row_kb
            + work.images * _ROW_KB_RESULT * (2 if renderings < work.images else 1)  # of a group in a transaction
            + 2 * (work.masks_computed + work.labels_made) * ROW_KB_FACT  # many in a transaction, as the next
            + 2 * work.variants_made,
            Resource.TABLE_READS: 10
            + 4 * work.chunks
            + 3 * work.shards
            + renderings * (1 + row_reads)
            + work.images * _ROW_KB_RESULT / _ROW_READ_KB
            # masks, before segmenting and before rendering; labels, before rendering and in the end; variants, where
            # their labels are known
            + 2 * (work.masks_computed + work.masks_reused)
            + 2 * work.labels
            + work.variants * (1 - work.labels_made / max(1, work.labels)),
            Resource.OBJECT_WRITES: 4
            + work.chunks
            + work.shards
            + work.labels_made
            + 2 * work.variants_made,  # with its thumbnail
            Resource.OBJECT_READS: 2
            + work.chunks
            + 2 * work.shards
            # rendering: the chunk, and the pictures of which something is made
            + renderings
            + min(work.images, work.variants_made),
            Resource.QUEUE_REQUESTS: 3 * messages,
            Resource.NOTICES: work.shards,
            Resource.STORED_GB: work.made_bytes / rates.GB,
            Resource.DOWNLOADED_GB: work.dataset_bytes / rates.GB,
        }
    )
