"""Rendering: one item's variants are made, recorded and counted; it knows no pixels (see pictures.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lambdas import state
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.image import Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.messages import RenderItem
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.ports import Clock, ObjectMissing, Objects, Queues, Table
from maskmill.core.result import ItemResult
from maskmill.core.rows import JobState
from maskmill.core.work import NOTHING_SPENT, Spent


@dataclass(frozen=True, slots=True)
class Painted:
    """What an item leaves behind, and how much of it was made and not only read back."""

    result: ItemResult
    made: Spent


class Painter(Protocol):
    """Makes all pictures of an item and stores them under names that their content determines."""

    def __call__(self, media: Objects, job: JobState, chunk: Chunk, item: PlannedItem) -> Painted:
        """Raises MaskmillError when this item can never be rendered, Unavailable when it may later."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What rendering needs."""

    table: Table
    media: Objects
    queues: Queues
    clock: Clock
    paint: Painter


def render(ports: Ports, message: RenderItem) -> None:
    """Render one item and end it; a message about an item that is not in rendering only passes on its end."""
    tenant, job_id = message.tenant, message.job_id
    job = state.load_job(ports.table, tenant, job_id)
    chunk = state.load_chunk(ports.table, tenant, job_id, message.chunk)
    if job is None or chunk is None or job.status.is_terminal:
        return
    status = chunk.items[message.index].status
    if status.is_terminal:
        state.forward(ports.table, ports.queues, tenant, job_id, chunk)
    elif status is ItemStatus.RENDERING and job.cancel_requested:
        _end(ports, job, message, ItemStatus.CANCELLED, state.refusal(Code.CANCELLED))
    elif status is ItemStatus.RENDERING:
        _render(ports, job, message)


def _render(ports: Ports, job: JobState, message: RenderItem) -> None:
    described = state.described(ports.media, message.tenant, message.job_id, message.chunk)
    began = ports.clock.now()
    try:
        painted = ports.paint(ports.media, job, described, described.item(message.index))
    except Unavailable:
        raise
    except ObjectMissing:  # masks are known before an item is rendered, so somebody has removed the picture since
        _end(ports, job, message, ItemStatus.FAILED, state.refusal(Code.IMAGE_REMOVED))
        return
    except MaskmillError as error:
        if error.code is Code.INTERNAL:
            raise  # a fault of ours, not of the item's: it comes again, and at last the dead letters end it
        _end(ports, job, message, ItemStatus.FAILED, state.refusal_of(error))
        return
    recorded = state.keep_result(ports.table, ports.media, message.tenant, message.job_id, painted.result)
    took_s = (ports.clock.now() - began).total_seconds()
    spent = painted.made.model_copy(update={"rendering_ms": max(0, round(took_s * 1000))})
    if recorded.labels:
        _end(ports, job, message, ItemStatus.DONE, None, spent)
    else:
        _end(ports, job, message, ItemStatus.NO_MATCH, state.refusal(Code.NO_OBJECT_FOUND), spent)


def _end(
    ports: Ports,
    job: JobState,
    message: RenderItem,
    status: ItemStatus,
    reason: Refusal | None,
    spent: Spent = NOTHING_SPENT,
) -> None:
    state.end_item(
        ports.table,
        ports.queues,
        job,
        message.chunk,
        message.index,
        status=status,
        at_s=state.now_s(ports.clock),
        reason=reason,
        spent=spent,
    )
