"""Reading a job's rows, and the one way in which an item ends and its job learns of it; it knows no AWS.

A function that finds its work done still performs the next hand-off: a crash between a write and the message that
should follow it must not strand a job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from lambdas import usage
from maskmill.core import keys, rows
from maskmill.core.errors import Code, MaskmillError, Unavailable, message_of
from maskmill.core.estimate import machine_worked_s
from maskmill.core.export import ExportFormat
from maskmill.core.image import NormalImage, Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import CONFLICT_RETRIES_MAX, ROWS_PER_PAGE, SWEEP_DELIVERY_S
from maskmill.core.messages import DeliverWebhook, DispatchItems, ExportDataset, FinishJob, RenderItems
from maskmill.core.plan import Chunk, renderings
from maskmill.core.ports import Clock, ObjectMissing, Objects, Queues, Table
from maskmill.core.recipe import backgrounds_of, variants_per_image
from maskmill.core.rows import ChunkState, Ending, JobState
from maskmill.core.table import Key, Query, Row, RowConflict
from maskmill.core.work import Work


def now_s(clock: Clock) -> int:
    """The present moment in seconds since 1970."""
    return int(clock.now().timestamp())


def refusal(code: Code) -> Refusal:
    """A stored reason with the default words of its code."""
    return Refusal(code=code.value, message=message_of(code))


def refusal_of(error: MaskmillError) -> Refusal:
    """A stored reason with the words of an error."""
    return Refusal(code=error.code.value, message=error.message)


def load_job(table: Table, tenant: str, job_id: str) -> JobState | None:
    """A job for which something may still be made: one that has ended and was abandoned is as good as gone."""
    return _wanted(table.get(rows.job_key(tenant, job_id)))


def _wanted(row: Row | None) -> JobState | None:
    job = None if row is None else rows.job_of(row)
    return None if job is None or (job.abandoned and job.status.is_terminal) else job


def load_chunk(table: Table, tenant: str, job_id: str, number: int) -> ChunkState | None:
    row = table.get(rows.chunk_key(tenant, job_id, number))
    return None if row is None else rows.chunk_of(row)


def load_both(table: Table, tenant: str, job_id: str, number: int) -> tuple[JobState | None, ChunkState | None]:
    """A job and one of its chunks, in one request."""
    job, (chunk,) = load_together(table, tenant, job_id, [number])
    return job, chunk


def load_together(
    table: Table, tenant: str, job_id: str, numbers: Sequence[int]
) -> tuple[JobState | None, list[ChunkState | None]]:
    """A job and some of its chunks, in one request; as in `load_job`, it may be as good as gone."""
    chunks = [rows.chunk_key(tenant, job_id, number) for number in numbers]
    job, *found = table.get_all([rows.job_key(tenant, job_id), *chunks])
    return _wanted(job), [None if row is None else rows.chunk_of(row) for row in found]


def described(media: Objects, tenant: str, job_id: str, number: int) -> Chunk:
    """What the planner wrote about the items of a chunk; raises Unavailable where the job is being removed.

    Then the message comes again, and finds no job.
    """
    try:
        return Chunk.stored(media.get(keys.chunk(tenant, job_id, number)))
    except ObjectMissing as error:
        raise Unavailable(detail=f"chunk {number} of {job_id} is not described any more") from error


def backgrounds(media: Objects, job: JobState) -> dict[str, NormalImage]:
    """The pictures that a planned job's cut-outs are put on, by image id."""
    if not backgrounds_of(job.job.recipe.recipe):
        return {}
    return described(media, job.tenant, job.job.job_id, 0).backgrounds


def all_rows(table: Table, pk: str, prefix: str, *, after: str | None = None) -> Iterator[Row]:
    """Every row of a partition whose sort key begins with `prefix` and comes after `after`, page by page."""
    while True:
        page = table.query(Query(pk=pk, prefix=prefix, after=after, limit=ROWS_PER_PAGE))
        yield from page.rows
        if page.after is None:
            return
        after = page.after


def all_chunks(table: Table, tenant: str, job_id: str) -> Iterator[ChunkState]:
    for row in all_rows(table, rows.job_pk(tenant, job_id), rows.CHUNK_PREFIX):
        yield rows.chunk_of(row)


def end_items(
    table: Table,
    queues: Queues,
    job: JobState,
    number: int,
    endings: Mapping[int, Ending],
    *,
    at_s: int,
    request_id: str | None = None,
) -> None:
    """Ends items of a chunk, unless they have ended, and tells the job in either case.

    All of them end in one write. Those that somebody else has ended are left out of it, and what was spent on them is
    not counted.
    """
    tenant, job_id, left = job.tenant, job.job.job_id, dict(endings)
    row: Row | None = None
    for _ in range(CONFLICT_RETRIES_MAX):
        try:
            row = table.write(rows.end_items(tenant, job_id, number, left, now_s=at_s, request_id=request_id))
            break
        except RowConflict as conflict:
            row = conflict.current
        if row is None:
            return
        chunk = rows.chunk_of(row)
        left = {i: end for i, end in left.items() if rows.may_end(chunk.items[i], end, request_id=request_id)}
        if not left:
            break
    else:
        raise Unavailable(detail="the chunk is too busy")
    if row is not None:
        forward(table, queues, tenant, job_id, rows.chunk_of(row))


def forward(table: Table, queues: Queues, tenant: str, job_id: str, chunk: ChunkState) -> None:
    """If all items of the chunk have ended, note it on the job; if that was the last chunk, ask to finish the job."""
    if not chunk.is_full:
        return
    try:
        job = rows.job_of(table.write(rows.add_full_chunk(tenant, job_id, chunk.number)))
    except RowConflict:
        return  # the job was removed meanwhile
    ask_to_finish(queues, job)


def hand_on(table: Table, queues: Queues, job: JobState, number: int, *, seen: ChunkState | None = None) -> None:
    """If a chunk has left the segmenter, dispatch the next chunk of its line that still waits for its place.

    Whoever sees a chunk leave asks for this, and so does whoever sees it for the second time: the next chunk is looked
    at first, so that repeated messages do not multiply. `seen` is the chunk where it was seen after the last change.
    """
    if job.window_shards is None or not _has_chunk(job, number + job.window_shards):
        return
    tenant, job_id = job.tenant, job.job.job_id
    chunk = seen or load_chunk(table, tenant, job_id, number)
    while chunk is not None and chunk.has_left_segmenter and _has_chunk(job, chunk.number + job.window_shards):
        chunk = load_chunk(table, tenant, job_id, chunk.number + job.window_shards)
        if chunk is not None and chunk.waits_for_place:
            queues.send([DispatchItems(tenant=tenant, job_id=job_id, chunk=chunk.number)])
            return


def ask_to_render(queues: Queues, job: JobState, chunk: ChunkState, pixels_of: Mapping[int, int]) -> None:
    """Sends items, by their pixels, to rendering: as many in one message as their chunk says."""
    variants = variants_per_image(job.job.recipe.recipe)
    groups = renderings(pixels_of, together=chunk.together, variants=variants)
    queues.send(
        RenderItems(tenant=job.tenant, job_id=job.job.job_id, chunk=chunk.number, indices=group) for group in groups
    )


def _has_chunk(job: JobState, number: int) -> bool:
    """Whether a job may have a chunk of this number: while it is planned, nobody knows."""
    return not job.planned or number < job.chunks_total


def ask_to_finish(queues: Queues, job: JobState) -> None:
    if job.is_full and not job.status.is_terminal:
        queues.send([FinishJob(tenant=job.tenant, job_id=job.job.job_id)])


def close_job(
    table: Table,
    tenant: str,
    job_id: str,
    *,
    status: JobStatus,
    finished_at: datetime,
    reason: Refusal | None = None,
    dataset_bytes: int = 0,
    counts: Counts | None = None,
    work: Work | None = None,
) -> JobState | None:
    """Ends a job unless it has ended, and frees its place in either case; returns the job as it stands."""
    write = rows.close_job(
        tenant,
        job_id,
        status=status,
        finished_at=finished_at,
        refusal=reason,
        dataset_bytes=dataset_bytes,
        counts=counts,
        work=work,
    )
    try:
        row: Row | None = table.write(write)
    except RowConflict as conflict:
        row = conflict.current
    if row is None:
        return None  # the job was removed meanwhile
    job = rows.job_of(row)
    free_place(table, job)
    return job


def free_place(table: Table, job: JobState) -> None:
    """Gives back what a job that has ended took of its tenant's quotas, once however often it is asked for."""
    if job.status.is_terminal:
        made, worked_s = _variants_made(job), machine_worked_s_of(job)
        usage.give_back_job(table, job.tenant, job.job.job_id, made=made, worked_s=worked_s)


def _variants_made(job: JobState) -> int | None:
    """How many variants a job has made; None when nobody counted its items."""
    if not job.planned:
        return 0
    return None if job.counts is None else job.counts.done * variants_per_image(job.job.recipe.recipe)


def machine_worked_s_of(job: JobState) -> int | None:
    """For how long the segmenter's machine worked for a job; None when nobody counted it."""
    if job.work is None:
        return 0 if job.refusal is not None and job.refusal.code == Code.TOO_MANY_IMAGES else None
    return machine_worked_s(job.work, templates=len(job.job.recipe.templates), segmenter=job.job.segmenter)


def exports_wanted(job: JobState) -> tuple[ExportFormat, ...]:
    """Whoever cancels a job wants no more work on it; what it left behind can still be exported by asking for it."""
    return () if job.cancel_requested else job.job.recipe.recipe.exports


def ask_for_exports(table: Table, queues: Queues, job: JobState) -> None:
    """The exports of a finished job that were noted and have not ended, also where it was cancelled meanwhile.

    One that somebody is at has a message already, which comes again should its run die.
    """
    tenant, job_id = job.tenant, job.job.job_id
    found = {export: table.get(rows.export_key(tenant, job_id, export)) for export in job.job.recipe.recipe.exports}
    waiting = [export for export, row in found.items() if row and rows.export_of(row).waits_for_a_run]
    queues.send(ExportDataset(tenant=tenant, job_id=job_id, format=export) for export in waiting)


def end_job_items(table: Table, queues: Queues, job: JobState, *, code: Code, status: ItemStatus, at_s: int) -> None:
    """Ends every item of a job that has not ended, with one reason."""
    for chunk in all_chunks(table, job.tenant, job.job.job_id):
        end_open_items(table, queues, job, chunk, code=code, status=status, at_s=at_s)


def end_open_items(
    table: Table, queues: Queues, job: JobState, chunk: ChunkState, *, code: Code, status: ItemStatus, at_s: int
) -> None:
    """Ends every open item of a chunk with one reason; where none is open, passes on that the chunk is full."""
    ending = Ending(status, refusal(code))
    still_open = {index: ending for index, item in chunk.items.items() if not item.status.is_terminal}
    if still_open:
        end_items(table, queues, job, chunk.number, still_open, at_s=at_s)
    else:
        forward(table, queues, job.tenant, job.job.job_id, chunk)


def retire_image(table: Table, tenant: str, dataset_id: str, image_id: str, *, at_s: int, due_at_s: int) -> bool:
    """Takes an image out of its dataset and notes what is to be removed of it; False when it is not in there."""
    for _ in range(CONFLICT_RETRIES_MAX):
        row = table.get(rows.image_key(tenant, dataset_id, image_id))
        if row is None:
            return False
        pixels = rows.pixels_of(row)
        _note_gone(table, tenant, row, at_s=at_s, due_at_s=due_at_s)
        with suppress(RowConflict):  # ingest has just noted what it is about to make of it
            table.write(rows.drop_image(tenant, dataset_id, image_id, pixels=pixels))
            return True
    raise Unavailable(detail="the image is too busy")


def _note_gone(table: Table, tenant: str, row: Row, *, at_s: int, due_at_s: int) -> None:
    image, pixels = rows.image_of(row), rows.pixels_of(row)
    try:
        table.write(rows.put_gone(tenant, image, pixels=pixels, now_s=at_s, due_at_s=due_at_s))
    except RowConflict:  # an earlier attempt has noted it, and may have known fewer pixels
        with suppress(RowConflict):
            table.write(rows.add_gone_pixels(tenant, image.dataset_id, image.image_id, pixels=pixels))


def key_of_address(address: str, bucket: str) -> str | None:
    """The key of an `s3://bucket/key` address; None when it lies in another bucket."""
    prefix = f"s3://{bucket}/"
    return address[len(prefix) :] if address.startswith(prefix) else None


def row_key(row: Row) -> Key:
    return Key(row["pk"], row["sk"])


def tell_webhook(
    table: Table, queues: Queues, tenant: str, webhook_id: str, *, delivery_id: str, kind: str, body: str, at: datetime
) -> Row:
    """Lets something wait to be told to a webhook and asks for it, also where it waits already; returns its row."""
    due_at_s = int(at.timestamp()) + SWEEP_DELIVERY_S
    try:
        row = table.write(
            rows.put_delivery(tenant, webhook_id, delivery_id, kind=kind, body=body, created_at=at, due_at_s=due_at_s)
        )
    except RowConflict as conflict:
        if conflict.current is None:
            raise
        row = conflict.current
    if "due_pk" in row:
        queues.send([DeliverWebhook(tenant=tenant, webhook_id=webhook_id, delivery_id=delivery_id)])
    return row
