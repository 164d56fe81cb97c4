"""Exporting: the parts of one export are made one after the other, and it gets its receipt; it knows no file format.

A run makes parts for as long as it may and leaves the rest to the next one. What is made is noted in the export's row,
so that a run that dies costs one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambdas import records, state
from maskmill.core import keys, rows
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.export import RECEIPT, ExportFormat, ExportReceipt, MadePart, receipt_of
from maskmill.core.image import Refusal
from maskmill.core.limits import EXPORT_RUN_S, SWEEP_EXPORT_S
from maskmill.core.messages import ExportDataset
from maskmill.core.ports import Clock, Ids, ObjectMissing, Objects, Queues, Table
from maskmill.core.result import Results
from maskmill.core.rows import ExportState, JobState
from maskmill.core.table import RowConflict, Update
from maskmill.exports.parts import PlannedPart


class Maker(Protocol):
    """Makes the parts of an export; the same results have the same parts with the same bytes."""

    def parts(self, job: JobState, results: Results, export: ExportFormat) -> Sequence[PlannedPart]:
        """All parts, in order; raises MaskmillError when the dataset cannot have this form."""
        ...

    def make(self, table: Table, media: Objects, job: JobState, results: Results, part: PlannedPart) -> MadePart:
        """Write one part; raises MaskmillError when it can never be made, Unavailable when it may later."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What exporting needs; `lease_s` is longer than one run may take."""

    table: Table
    media: Objects
    queues: Queues
    clock: Clock
    ids: Ids
    maker: Maker
    lease_s: int


def export(ports: Ports, message: ExportDataset) -> None:
    """Make an export, or go on with it; doing so again writes the same bytes and changes no state.

    Raises Unavailable while another run is at it: should that one die, this message is there to go on.
    """
    job = state.load_job(ports.table, message.tenant, message.job_id)
    row = ports.table.get(rows.export_key(message.tenant, message.job_id, message.format))
    if job is None or row is None or rows.export_of(row).status.is_terminal or not job.status.is_terminal:
        return
    (run,) = ports.ids.new(1)
    begun = _begin(ports, rows.export_of(row), run)
    if begun is None:
        return
    try:
        _make(ports, job, begun, run)
    except Unavailable:
        raise
    except MaskmillError as error:
        if error.code is Code.INTERNAL:
            raise  # a fault of ours: it comes again, and at last the dead letters end it
        _fail(ports, begun, state.refusal_of(error), run)
    except RowConflict:
        return  # another run took over, or the job is gone
    except ObjectMissing:
        if state.load_job(ports.table, message.tenant, message.job_id) is not None:  # else all of it is being removed
            _fail(ports, begun, state.refusal(Code.IMAGE_REMOVED), run)


def _begin(ports: Ports, export: ExportState, run: str) -> ExportState | None:
    """Take the export for this run; None when it has ended meanwhile."""
    at_s = state.now_s(ports.clock)
    until_s = at_s + ports.lease_s
    try:
        row = ports.table.write(
            rows.begin_export(
                export.tenant,
                export.job_id,
                export.format,
                run=run,
                now_s=at_s,
                until_s=until_s,
                due_at_s=until_s + SWEEP_EXPORT_S,
            )
        )
    except RowConflict as conflict:
        current = None if conflict.current is None else rows.export_of(conflict.current)
        if current is None or current.status.is_terminal:
            return None
        if current.run != run:  # else it is this run's own write, repeated by the SDK
            raise Unavailable(detail="another run is making this export") from conflict
        return current
    return rows.export_of(row)


def _make(ports: Ports, job: JobState, export: ExportState, run: str) -> None:
    if job.dataset_bytes == 0:
        raise MaskmillError(Code.EXPORT_FAILED, detail="the job has no dataset")
    began_s = state.now_s(ports.clock)
    chunks = state.all_chunks(ports.table, job.tenant, job.job.job_id)
    results = records.done_results(ports.table, ports.media, job, chunks)
    parts = ports.maker.parts(job, results, export.format)
    made = dict(export.made)
    for part in parts:
        if part.number in made:
            continue
        if state.now_s(ports.clock) - began_s >= EXPORT_RUN_S:
            _leave(ports, export, run)
            return
        made[part.number] = _make_part(ports, job, results, part, run)
    classes = tuple(job.job.recipe.name_of(template_id) for template_id in job.job.recipe.recipe.templates)
    _close(ports, export, receipt_of(export.format, classes, [made[part.number] for part in parts]), run)


def _make_part(ports: Ports, job: JobState, results: Results, part: PlannedPart, run: str) -> MadePart:
    began = ports.clock.now()
    made = ports.maker.make(ports.table, ports.media, job, results, part)
    busy_ms = int((ports.clock.now() - began).total_seconds() * 1000)
    _write(
        ports,
        rows.note_part(job.tenant, job.job.job_id, part.export, part.number, made, run=run, busy_ms=busy_ms),
        run,
    )
    return made


def _leave(ports: Ports, export: ExportState, run: str) -> None:
    """The next run goes on: the lease ends first, so that it need not wait."""
    due_at_s = state.now_s(ports.clock) + SWEEP_EXPORT_S
    _write(ports, rows.release_export(export.tenant, export.job_id, export.format, run=run, due_at_s=due_at_s), run)
    ports.queues.send([ExportDataset(tenant=export.tenant, job_id=export.job_id, format=export.format)])


def _close(ports: Ports, export: ExportState, receipt: ExportReceipt, run: str) -> None:
    key = keys.export_file(export.tenant, export.job_id, export.format.value, RECEIPT)
    ports.media.put(key, receipt.model_dump_json(indent=2).encode(), media_type="application/json")
    _write(
        ports,
        rows.close_export(export.tenant, export.job_id, export.format, receipt, run=run, finished_at=ports.clock.now()),
        run,
    )


def _fail(ports: Ports, export: ExportState, reason: Refusal, run: str) -> None:
    try:
        ports.table.write(
            rows.fail_export(
                export.tenant, export.job_id, export.format, reason, finished_at=ports.clock.now(), run=run
            )
        )
    except RowConflict:
        return  # this run's own write, repeated by the SDK, or somebody else's end


def _write(ports: Ports, write: Update, run: str) -> None:
    """A write of this run; raises RowConflict where it is not this run's any more."""
    try:
        ports.table.write(write)
    except RowConflict as conflict:
        current = None if conflict.current is None else rows.export_of(conflict.current)
        if current is None or current.run != run or not current.status.is_terminal:
            raise  # else it is this run's own end, repeated by the SDK
