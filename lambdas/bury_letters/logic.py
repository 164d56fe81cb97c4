"""Dead letters: what was tried too often becomes a failed item, image, job or export with a reason.

It retries nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdas import state
from maskmill.core import rows
from maskmill.core.errors import Code, Unavailable
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.messages import (
    CollectAnswer,
    DeliverWebhook,
    DispatchItems,
    ExportDataset,
    FinishJob,
    IngestUpload,
    Message,
    PlanJob,
    RemoveDataset,
    RemoveImage,
    RenderItems,
)
from maskmill.core.ports import Clock, Queues, Table
from maskmill.core.rows import ChunkState, Ending, ItemState
from maskmill.core.table import RowConflict, Update


@dataclass(frozen=True, slots=True)
class Ports:
    """What burying needs."""

    table: Table
    queues: Queues
    clock: Clock


def bury(ports: Ports, letter: Message) -> None:
    """Give the thing that a dead letter is about its end; a letter about nothing that is open changes nothing."""
    match letter:
        case IngestUpload():
            _refuse_image(ports, letter)
        case RemoveDataset() | RemoveImage():
            return  # its row stays due: the sweep asks again for as long as it takes
        case CollectAnswer():
            return  # the sweep looks for the answer again, and the lease ends the wait
        case DeliverWebhook():
            return  # the sweep wakes it again, and its attempts are counted when they begin
        case DispatchItems() | RenderItems():
            _fail_items(ports, letter)
        case PlanJob() | FinishJob():
            _fail_job(ports, letter)
        case ExportDataset():
            _fail_export(ports, letter)


def _refuse_image(ports: Ports, letter: IngestUpload) -> None:
    _write_if_open(
        ports,
        rows.settle_image(
            letter.tenant, letter.dataset_id, letter.image_id, normal=None, refusal=state.refusal(Code.GAVE_UP)
        ),
    )


def _fail_items(ports: Ports, letter: DispatchItems | RenderItems) -> None:
    job = state.load_job(ports.table, letter.tenant, letter.job_id)
    chunk = state.load_chunk(ports.table, letter.tenant, letter.job_id, letter.chunk)
    if job is None or chunk is None:
        return
    indices: tuple[int, ...]
    at_s = state.now_s(ports.clock)
    if isinstance(letter, RenderItems):
        code, stuck, indices = Code.RENDER_FAILED, {ItemStatus.RENDERING}, letter.indices
    else:
        code, stuck = Code.GAVE_UP, {ItemStatus.PENDING, ItemStatus.SEGMENTING}
        indices = tuple(chunk.items) if letter.indices is None else letter.indices
    state.forward(ports.table, ports.queues, letter.tenant, letter.job_id, chunk)
    failed = Ending(ItemStatus.FAILED, state.refusal(code))
    found = {index: chunk.items[index] for index in indices if index in chunk.items}
    lost = {i: failed for i, item in found.items() if item.status in stuck and not _is_in_flight(item, at_s)}
    if isinstance(letter, RenderItems) and len(indices) > 1:
        _send_to_render(ports, letter, chunk, indices)  # one of them must not be the end of the others
    elif lost:
        state.end_items(ports.table, ports.queues, job, chunk.number, lost, at_s=at_s)
    if isinstance(letter, DispatchItems):
        _send_to_render(ports, letter, chunk, indices)
        state.hand_on(ports.table, ports.queues, job, chunk.number)


def _send_to_render(
    ports: Ports, letter: DispatchItems | RenderItems, chunk: ChunkState, indices: tuple[int, ...]
) -> None:
    """Ask for what is still to be rendered, each item alone.

    Dispatch may have died after it moved items to rendering and before it said so, and rendering over one of several.
    """
    ports.queues.send(
        RenderItems(tenant=letter.tenant, job_id=letter.job_id, chunk=chunk.number, indices=(index,))
        for index in indices
        if index in chunk.items and chunk.items[index].status is ItemStatus.RENDERING
    )


def _is_in_flight(item: ItemState, at_s: int) -> bool:
    """Whether the endpoint still works on it: what another message achieved is not this letter's to end."""
    return item.status is ItemStatus.SEGMENTING and item.is_invoked and item.lease_until_s > at_s


def _fail_job(ports: Ports, letter: PlanJob | FinishJob) -> None:
    job = state.load_job(ports.table, letter.tenant, letter.job_id)
    if job is None:
        return
    if job.planned and (job.status.is_terminal or not job.is_full):
        state.free_place(ports.table, job)
        if job.status.is_terminal and isinstance(letter, FinishJob):
            state.ask_for_exports(ports.table, ports.queues, job)  # it may have died before it said so
        return  # its items go on; only a job that cannot be planned or finished ends here
    at_s = state.now_s(ports.clock)
    if job.finish_until_s > at_s and not job.status.is_terminal:
        raise Unavailable(detail="a run is still finishing this job")
    state.end_job_items(ports.table, ports.queues, job, code=Code.GAVE_UP, status=ItemStatus.FAILED, at_s=at_s)
    ended = state.close_job(
        ports.table,
        letter.tenant,
        letter.job_id,
        status=JobStatus.FAILED,
        finished_at=ports.clock.now(),
        reason=state.refusal(Code.GAVE_UP),
    )
    if ended is not None and isinstance(letter, FinishJob):
        state.ask_for_exports(
            ports.table, ports.queues, ended
        )  # a run may have noted them: without a dataset they fail


def _fail_export(ports: Ports, letter: ExportDataset) -> None:
    row = ports.table.get(rows.export_key(letter.tenant, letter.job_id, letter.format))
    if row is None:
        return
    if rows.export_of(row).run_until_s > state.now_s(ports.clock) and not rows.export_of(row).status.is_terminal:
        raise Unavailable(detail="a run is still making this export")
    reason = state.refusal(Code.EXPORT_FAILED)
    _write_if_open(
        ports,
        rows.fail_export(letter.tenant, letter.job_id, letter.format, reason, finished_at=ports.clock.now()),
    )


def _write_if_open(ports: Ports, write: Update) -> None:
    try:
        ports.table.write(write)
    except RowConflict:
        return  # it has ended meanwhile
