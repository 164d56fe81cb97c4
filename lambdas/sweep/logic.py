"""The sweep: finds what was lost and sends it on its way again, and counts what it repaired; it does no work itself.

In a calm run it repairs nothing. It looks at rows that are due, so its cost follows the open work, not the table. A
row that cannot be looked at costs the others nothing, and a sweep that runs out of time leaves the rest to the next
one, which begins elsewhere. What was asked for again is left alone for a while, so that a backlog is not made longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lambdas import state
from maskmill.core import keys, rows
from maskmill.core.errors import Code
from maskmill.core.image import Image
from maskmill.core.item import ItemStatus
from maskmill.core.limits import (
    JOB_LIFE_S,
    SWEEP_ANSWER_S,
    SWEEP_DELIVERY_S,
    SWEEP_EXPORT_S,
    SWEEP_FINISH_S,
    SWEEP_FIRST_LOOK_S,
    SWEEP_FULL_CHUNK_S,
    SWEEP_JOBS_MAX,
    SWEEP_PATIENCE_S,
    SWEEP_PENDING_S,
    SWEEP_PLAN_S,
    SWEEP_REMOVAL_S,
    SWEEP_RENDERING_S,
    SWEEP_RUN_S,
    SWEEP_UPLOAD_S,
    UPLOAD_GRACE_S,
)
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
    RenderItem,
)
from maskmill.core.ports import Clock, Objects, Queues, Table
from maskmill.core.rows import ChunkState, ExportState, ItemState, JobState
from maskmill.core.table import Index, Key, Query, Row, RowConflict


@dataclass(frozen=True, slots=True)
class Ports:
    """What the sweep needs."""

    table: Table
    uploads: Objects
    work: Objects
    queues: Queues
    clock: Clock
    work_bucket: str


@dataclass(slots=True)
class Repairs:
    """How often the sweep did what should not have been needed, by kind, and what it could not look at."""

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[Key, Exception]] = field(default_factory=list)
    is_cut_short: bool = False

    def add(self, kind: str, times: int = 1) -> None:
        if times:
            self.counts[kind] = self.counts.get(kind, 0) + times

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def sweep(ports: Ports) -> Repairs:
    """Look at what is due now, the longest due first, for as long as one sweep may take."""
    repairs = Repairs()
    began_s = state.now_s(ports.clock)
    for row, look in _due(ports.table, began_s):
        at_s = state.now_s(ports.clock)
        if at_s - began_s >= SWEEP_RUN_S:
            repairs.is_cut_short = True
            break
        try:
            _postpone(ports, state.row_key(row), at_s + SWEEP_FIRST_LOOK_S)
            look(ports, row, at_s, repairs)
        except Exception as error:  # noqa: BLE001 - the edge of one row: it must not keep the sweep from the others
            repairs.failures.append((state.row_key(row), error))
    return repairs


_Look = Callable[[Ports, Row, int, Repairs], None]


def _due(table: Table, at_s: int) -> Iterator[tuple[Row, _Look]]:
    """A page of each due partition, each with how to look at its rows; every minute begins with another partition."""
    partitions: list[tuple[str, _Look]] = [
        *((rows.due_jobs(number), _look_at_job) for number in range(rows.DUE_PARTITIONS)),
        (rows.DUE_UPLOADS, _look_at_upload),
        (rows.DUE_DELIVERIES, _look_at_delivery),
        (rows.DUE_EXPORTS, _look_at_export),
        (rows.DUE_DATASETS, _look_at_dataset),
        (rows.DUE_GONE, _look_at_gone),
    ]
    first = at_s // 60 % len(partitions)
    for pk, look in partitions[first:] + partitions[:first]:
        for row in table.query(Query(pk=pk, index=Index.DUE, at_most=at_s, limit=SWEEP_JOBS_MAX)).rows:
            yield row, look


def _postpone(ports: Ports, key: Key, due_at_s: int) -> None:
    try:
        ports.table.write(rows.postpone(key, due_at_s))
    except RowConflict:
        return  # it was settled meanwhile and is not due any more


def _look_at_job(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    tenant, job_id = stale["tenant"], stale["job_id"]
    job = state.load_job(ports.table, tenant, job_id)  # the index may lag behind
    if job is None or job.status.is_terminal:
        return
    if not job.planned:
        ports.queues.send([PlanJob(tenant=tenant, job_id=job_id)])
        _postpone(ports, rows.job_key(tenant, job_id), at_s + SWEEP_PLAN_S)
        repairs.add("plan")
        return
    open_chunks = 0
    left_at_s: dict[int, int] = {}
    for chunk in state.all_chunks(ports.table, tenant, job_id):
        free_since_s = _free_since(job, chunk.number, left_at_s)
        if chunk.has_left_segmenter and free_since_s is not None:  # one of refused images alone leaves before its turn
            left_at_s[chunk.number] = max(chunk.changed_at_s, free_since_s)
        if chunk.is_full:
            if f"{chunk.number:04d}" not in job.chunks_full and _is_forgotten(chunk, at_s):
                state.forward(ports.table, ports.queues, tenant, job_id, chunk)
                repairs.add("full_chunk")
            continue
        open_chunks += 1
        _look_at_chunk(ports, job, chunk, free_since_s, at_s, repairs)
    if open_chunks == 0 and job.is_full and job.finish_until_s <= at_s:
        ports.queues.send([FinishJob(tenant=tenant, job_id=job_id)])
        _postpone(ports, rows.job_key(tenant, job_id), at_s + SWEEP_FINISH_S)
        repairs.add("finish")


def _is_forgotten(chunk: ChunkState, at_s: int) -> bool:
    """Whether the last item ended so long ago that whoever ended it is not about to say so."""
    return at_s - chunk.changed_at_s >= SWEEP_FULL_CHUNK_S


def _free_since(job: JobState, number: int, left_at_s: Mapping[int, int]) -> int | None:
    """Since when at the latest a chunk may have its place in the segmenter; None while another is in it."""
    if job.window_shards is None or number < job.window_shards:
        return 0
    return left_at_s.get(number - job.window_shards)


def _look_at_chunk(
    ports: Ports, job: JobState, chunk: ChunkState, free_since_s: int | None, at_s: int, repairs: Repairs
) -> None:
    if at_s - job.created_at_s > JOB_LIFE_S:
        _end_all(ports, job, chunk, Code.GAVE_UP, ItemStatus.FAILED, at_s)
        repairs.add("gave_up")
        return
    if job.cancel_requested:
        _end_all(ports, job, chunk, Code.CANCELLED, ItemStatus.CANCELLED, at_s)
        repairs.add("cancel")
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
    patience_s = min(SWEEP_PATIENCE_S, (at_s - job.created_at_s) // 4)
    found: dict[str, bool] = {}
    waiting: list[int] = []
    for index, item in chunk.items.items():
        age_s = at_s - item.changed_at_s
        if item.status is ItemStatus.PENDING:
            has_place = free_since_s is not None
            if has_place and min(age_s, at_s - (free_since_s or 0)) > max(SWEEP_PENDING_S, patience_s):
                waiting.append(index)
        elif item.status is ItemStatus.RENDERING and age_s > SWEEP_RENDERING_S:
            yield RenderItem(tenant=tenant, job_id=job_id, chunk=chunk.number, index=index), (index,)
        elif item.status is ItemStatus.SEGMENTING and item.request_id is not None:
            if item.request_id not in found:
                is_time = age_s > max(SWEEP_ANSWER_S, patience_s)
                found[item.request_id] = is_time and _has_answer(ports, chunk, item.request_id)
                if found[item.request_id]:
                    members = tuple(i for i, other in chunk.items.items() if _waits_for(other, item.request_id))
                    yield CollectAnswer(tenant=tenant, job_id=job_id, request_id=item.request_id), members
            if not found[item.request_id] and _is_stuck(item, at_s, age_s):
                waiting.append(index)
    if waiting:
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


def _look_at_export(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    row = ports.table.get(state.row_key(stale))
    if row is None:
        return
    export = rows.export_of(row)
    job = state.load_job(ports.table, export.tenant, export.job_id)
    if export.status.is_terminal or job is None:
        return
    if export.run_until_s > at_s or not job.status.is_terminal:
        _postpone(ports, state.row_key(row), max(export.run_until_s, at_s) + SWEEP_EXPORT_S)
    elif job.archive_bytes == 0 or at_s - export.created_at_s > JOB_LIFE_S:
        _fail_export(ports, export)
        repairs.add("export_gave_up")
    else:
        ports.queues.send([ExportDataset(tenant=export.tenant, job_id=export.job_id, format=export.format)])
        _postpone(ports, state.row_key(row), at_s + SWEEP_EXPORT_S)
        repairs.add("export")


def _fail_export(ports: Ports, export: ExportState) -> None:
    reason = state.refusal(Code.EXPORT_FAILED)
    try:
        ports.table.write(
            rows.fail_export(export.tenant, export.job_id, export.format, reason, finished_at=ports.clock.now())
        )
    except RowConflict:
        return  # it has ended meanwhile


def _look_at_upload(ports: Ports, row: Row, at_s: int, repairs: Repairs) -> None:
    image, tenant = rows.image_of(row), row["tenant"]
    key = rows.image_key(tenant, image.dataset_id, image.image_id)
    if ports.uploads.head(keys.upload(tenant, image.dataset_id, image.image_id)) is not None:
        ports.queues.send([IngestUpload(tenant=tenant, dataset_id=image.dataset_id, image_id=image.image_id)])
        repairs.add("ingest")
    elif at_s - int(image.created_at.timestamp()) > UPLOAD_GRACE_S:
        _refuse_missing(ports, tenant, image)
        return  # an upload that never came is the client's choice, not a loss
    _postpone(ports, key, at_s + SWEEP_UPLOAD_S)


def _refuse_missing(ports: Ports, tenant: str, image: Image) -> None:
    reason = state.refusal(Code.UPLOAD_MISSING)
    try:
        ports.table.write(rows.settle_image(tenant, image.dataset_id, image.image_id, normal=None, refusal=reason))
    except RowConflict:
        return  # it arrived meanwhile


def _look_at_delivery(ports: Ports, row: Row, at_s: int, repairs: Repairs) -> None:
    """Wakes an attempt: for long waits that is the sweep's part, after short ones or a died attempt it is a repair."""
    delivery = rows.delivery_of(row)
    key = state.row_key(row)
    if delivery.next_at_s > at_s:
        _postpone(ports, key, delivery.next_at_s)  # it was settled while it was looked at
        return
    ports.queues.send(
        [DeliverWebhook(tenant=delivery.tenant, webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id)]
    )
    _postpone(ports, key, at_s + SWEEP_DELIVERY_S)
    if delivery.claim is not None or at_s - delivery.next_at_s >= SWEEP_DELIVERY_S:
        repairs.add("webhook")


def _look_at_dataset(ports: Ports, stale: Row, at_s: int, repairs: Repairs) -> None:
    """A dataset has expired, or its removal is to go on; only a run that died on the way is a loss."""
    tenant, dataset_id = stale["tenant"], stale["dataset_id"]
    key = rows.dataset_key(tenant, dataset_id)
    due_at_s = at_s + SWEEP_REMOVAL_S
    try:
        row = ports.table.write(rows.begin_expiry(tenant, dataset_id, now_s=at_s, due_at_s=due_at_s))
    except RowConflict as conflict:
        if conflict.current is None:
            return
        row = conflict.current
    removal = rows.removal_of(row)
    if removal is None:  # it was given more time, which the index did not know yet
        _postpone(ports, key, row.get("expiry_s", due_at_s))
        return
    ports.queues.send([RemoveDataset(tenant=tenant, dataset_id=dataset_id)])
    _postpone(ports, key, due_at_s)
    repairs.add("remove", int(removal.run_until_s > 0))


def _look_at_gone(ports: Ports, row: Row, at_s: int, _repairs: Repairs) -> None:
    """The objects of an image wait for jobs to end, or for nobody to be left who writes: now may be the time."""
    gone = rows.gone_of(row)
    ports.queues.send([RemoveImage(tenant=gone.tenant, dataset_id=gone.dataset_id, image_id=gone.image_id)])
    _postpone(ports, rows.gone_key(gone.tenant, gone.dataset_id, gone.image_id), at_s + SWEEP_REMOVAL_S)
