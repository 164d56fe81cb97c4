"""What may be lost of a job: its plan, a chunk's turn, an answer, a rendering, its end; it knows no other row.

A job does not age while an operator has stopped what costs money, and nothing is asked of the segmenter meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambdas import state
from lambdas.sweep.ports import Ports, Repairs, postpone
from maskmill.core import rows
from maskmill.core.errors import Code
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import (
    JOB_LIFE_S,
    REPAIRS_PER_CHUNK_MAX,
    SWEEP_ANSWER_S,
    SWEEP_FINISH_S,
    SWEEP_FULL_CHUNK_S,
    SWEEP_PATIENCE_S,
    SWEEP_PENDING_S,
    SWEEP_PLAN_S,
    SWEEP_RENDERING_S,
)
from maskmill.core.messages import CollectAnswer, DispatchItems, FinishJob, Message, PlanJob, RenderItems
from maskmill.core.rows import ChunkState, ItemState, JobState
from maskmill.core.table import Row, RowConflict


def look_at_job(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    """Send on its way what of a due job was lost."""
    tenant, job_id = stale["tenant"], stale["job_id"]
    job = state.load_job(ports.table, tenant, job_id)  # the index may lag behind
    if job is None or job.status.is_terminal:
        return
    if not job.planned and _is_too_old(ports, job, at_s):
        _give_up(ports, job, at_s)
        repairs.add("gave_up")
        return
    if not job.planned:
        ports.queues.send([PlanJob(tenant=tenant, job_id=job_id)])
        postpone(ports, rows.job_key(tenant, job_id), at_s + SWEEP_PLAN_S)
        repairs.add("plan")
        return
    open_chunks, changed_at_s = 0, 0
    left_at_s: dict[int, int] = {}
    for chunk in state.all_chunks(ports.table, tenant, job_id):
        changed_at_s = max(changed_at_s, chunk.changed_at_s)
        free_since_s = _free_since(job, chunk.number, left_at_s)
        if chunk.has_left_segmenter and free_since_s is not None:  # one of refused images alone leaves before its turn
            left_at_s[chunk.number] = max(chunk.changed_at_s, free_since_s)
        if chunk.is_full:
            if f"{chunk.number:04d}" not in job.chunks_full and _is_forgotten(chunk.changed_at_s, at_s):
                state.forward(ports.table, ports.queues, tenant, job_id, chunk)
                repairs.add("full_chunk")
            continue
        open_chunks += 1
        _look_at_chunk(ports, job, chunk, free_since_s, at_s, repairs)
    if open_chunks == 0 and job.is_full and job.finish_until_s <= at_s and _is_forgotten(changed_at_s, at_s):
        ports.queues.send([FinishJob(tenant=tenant, job_id=job_id)])
        postpone(ports, rows.job_key(tenant, job_id), at_s + SWEEP_FINISH_S)
        repairs.add("finish")


def _is_too_old(ports: Ports, job: JobState, at_s: int) -> bool:
    if at_s - job.created_at_s <= JOB_LIFE_S:
        return False
    spending = ports.spending.now()
    return not spending.is_stopped and at_s - spending.alive_since_s(job.created_at_s) > JOB_LIFE_S


def _give_up(ports: Ports, job: JobState, at_s: int) -> None:
    """End a job that nobody could plan; a planner that is still at it finds that it has ended."""
    state.end_job_items(ports.table, ports.queues, job, code=Code.GAVE_UP, status=ItemStatus.FAILED, at_s=at_s)
    state.close_job(
        ports.table,
        job.tenant,
        job.job.job_id,
        status=JobStatus.FAILED,
        finished_at=ports.clock.now(),
        reason=state.refusal(Code.GAVE_UP),
    )


def _is_forgotten(changed_at_s: int, at_s: int) -> bool:
    """Whether the last item ended so long ago that whoever ended it is not about to say so."""
    return at_s - changed_at_s >= SWEEP_FULL_CHUNK_S


def _free_since(job: JobState, number: int, left_at_s: Mapping[int, int]) -> int | None:
    """Since when at the latest a chunk may have its place in the segmenter; None while another is in it."""
    if job.window_shards is None or number < job.window_shards:
        return 0
    return left_at_s.get(number - job.window_shards)


def _look_at_chunk(
    ports: Ports, job: JobState, chunk: ChunkState, free_since_s: int | None, at_s: int, repairs: Repairs
) -> None:
    if _is_too_old(ports, job, at_s):
        _end_all(ports, job, chunk, Code.GAVE_UP, ItemStatus.FAILED, at_s)
        repairs.add("gave_up")
        return
    if job.cancel_requested:
        _end_all(ports, job, chunk, Code.CANCELLED, ItemStatus.CANCELLED, at_s)
        repairs.add("cancel")
        return
    if chunk.repairs >= REPAIRS_PER_CHUNK_MAX:
        _end_all(ports, job, chunk, Code.BUDGET_EXCEEDED, ItemStatus.FAILED, at_s)
        repairs.add("budget_exceeded")
        return
    messages = list(_repairs_of(ports, job, chunk, free_since_s, at_s))
    ports.queues.send(message for message, _ in messages)
    for message, _ in messages:
        repairs.add(message.kind)
    asked = {index for _, indices in messages for index in indices}
    if asked:
        _note_repair(ports, job, chunk, asked, at_s)


def _note_repair(ports: Ports, job: JobState, chunk: ChunkState, indices: set[int], at_s: int) -> None:
    try:
        ports.table.write(
            rows.note_repair(
                job.tenant, job.job.job_id, chunk.number, indices=sorted(indices), seen=chunk.items, now_s=at_s
            )
        )
    except RowConflict:
        return  # some of them went on: the next sweep sees which


def _end_all(ports: Ports, job: JobState, chunk: ChunkState, code: Code, status: ItemStatus, at_s: int) -> None:
    state.end_open_items(ports.table, ports.queues, job, chunk, code=code, status=status, at_s=at_s)


def _repairs_of(
    ports: Ports, job: JobState, chunk: ChunkState, free_since_s: int | None, at_s: int
) -> Iterator[tuple[Message, tuple[int, ...]]]:
    """The messages that should have come, with the items that each is for.

    At most one for the pending items, one per request, one per item else. Pending items wait for their chunk's place
    in the segmenter before they wait for a message.
    """
    tenant, job_id = job.tenant, job.job.job_id
    spending = ports.spending.now()
    patience_s = min(SWEEP_PATIENCE_S, (at_s - job.created_at_s) // 4)
    found: dict[str, bool] = {}
    waiting: list[int] = []
    for index, item in chunk.items.items():
        age_s = at_s - item.changed_at_s
        if item.status is ItemStatus.PENDING:
            has_place = free_since_s is not None
            is_late = min(age_s, at_s - (free_since_s or 0)) > max(SWEEP_PENDING_S, patience_s)
            if has_place and (is_late or spending.may_have_held(item.changed_at_s)):
                waiting.append(index)
        elif item.status is ItemStatus.RENDERING and age_s > SWEEP_RENDERING_S:
            yield RenderItems(tenant=tenant, job_id=job_id, chunk=chunk.number, indices=(index,)), (index,)
        elif item.status is ItemStatus.SEGMENTING and item.request_id is not None:
            if item.request_id not in found:
                is_time = age_s > max(SWEEP_ANSWER_S, patience_s)
                found[item.request_id] = is_time and _has_answer(ports, chunk, item.request_id)
                if found[item.request_id]:
                    members = tuple(i for i, other in chunk.items.items() if _waits_for(other, item.request_id))
                    yield CollectAnswer(tenant=tenant, job_id=job_id, request_id=item.request_id), members
            is_held = not item.is_invoked and spending.may_have_held(item.changed_at_s)
            if not found[item.request_id] and (is_held or _is_stuck(item, at_s, age_s)):
                waiting.append(index)
    if waiting and not spending.is_stopped:
        yield DispatchItems(tenant=tenant, job_id=job_id, chunk=chunk.number, indices=tuple(waiting)), tuple(waiting)


def _waits_for(item: ItemState, request_id: str) -> bool:
    return item.status is ItemStatus.SEGMENTING and item.request_id == request_id


def _is_stuck(item: ItemState, at_s: int, age_s: int) -> bool:
    """The attempt is past its deadline, or was never handed to the endpoint, and nobody was asked to see to it."""
    return (item.lease_until_s <= at_s or not item.is_invoked) and age_s > SWEEP_PENDING_S


def _has_answer(ports: Ports, chunk: ChunkState, request_id: str) -> bool:
    for address in chunk.answers.get(request_id, ()):
        key = None if address is None else state.key_of_address(address, ports.work_bucket)
        if key is not None and ports.work.head(key) is not None:
            return True
    return False
