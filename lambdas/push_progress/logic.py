"""Tells of the progress of jobs: what the table's stream says has changed becomes one event for each job and batch.

The stream is a hint and the rows are the truth: an event says what the rows hold when it is written, so that a record
that comes late or twice makes it say nothing that is not so. It changes no job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lambdas import state
from lambdas.push_progress.announcements import announce
from lambdas.push_progress.changes import JobChange, by_job
from lambdas.push_progress.listeners import tell
from lambdas.push_progress.tallies import Tallies, total
from maskmill.core import rows
from maskmill.core.api import JobMessage
from maskmill.core.errors import Unavailable
from maskmill.core.event import Event, ExportChange, bounded, says_nothing_new
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts
from maskmill.core.limits import CONFLICT_RETRIES_MAX, EVENT_ITEMS_MAX
from maskmill.core.ports import Clock, Queues, Sockets, Table
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.table import Query, RowChange, RowConflict

CHUNKS_READ_SINGLY_MAX = 10  # beyond this, all chunks are read at once


@dataclass(frozen=True, slots=True)
class Ports:
    """What telling needs; `tallies` outlive a batch, for as long as the process lives."""

    table: Table
    queues: Queues
    sockets: Sockets
    clock: Clock
    tallies: Tallies = field(default_factory=Tallies)


def push(ports: Ports, changes: Iterable[RowChange]) -> list[tuple[JobChange, Exception]]:
    """Tell of every job that the changes are about; gives back those of which it could not be told, with the reason."""
    failures: list[tuple[JobChange, Exception]] = []
    for change in by_job(changes):
        try:
            _tell(ports, change)
        except Exception as error:  # noqa: BLE001 - the edge of one job: it must not keep the others from being told of
            failures.append((change, error))
    return failures


def _tell(ports: Ports, change: JobChange) -> None:
    """Write the event, then let others know of it: all of it happens again when the batch comes again."""
    event = _append(ports, change)
    if event is None:
        return  # the job was removed meanwhile
    announce(ports.table, ports.queues, change)
    message = JobMessage(job_id=change.job_id, seq=event.seq, status=event.status)
    tell(ports.table, ports.sockets, change.tenant, message, now_s=state.now_s(ports.clock))


def _append(ports: Ports, change: JobChange) -> Event | None:
    """The newest event of the job, which says what the batch said: a new one, or the last if it said so already.

    Each event takes the number after the one that was known before the rows were read, so that events never go back.
    Where that was not the last one, its place is taken, and it is read.
    """
    tenant, job_id = change.tenant, change.job_id
    known = ports.tallies.last(tenant, job_id)
    for _ in range(CONFLICT_RETRIES_MAX):
        last = known or _last_event(ports.table, tenant, job_id)
        known = None
        seq = 0 if last is None else last.seq
        changed = sorted(change.items) if len(change.items) <= CHUNKS_READ_SINGLY_MAX else []
        job, read = state.load_together(ports.table, tenant, job_id, changed)
        if job is None:
            return None
        chunks, counts = _chunks(ports, change, job, read, seq)
        event = _event(ports, change, job, seq + 1, chunks, counts)
        if last is not None and says_nothing_new(event, last):
            return last
        try:
            ports.table.write(rows.put_event(tenant, job_id, event))
        except RowConflict:
            continue  # somebody else told of it meanwhile: look again
        if job.counts is None:
            ports.tallies.keep(tenant, job_id, event, counts)
        return event
    raise Unavailable(detail=f"{CONFLICT_RETRIES_MAX} numbers of events were taken by others")


def _last_event(table: Table, tenant: str, job_id: str) -> Event | None:
    query = Query(pk=rows.job_pk(tenant, job_id), prefix=rows.EVENT_PREFIX, descending=True, limit=1)
    found = table.query(query).rows
    return rows.event_of(found[0]) if found else None


def _chunks(
    ports: Ports, change: JobChange, job: JobState, read: Iterable[ChunkState | None], seq: int
) -> tuple[Mapping[int, ChunkState], Mapping[int, Counts]]:
    """The chunks that changed, and the counters of all chunks; those of the others are known, or read as well."""
    tenant, job_id = change.tenant, change.job_id
    known = {} if job.counts is not None else ports.tallies.as_of(tenant, job_id, seq)
    if known is None or len(change.items) > CHUNKS_READ_SINGLY_MAX:
        chunks = {chunk.number: chunk for chunk in state.all_chunks(ports.table, tenant, job_id)}
        known = {}
    else:
        chunks = {chunk.number: chunk for chunk in read if chunk is not None}
    return chunks, {**known, **{number: chunk.counts for number, chunk in chunks.items()}}


def _event(
    ports: Ports,
    change: JobChange,
    job: JobState,
    seq: int,
    chunks: Mapping[int, ChunkState],
    counts: Mapping[int, Counts],
) -> Event:
    states: dict[int, ItemStatus] = {
        index: chunks[number].items[index].status
        for number, indices in change.items.items()
        if number in chunks
        for index in indices
    }
    items, is_truncated = bounded(states, most=EVENT_ITEMS_MAX)
    return Event(
        seq=seq,
        at=ports.clock.now(),
        status=job.status,
        counts=job.counts or total(counts.values()),
        items=items,
        items_truncated=is_truncated,
        exports=tuple(_exports(ports.table, change)),
    )


def _exports(table: Table, change: JobChange) -> Iterable[ExportChange]:
    for name, key in sorted(change.exports.items()):
        row = table.get(key)
        if row is not None:
            yield ExportChange(format=name, status=row["status"])
