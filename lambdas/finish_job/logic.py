"""Finishing: a job whose items have all ended gets its dataset and its end, and its exports are asked for.

It knows no file format.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from lambdas import records, state
from lambdas.finish_job.account import work_done
from maskmill.core import rows
from maskmill.core.errors import Code, Unavailable
from maskmill.core.job import Counts, JobStatus, outcome
from maskmill.core.limits import SWEEP_EXPORT_S
from maskmill.core.messages import FinishJob
from maskmill.core.ports import Clock, Ids, ObjectMissing, Objects, Queues, Table
from maskmill.core.result import Results
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import RowConflict
from maskmill.core.work import Work


class Writer(Protocol):
    """Writes the lists of a job's dataset from its results, in their order; returns the bytes of the whole dataset."""

    def __call__(self, table: Table, media: Objects, job: JobState, results: Results) -> int: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What finishing needs; `lease_s` is longer than one run may take."""

    table: Table
    media: Objects
    queues: Queues
    clock: Clock
    ids: Ids
    write_dataset: Writer
    lease_s: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job has ended, and how its items have."""

    status: JobStatus
    counts: Counts


def finish(ports: Ports, message: FinishJob) -> Ended | None:
    """Finish a job if all its items have ended; doing so again writes the same bytes and changes no state.

    Says how it ended where this run has ended it. Raises Unavailable while another run is at it: should that one die,
    this message is there to go on.
    """
    job = state.load_job(ports.table, message.tenant, message.job_id)
    if job is None or not job.is_full:
        return None
    if job.status.is_terminal:
        state.free_place(ports.table, job)
        state.ask_for_exports(ports.table, ports.queues, job)
        return None
    chunks = tuple(state.all_chunks(ports.table, message.tenant, message.job_id))
    if not all(chunk.is_full for chunk in chunks):
        return None
    if not _begin(ports, job):
        return None
    began = ports.clock.now()
    counts = _counts(chunks)
    dataset_bytes = 0
    if counts.done and not job.abandoned:
        dataset_bytes = _write_dataset(ports, job, chunks)
        _note_exports(ports, job)
    finishing_s = max(0.0, (ports.clock.now() - began).total_seconds())
    work = work_done(job, chunks, dataset_bytes=dataset_bytes, finishing_s=finishing_s)
    ended = _close(ports, job, counts, dataset_bytes, work)
    if counts.done and not job.abandoned:
        state.ask_for_exports(ports.table, ports.queues, job)
    return ended


def _note_exports(ports: Ports, job: JobState) -> None:
    """The exports that the recipe wants, noted before the job ends: from here on the sweep knows of them."""
    at_s = state.now_s(ports.clock)
    for export in state.exports_wanted(job):
        write = rows.put_export(job.tenant, job.job.job_id, export, now_s=at_s, due_at_s=at_s + SWEEP_EXPORT_S)
        with suppress(RowConflict):  # noted by an earlier run
            ports.table.write(write)


def _write_dataset(ports: Ports, job: JobState, chunks: tuple[ChunkState, ...]) -> int:
    """Raises Unavailable where something of it is missing: nothing of an open job is removed, so this one has ended."""
    try:
        results = records.done_results(ports.table, ports.media, job, chunks)
        return ports.write_dataset(ports.table, ports.media, job, results)
    except ObjectMissing as error:
        raise Unavailable(detail=f"{error} is missing") from error


def _begin(ports: Ports, job: JobState) -> bool:
    """Take the job for this run; False when it has ended meanwhile."""
    at_s = state.now_s(ports.clock)
    (run,) = ports.ids.new(1)
    try:
        ports.table.write(
            rows.begin_finishing(job.tenant, job.job.job_id, run=run, now_s=at_s, until_s=at_s + ports.lease_s)
        )
    except RowConflict as conflict:
        current = None if conflict.current is None else rows.job_of(conflict.current)
        if current is None or current.status.is_terminal:
            return False
        if current.finish_run != run:  # else it is this run's own write, repeated by the SDK
            raise Unavailable(detail="another run is finishing this job") from conflict
    return True


def _counts(chunks: tuple[ChunkState, ...]) -> Counts:
    total: dict[str, int] = {}
    for chunk in chunks:
        for status, number in chunk.counts.model_dump().items():
            total[status] = total.get(status, 0) + number
    return Counts(**total)


def _close(ports: Ports, job: JobState, counts: Counts, dataset_bytes: int, work: Work) -> Ended:
    is_empty = counts.total == 0
    status = JobStatus.FAILED if is_empty else outcome(counts, cancel_requested=job.cancel_requested)
    state.close_job(
        ports.table,
        job.tenant,
        job.job.job_id,
        status=status,
        finished_at=ports.clock.now(),
        reason=state.refusal(Code.NO_IMAGES) if is_empty else None,
        dataset_bytes=dataset_bytes,
        counts=counts,
        work=work,
    )
    return Ended(status, counts)
