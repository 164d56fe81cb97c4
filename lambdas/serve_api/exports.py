"""Exports of a job: asked for, listed, and handed out by signed addresses; it knows no HTTP and no file format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from lambdas.serve_api import export_states, jobs
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import ExportFile, ExportView, Page
from maskmill.core.errors import Conflict, NotFound
from maskmill.core.export import RECEIPT, ExportFormat, ExportStatus
from maskmill.core.limits import SWEEP_EXPORT_S
from maskmill.core.messages import ExportDataset
from maskmill.core.ports import Table
from maskmill.core.rows import ExportState, JobState
from maskmill.core.table import RowConflict


def ask(ports: Ports, tenant: str, job_id: str, export: ExportFormat) -> ExportView:
    """An export of a finished job is made, unless it is there already; one that failed is tried again.

    Raises Conflict while the job has not ended, or when it ended without a dataset.
    """
    _require_dataset(jobs.require(ports.table, tenant, job_id))
    found = _find(ports.table, tenant, job_id, export)
    if found is None or found.status is ExportStatus.FAILED:
        at_s = int(ports.clock.now().timestamp())
        start = rows.put_export if found is None else rows.restart_export
        with suppress(RowConflict):  # somebody else asked for it at the same time
            ports.table.write(start(tenant, job_id, export, now_s=at_s, due_at_s=at_s + SWEEP_EXPORT_S))
        found = _require(ports.table, tenant, job_id, export)
    if not found.status.is_terminal:
        ports.queues.send([ExportDataset(tenant=tenant, job_id=job_id, format=export)])
    return _view(found)


def listed(ports: Ports, tenant: str, job_id: str) -> Page[ExportView]:
    """The exports of a job, those that wait for its end included."""
    job = jobs.require(ports.table, tenant, job_id)
    made = {state.format: _view(state) for state in export_states.exports_of(ports.table, tenant, job_id)}
    waiting = map(_waiting, export_states.waiting(job, made))
    return Page[ExportView](items=(*made.values(), *waiting))


def read(ports: Ports, tenant: str, job_id: str, export: ExportFormat) -> ExportView:
    """One export; when it is ready, with the signed addresses of its parts and its receipt."""
    job = jobs.require(ports.table, tenant, job_id)
    found = _find(ports.table, tenant, job_id, export)
    if found is None:
        if export in export_states.waiting(job):
            return _waiting(export)
        raise NotFound(
            message=f"Nobody has asked for this export. Ask with POST /jobs/{job_id}/exports/{export.value}.",
            detail="export",
        )
    view = _view(found)
    if view.status is not ExportStatus.READY:
        return view
    receipt_url = ports.doors.download(
        keys.export_file(tenant, job_id, export.value, RECEIPT), filename=f"{export.value}-{RECEIPT}"
    )
    return view.model_copy(update={"receipt_url": receipt_url, "files": tuple(_files(ports, found))})


def _require_dataset(job: JobState) -> None:
    if not job.status.is_terminal:
        raise Conflict(message="The job has not ended yet. Its files appear when it does.")
    if job.dataset_bytes == 0:
        raise Conflict(message="The job ended without a dataset.")


def _find(table: Table, tenant: str, job_id: str, export: ExportFormat) -> ExportState | None:
    row = table.get(rows.export_key(tenant, job_id, export))
    return None if row is None else rows.export_of(row)


def _require(table: Table, tenant: str, job_id: str, export: ExportFormat) -> ExportState:
    found = _find(table, tenant, job_id, export)
    if found is None:
        raise NotFound(detail="export")
    return found


def _files(ports: Ports, export: ExportState) -> Iterator[ExportFile]:
    for part in () if export.receipt is None else export.receipt.parts:
        key = keys.export_file(export.tenant, export.job_id, export.format.value, part.name)
        url = ports.doors.download(key, filename=part.name)
        yield ExportFile(name=part.name, size_bytes=part.size_bytes, sha256=part.sha256, url=url)


def _view(export: ExportState) -> ExportView:
    summary = export_states.summary(export)
    return ExportView(
        format=export.format,
        status=export.status,
        created_at=datetime.fromtimestamp(export.created_at_s, UTC),
        finished_at=None if export.finished_at is None else datetime.fromisoformat(export.finished_at),
        seconds=export.busy_ms / 1000,
        parts=summary.parts,
        size_bytes=summary.size_bytes,
        receipt=export.receipt,
        refusal=export.refusal,
    )


def _waiting(export: ExportFormat) -> ExportView:
    return ExportView(format=export, status=ExportStatus.WAITING)
