"""What webhooks are told of jobs and exports that have ended; it posts nothing and changes no job.

A delivery is named by what has happened and to whom it is told. So a record of the stream that comes again makes no
second one, and asks once more for the first one while it waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas import state
from lambdas.push_progress.changes import JobChange
from maskmill.core import rows, webhook
from maskmill.core.image import Refusal
from maskmill.core.job import JobStatus
from maskmill.core.limits import CLOCK_SKEW_S
from maskmill.core.ports import Queues, Table
from maskmill.core.rows import JobState
from maskmill.core.table import Row
from maskmill.core.webhook import EventType

_OF_JOB = {
    JobStatus.SUCCEEDED: EventType.JOB_SUCCEEDED,
    JobStatus.PARTIAL: EventType.JOB_PARTIAL,
    JobStatus.FAILED: EventType.JOB_FAILED,
    JobStatus.CANCELLED: EventType.JOB_CANCELLED,
}
_SKEW = timedelta(seconds=CLOCK_SKEW_S)  # a webhook is told of ends that another machine dates before it was made
_OF_EXPORT = {"ready": EventType.EXPORT_READY, "failed": EventType.EXPORT_FAILED}


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that has happened, when, and what is told of it: small, without secrets and signed addresses."""

    event: EventType
    at: datetime
    data: dict[str, object]

    def body(self) -> str:
        return webhook.body_of(self.event.value, self.at, self.data)

    def delivery_to(self, webhook_id: str) -> str:
        """The id of the one delivery of this to a webhook."""
        cause = {"event": self.event.value, "job": self.data["job_id"], "format": self.data.get("format")}
        return webhook.delivery_id_of(webhook_id, self.at, cause)


def announce(table: Table, queues: Queues, change: JobChange) -> None:
    """Let every webhook of the tenant that listens be told how a job or its exports have ended."""
    if change.ended_as is None and not change.exports:
        return
    job = state.load_job(table, change.tenant, change.job_id)
    if job is None:
        return  # it was removed meanwhile
    told = list(_announcements(table, change, job))
    if told:
        _tell(table, queues, change.tenant, told)


def _announcements(table: Table, change: JobChange, job: JobState) -> Iterator[Announcement]:
    if change.ended_as is not None and job.finished_at is not None:
        yield of_job(job, job.finished_at)
    for _, key in sorted(change.exports.items()):
        row = table.get(key)
        if row is not None and row["status"] in _OF_EXPORT and "finished_at" in row:
            yield of_export(job, row)


def of_job(job: JobState, finished_at: str) -> Announcement:
    """The end of a job."""
    data: dict[str, object] = {
        "job_id": job.job.job_id,
        "dataset_id": job.job.dataset_id,
        "status": job.status.value,
        "items_total": job.items_total,
        "finished_at": finished_at,
    }
    if job.counts is not None:
        data["items"] = job.counts.model_dump()
    if job.refusal is not None:
        data["code"] = job.refusal.code
    return Announcement(_OF_JOB[job.status], datetime.fromisoformat(finished_at), data)


def of_export(job: JobState, row: Row) -> Announcement:
    """The end of the making of an export."""
    data: dict[str, object] = {
        "job_id": job.job.job_id,
        "dataset_id": job.job.dataset_id,
        "format": row["format"],
        "status": row["status"],
        "finished_at": row["finished_at"],
    }
    if "refusal" in row:
        data["code"] = Refusal.stored(row["refusal"]).code
    return Announcement(_OF_EXPORT[row["status"]], datetime.fromisoformat(row["finished_at"]), data)


def _tell(table: Table, queues: Queues, tenant: str, told: Iterable[Announcement]) -> None:
    for row in state.all_rows(table, rows.tenant_pk(tenant), rows.WEBHOOK_PREFIX):
        listener = rows.webhook_of(row)
        if listener.disabled is not None:
            continue
        hook = listener.webhook
        for one in told:
            if one.event in hook.events and hook.created_at <= one.at + _SKEW:
                state.tell_webhook(
                    table,
                    queues,
                    tenant,
                    hook.webhook_id,
                    delivery_id=one.delivery_to(hook.webhook_id),
                    kind=one.event.value,
                    body=one.body(),
                    at=one.at,
                )
