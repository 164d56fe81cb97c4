"""Jobs of a tenant: read, list, cancel; counters of an open job are summed over its chunks. It knows no HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from lambdas.serve_api import cursors, datasets, export_states
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import JobView, Page
from maskmill.core.bill import Actual, JobCost, actual
from maskmill.core.errors import Conflict, NotFound
from maskmill.core.job import Counts, JobStatus
from maskmill.core.messages import PlanJob
from maskmill.core.ports import Table
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Index, Query, RowConflict

LISTED_DEFAULT = 20
LISTED_MAX = 50  # every job of a page costs a look at its chunks
CHUNKS_PER_PAGE = 100


def listed(ports: Ports, tenant: str, *, dataset_id: str | None, cursor: str | None, limit: int) -> Page[JobView]:
    """The jobs of a tenant or of one dataset, newest first; raises NotFound.

    A page may be shorter than it could where datasets are being removed.
    """
    if dataset_id is not None:
        return _listed_of(ports, tenant, dataset_id, cursor=cursor, limit=limit)
    listing = cursors.listing(ports, tenant, "jobs")
    page = ports.table.query(
        Query(
            pk=rows.recent_jobs_pk(tenant),
            index=Index.RECENT,
            descending=True,
            after=listing.after(cursor),
            limit=limit,
        )
    )
    found = [rows.job_of(row) for row in page.rows]
    kept = {name: datasets.is_there(ports.table, tenant, name) for name in {state.job.dataset_id for state in found}}
    items = tuple(view(ports.table, state) for state in found if kept[state.job.dataset_id])
    return Page[JobView](items=items, next_cursor=listing.cursor(page.after))


def _listed_of(ports: Ports, tenant: str, dataset_id: str, *, cursor: str | None, limit: int) -> Page[JobView]:
    datasets.require(ports.table, tenant, dataset_id)
    listing = cursors.listing(ports, tenant, "jobs", dataset_id)
    page = ports.table.query(
        Query(
            pk=rows.recent_dataset_jobs_pk(tenant, dataset_id),
            index=Index.RECENT,
            descending=True,
            after=listing.after(cursor),
            limit=limit,
        )
    )
    found = (ports.table.get(rows.job_key(tenant, row["job_id"])) for row in page.rows)
    states = [rows.job_of(row) for row in found if row is not None]
    items = tuple(view(ports.table, state) for state in states if state.job.dataset_id == dataset_id)
    return Page[JobView](items=items, next_cursor=listing.cursor(page.after))


def read(ports: Ports, tenant: str, job_id: str) -> JobView:
    return view(ports.table, require(ports.table, tenant, job_id))


def cancel(ports: Ports, tenant: str, job_id: str) -> JobView:
    """Ask for the end of a job; the planner and the workers act on it. Raises Conflict when it has ended."""
    require(ports.table, tenant, job_id)
    try:
        state = rows.job_of(ports.table.write(rows.request_cancel(tenant, job_id)))
    except RowConflict as conflict:
        if conflict.current is None:
            raise NotFound(detail="job") from conflict
        raise Conflict(message="The job has ended already.") from conflict
    ports.queues.send([PlanJob(tenant=tenant, job_id=job_id)])
    return view(ports.table, state)


def require(table: Table, tenant: str, job_id: str) -> JobState:
    """A job of the tenant whose dataset is kept; raises NotFound."""
    row = table.get(rows.job_key(tenant, job_id))
    if row is None:
        raise NotFound(detail="job")
    state = rows.job_of(row)
    if not datasets.is_there(table, tenant, state.job.dataset_id):
        raise NotFound(detail="job of a dataset that is being removed")
    return state


def chunks_of(table: Table, tenant: str, job_id: str, *, after: str | None = None) -> Iterator[tuple[str, ChunkState]]:
    """The chunks of a job with their sort keys, in order."""
    while True:
        query = Query(pk=rows.job_pk(tenant, job_id), prefix=rows.CHUNK_PREFIX, after=after, limit=CHUNKS_PER_PAGE)
        page = table.query(query)
        yield from ((row["sk"], rows.chunk_of(row)) for row in page.rows)
        after = page.after
        if after is None:
            return


def view(table: Table, state: JobState) -> JobView:
    """A job as the API shows it."""
    job = state.job
    counts = counts_of(table, state)
    has_dataset = state.status.is_terminal and state.dataset_bytes > 0
    return JobView(
        job_id=job.job_id,
        dataset_id=job.dataset_id,
        status=state.status,
        items=counts,
        items_total=state.items_total,
        waiting_for_gpu=state.status is JobStatus.RUNNING and _waits(counts),
        cancel_requested=state.cancel_requested,
        created_at=job.created_at,
        finished_at=None if state.finished_at is None else datetime.fromisoformat(state.finished_at),
        refusal=state.refusal,
        recipe=job.recipe.recipe,
        dataset_bytes=state.dataset_bytes if has_dataset else None,
        retry_of=job.retry_of,
        retried_by=tuple(sorted(state.retried_by)),
        cost=JobCost(estimate=state.estimate, actual=_actual(state)),
        exports=export_states.summaries(table, state),
    )


def _actual(state: JobState) -> Actual | None:
    if state.work is None or state.finished_at is None:
        return None
    return actual(
        state.work,
        created_at=state.job.created_at,
        ended_at=datetime.fromisoformat(state.finished_at),
        instance_type=state.job.instance_type,
    )


def counts_of(table: Table, state: JobState) -> Counts:
    """How many items are in each state: as they were counted when the job ended, or summed over its chunks."""
    if state.counts is not None:
        return state.counts
    tally: Counter[str] = Counter()
    for _, chunk in chunks_of(table, state.tenant, state.job.job_id):
        tally.update(chunk.counts.model_dump())
    return Counts(**tally)


def _waits(counts: Counts) -> bool:
    """All open items wait for the segmenter, or for their place in it, and none has come back."""
    still_open = counts.total - counts.ended
    is_waiting = still_open == counts.segmenting + counts.pending
    return counts.segmenting > 0 and is_waiting and counts.done + counts.no_match == 0
