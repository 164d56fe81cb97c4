"""How far the exports of a job are, from their rows; it knows no signed address and no file format."""

from __future__ import annotations

from collections.abc import Container

from maskmill.core import rows
from maskmill.core.api import ExportSummary
from maskmill.core.export import ExportFormat, ExportStatus
from maskmill.core.ports import Table
from maskmill.core.rows import ExportState, JobState
from maskmill.core.table import Query


def exports_of(table: Table, tenant: str, job_id: str) -> tuple[ExportState, ...]:
    """The exports that were asked for, by format; there are as many as there are formats at most."""
    query = Query(pk=rows.job_pk(tenant, job_id), prefix=rows.EXPORT_PREFIX)
    return tuple(rows.export_of(row) for row in table.query(query).rows)


def waiting(state: JobState, known: Container[ExportFormat] = ()) -> tuple[ExportFormat, ...]:
    """The exports of the recipe that wait for the end of the job, without those that are known."""
    if state.status.is_terminal:
        return ()
    return tuple(export for export in state.job.recipe.recipe.exports if export not in known)


def summary(export: ExportState) -> ExportSummary:
    receipt = export.receipt
    made = receipt.parts if receipt is not None else tuple(one.part for one in export.made.values())
    return ExportSummary(
        format=export.format,
        status=export.status,
        parts=len(made),
        size_bytes=sum(part.size_bytes for part in made),
        loss=None if receipt is None else receipt.loss,
        refusal=export.refusal,
    )


def summaries(table: Table, state: JobState) -> tuple[ExportSummary, ...]:
    """The exports of a job at a glance; they are looked for once the job has ended."""
    if state.status.is_terminal:
        return tuple(map(summary, exports_of(table, state.tenant, state.job.job_id)))
    return tuple(ExportSummary(format=one, status=ExportStatus.WAITING) for one in waiting(state))
