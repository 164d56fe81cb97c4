"""What a job did, summed over what its chunks counted; it knows no clock, no price and no file."""

from __future__ import annotations

from collections.abc import Iterable

from maskmill.core.item import ItemStatus
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.work import Work, total

_RENDERED = frozenset({ItemStatus.DONE, ItemStatus.NO_MATCH})


def work_done(job: JobState, chunks: Iterable[ChunkState], *, dataset_bytes: int, finishing_s: float) -> Work:
    """The work of a job whose items have all ended.

    A mask that an item needed and no answer brought was known before, by an earlier job or by an equal picture.
    """
    found = list(chunks)
    spent = total(chunk.spent for chunk in found)
    items = [item for chunk in found for item in chunk.items.values()]
    rendered = [item for item in items if item.status in _RENDERED]
    asked = [item.attempt for item in items if item.attempt]
    first_s = min((item.changed_at_s for item in rendered), default=None)
    return Work(
        images=len(rendered),
        failed=len(items) - len(rendered),
        chunks=len(found),
        shards=spent.shards,
        masks_computed=spent.masks_computed,
        masks_reused=max(0, spent.masks - spent.masks_computed),
        labels=spent.labels,
        labels_made=spent.labels_made,
        variants_made=spent.variants_made,
        variants_reused=max(0, spent.variants - spent.variants_made),
        segmenting_s=spent.segmenting_ms / 1000,
        rendering_s=spent.rendering_ms / 1000,
        finishing_s=round(finishing_s, 3),
        made_bytes=spent.made_bytes,
        dataset_bytes=dataset_bytes,
        renderings=spent.renderings or None,
        asked=sum(asked),
        unanswered=sum(asked) - sum(item.attempt > 0 for item in rendered),
        waited_s=None if first_s is None else float(max(0, first_s - job.created_at_s)),
    )
