"""The jobs of a dataset as a removal sees them: which are still open, and how they are brought to their end."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas import state
from lambdas.remove_dataset.ports import Run
from maskmill.core import rows
from maskmill.core.limits import SUBMISSION_S
from maskmill.core.messages import PlanJob
from maskmill.core.ports import Table
from maskmill.core.rows import JobState
from maskmill.core.table import Row, RowConflict


def named_jobs(table: Table, tenant: str, dataset_id: str) -> Iterator[Row]:
    """The rows that name the jobs of a dataset."""
    return state.all_rows(table, rows.dataset_pk(tenant, dataset_id), rows.DATASET_JOB_PREFIX)


def job_of(table: Table, tenant: str, dataset_id: str, job_id: str) -> JobState | None:
    """A job as it stands; None when there is none of that name, or when it is another dataset's."""
    row = table.get(rows.job_key(tenant, job_id))
    job = None if row is None else rows.job_of(row)
    return job if job is not None and job.job.dataset_id == dataset_id else None


def may_come(named: Row, at_s: int) -> bool:
    """Whether a job that has no row may just be being submitted."""
    return bool(at_s - named["created_at_s"] < SUBMISSION_S)


def abandon_jobs(run: Run, tenant: str, dataset_id: str) -> int:
    """Bring every job of a dataset to its end; returns how many may still be going on, or come to be."""
    still_open = 0
    for named in named_jobs(run.ports.table, tenant, dataset_id):
        if not named.get("abandoned", False):
            still_open += _abandon(run, tenant, dataset_id, named)
        if run.is_over():
            return still_open + 1
    return still_open


def _abandon(run: Run, tenant: str, dataset_id: str, named: Row) -> bool:
    """Bring one job to its end; whether it may still be going on."""
    ports, job_id = run.ports, named["job_id"]
    job = job_of(ports.table, tenant, dataset_id, job_id)
    if job is None:
        return ports.table.get(rows.job_key(tenant, job_id)) is None and may_come(named, run.now_s())
    is_open = not job.status.is_terminal
    try:
        if not job.abandoned or (is_open and not job.cancel_requested):
            job = rows.job_of(ports.table.write(rows.abandon_job(tenant, job_id, is_open=is_open)))
        if job.status.is_terminal:
            state.free_place(ports.table, job)
            ports.table.write(rows.note_job_ended(tenant, dataset_id, job_id, abandoned=True))
            return False
    except RowConflict:
        return False  # another run has removed it meanwhile
    ports.queues.send([PlanJob(tenant=tenant, job_id=job_id)])
    return True
