"""Planning: writes what the items of a job are, once, and sends their chunks to dispatch; it knows no pixels.

The plan is written under a name that only the first planner can take, and every planner goes on from what is written
there. Whatever happens on the way, a second run ends with the same items.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdas import state
from maskmill.core import keys, rows
from maskmill.core.errors import Code
from maskmill.core.image import Image
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import CHUNKS_PER_RUN_MAX, RENDERED_ITEMS_MAX, RENDERINGS_WANTED
from maskmill.core.messages import DispatchItems, PlanJob
from maskmill.core.plan import Plan, chunk_items_of, openers, planned_items, spread
from maskmill.core.ports import Clock, ObjectMissing, Objects, Queues, Table
from maskmill.core.recipe import backgrounds_of, images_max
from maskmill.core.rows import JobState
from maskmill.core.table import Put, Row, RowConflict, Update


@dataclass(frozen=True, slots=True)
class Ports:
    """What planning needs; `chunk_items` is how many items one invocation of the model holds at least.

    A job is rendered by up to `renderings` runs before one of them renders several items. At most `window_shards`
    chunks of a job are in the segmenter at once, and one run writes `chunks_per_run` of them.
    """

    table: Table
    media: Objects
    queues: Queues
    clock: Clock
    chunk_items: int
    window_shards: int
    chunks_per_run: int = CHUNKS_PER_RUN_MAX
    renderings: int = RENDERINGS_WANTED


def plan(ports: Ports, message: PlanJob) -> None:
    """Plan a job, go on with a half-planned one, or carry out the cancellation of a planned one."""
    job = state.load_job(ports.table, message.tenant, message.job_id)
    if job is not None and not job.planned and not job.status.is_terminal:
        job = _plan(ports, job, message.next_chunk)
    if job is None or (job.status.is_terminal and job.planned):
        return
    if job.status.is_terminal:  # it was given up while it was planned
        state.free_place(ports.table, job)
        _end_items(ports, job, Code.GAVE_UP, ItemStatus.FAILED)
    elif job.cancel_requested:
        _end_items(ports, job, Code.CANCELLED, ItemStatus.CANCELLED)
    state.ask_to_finish(ports.queues, job)


def _end_items(ports: Ports, job: JobState, code: Code, status: ItemStatus) -> None:
    at_s = state.now_s(ports.clock)
    state.end_job_items(ports.table, ports.queues, job, code=code, status=status, at_s=at_s)


def _plan(ports: Ports, job: JobState, first: int) -> JobState | None:
    """Write the next chunks of a plan; the job when these were the last, and None while others are to follow.

    A long plan is written in several runs, with a message in between, so that others have their turn.
    """
    tenant, job_id = job.tenant, job.job.job_id
    begun = _write_if(ports, rows.begin_planning(tenant, job_id, window_shards=ports.window_shards))
    if begun is None:
        return None
    plan = _plan_of(ports, job)
    if len(plan.items) > images_max(job.job.recipe.recipe):
        return _refuse(ports, job)
    at_s = state.now_s(ports.clock)
    together = spread(len(plan.items), over=ports.renderings, most=RENDERED_ITEMS_MAX)
    for chunk in plan.chunks(first=first, count=ports.chunks_per_run):
        ports.media.put(
            keys.chunk(tenant, job_id, chunk.number), chunk.model_dump_json().encode(), media_type="application/json"
        )
        row = _write_if(ports, rows.put_chunk(tenant, job_id, chunk, now_s=at_s, together=together))
        if row is not None:
            state.forward(ports.table, ports.queues, tenant, job_id, rows.chunk_of(row))
    following = first + ports.chunks_per_run
    if following < plan.chunks_total:
        ports.queues.send([PlanJob(tenant=tenant, job_id=job_id, next_chunk=following)])
        return None
    heads = openers(plan, rows.job_of(begun).window_shards or max(1, plan.chunks_total))
    ports.queues.send(DispatchItems(tenant=tenant, job_id=job_id, chunk=number) for number in heads)
    row = _write_if(
        ports, rows.mark_planned(tenant, job_id, chunks_total=plan.chunks_total, items_total=len(plan.items))
    )
    return None if row is None else rows.job_of(row)


def _refuse(ports: Ports, job: JobState) -> JobState | None:
    """More images have arrived since the submission than one job may hold."""
    return state.close_job(
        ports.table,
        job.tenant,
        job.job.job_id,
        status=JobStatus.FAILED,
        finished_at=ports.clock.now(),
        reason=state.refusal(Code.TOO_MANY_IMAGES),
    )


def _write_if(ports: Ports, write: Update | Put) -> Row | None:
    """Perform a write; where it was done before, the row as it stands."""
    try:
        return ports.table.write(write)
    except RowConflict as conflict:
        return conflict.current


def _plan_of(ports: Ports, job: JobState) -> Plan:
    key = keys.plan(job.tenant, job.job.job_id)
    if ports.media.head(key) is None:
        fresh = _source_plan(ports, job) or _fresh_plan(ports, job)
        ports.media.put_first(key, fresh.model_dump_json().encode(), media_type="application/json")
    return Plan.stored(ports.media.get(key))


def _source_plan(ports: Ports, job: JobState) -> Plan | None:
    """The plan of the job that this one takes up, without images that were removed meanwhile.

    None for a job of its own, and where that other one was never planned.
    """
    if job.job.retry_of is None:
        return None
    try:
        plan = Plan.stored(ports.media.get(keys.plan(job.tenant, job.job.retry_of)))
    except ObjectMissing:
        return None
    known = _images(ports.table, job)
    kept = [item for item in plan.items if item.image_id in known]
    numbered = tuple(item.model_copy(update={"index": index}) for index, item in enumerate(kept))
    return plan.model_copy(update={"items": numbered})


def _fresh_plan(ports: Ports, job: JobState) -> Plan:
    images = _images(ports.table, job)
    chosen = job.job.image_ids
    wanted = images if chosen is None else {image_id: images[image_id] for image_id in chosen if image_id in images}
    backgrounds = {
        image_id: images[image_id].normal for image_id in backgrounds_of(job.job.recipe.recipe) if image_id in images
    }
    items = planned_items(tuple(wanted.values()))
    return Plan(
        items=items,
        backgrounds={image_id: normal for image_id, normal in backgrounds.items() if normal is not None},
        chunk_items=chunk_items_of(
            len(items),
            templates=len(job.job.recipe.templates),
            segmenter=job.job.segmenter,
            least=ports.chunk_items,
        ),
    )


def _images(table: Table, job: JobState) -> dict[str, Image]:
    pk = rows.dataset_pk(job.tenant, job.job.dataset_id)
    images = (rows.image_of(row) for row in state.all_rows(table, pk, "IMAGE#"))
    return {image.image_id: image for image in images}
