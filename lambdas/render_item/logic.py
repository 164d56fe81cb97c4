"""Rendering: the variants of some items are made, recorded and counted; it knows no pixels (see pictures.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from lambdas import records, state
from lambdas.known import Facts
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.item import ItemStatus
from maskmill.core.messages import RenderItems
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.ports import Clock, ObjectMissing, Objects, Queues, Table
from maskmill.core.result import ItemResult
from maskmill.core.rows import Ending, JobState
from maskmill.core.work import Spent


@dataclass(frozen=True, slots=True)
class Painted:
    """What an item leaves behind, and how much of it was made and not only read back."""

    result: ItemResult
    made: Spent


class Looker(Protocol):
    """Reads what is known of some items, all at once."""

    def __call__(
        self, table: Table, media: Objects, job: JobState, chunk: Chunk, items: Iterable[PlannedItem]
    ) -> Facts: ...


class Painter(Protocol):
    """Makes all pictures of an item and stores them under names that their content determines."""

    def __call__(self, media: Objects, known: Facts, job: JobState, chunk: Chunk, item: PlannedItem) -> Painted:
        """Raises MaskmillError when this item can never be rendered, Unavailable when it may later."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What rendering needs."""

    table: Table
    media: Objects
    queues: Queues
    clock: Clock
    look: Looker
    paint: Painter


def render(ports: Ports, message: RenderItems) -> None:
    """Render some items of a chunk and end them; where none is in rendering any more, pass on that the chunk is full.

    They end together. One that cannot be rendered ends as failed; a fault of ours ends nothing: the others end, and the
    message comes again.
    """
    tenant, job_id = message.tenant, message.job_id
    job, chunk = state.load_both(ports.table, tenant, job_id, message.chunk)
    if job is None or chunk is None or job.status.is_terminal:
        return
    indices = [index for index in message.indices if chunk.items[index].status is ItemStatus.RENDERING]
    if not indices:
        state.forward(ports.table, ports.queues, tenant, job_id, chunk)
    elif job.cancel_requested:
        cancelled = Ending(ItemStatus.CANCELLED, state.refusal(Code.CANCELLED))
        _end(ports, job, message, dict.fromkeys(indices, cancelled))
    else:
        _render(ports, job, message, indices)


def _render(ports: Ports, job: JobState, message: RenderItems, indices: Iterable[int]) -> None:
    described = state.described(ports.media, message.tenant, message.job_id, message.chunk)
    endings: dict[int, Ending] = {}
    painted: dict[int, Painted] = {}
    fault: Exception | None = None
    items = {index: described.item(index) for index in indices}
    known = ports.look(ports.table, ports.media, job, described, items.values())
    for index in indices:
        began = ports.clock.now()
        try:
            item = ports.paint(ports.media, known, job, described, items[index])
        except Unavailable as error:
            fault = error
            break  # the others would meet it, too
        except ObjectMissing:  # masks are known before an item is rendered, so somebody has removed the picture since
            endings[index] = Ending(ItemStatus.FAILED, state.refusal(Code.IMAGE_REMOVED))
        except MaskmillError as error:
            if error.code is Code.INTERNAL:
                fault = error  # of ours, not of the item's: it comes again, and at last the dead letters end it
            else:
                endings[index] = Ending(ItemStatus.FAILED, state.refusal_of(error))
        except Exception as error:  # noqa: BLE001 - the edge of one item: it must not keep the others from their end
            error.add_note(f"at item {index}")
            fault = error
        else:
            took_s = (ports.clock.now() - began).total_seconds()
            spent = item.made.model_copy(update={"rendering_ms": max(0, round(took_s * 1000))})
            painted[index] = replace(item, made=spent)
    results = [item.result for item in painted.values()]
    recorded = records.keep_results(ports.table, ports.media, message.tenant, message.job_id, results, known)
    endings |= {result.index: _ending_of(result, painted[result.index].made) for result in recorded}
    if endings:
        _end(ports, job, message, _counted(endings))
    if fault is not None:
        raise fault


def _ending_of(recorded: ItemResult, spent: Spent) -> Ending:
    if recorded.labels:
        return Ending(ItemStatus.DONE, None, spent)
    return Ending(ItemStatus.NO_MATCH, state.refusal(Code.NO_OBJECT_FOUND), spent)


def _counted(endings: dict[int, Ending]) -> dict[int, Ending]:
    """The same, with this run counted on the first of them."""
    first, ending = next(iter(endings.items()))
    return endings | {first: replace(ending, spent=ending.spent.model_copy(update={"renderings": 1}))}


def _end(ports: Ports, job: JobState, message: RenderItems, endings: Mapping[int, Ending]) -> None:
    state.end_items(ports.table, ports.queues, job, message.chunk, endings, at_s=state.now_s(ports.clock))
