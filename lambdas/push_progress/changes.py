"""What a batch of the table's stream says of each job, put together; it reads nothing and tells nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from maskmill.core import rows
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.table import Key, Row, RowChange


@dataclass(slots=True)
class JobChange:
    """A job and what of it changed: the states it entered, its items by chunk, its exports with their rows."""

    tenant: str
    job_id: str
    entered: list[JobStatus] = field(default_factory=list)
    items: dict[int, set[int]] = field(default_factory=dict)
    exports: dict[str, Key] = field(default_factory=dict)

    @property
    def ended_as(self) -> JobStatus | None:
        """The state in which the job ended, if it did so in this batch."""
        return next((status for status in self.entered if status.is_terminal), None)


def by_job(changes: Iterable[RowChange]) -> list[JobChange]:
    """The jobs of which something changed that is worth telling, each once."""
    found: dict[tuple[str, str], JobChange] = {}
    for change in changes:
        of_job = _job_of(change)
        if of_job is not None and _is_news(change):
            _note(found.setdefault(of_job, JobChange(*of_job)), change)
    return list(found.values())


def _job_of(change: RowChange) -> tuple[str, str] | None:
    if change.key.sk.startswith(rows.JOB_PREFIX):
        return change.after["tenant"], change.after["job_id"]
    return rows.job_of_pk(change.key.pk)


def _is_news(change: RowChange) -> bool:
    """Leases, repairs and the like change rows, too."""
    if change.before is None:
        return True
    sort_key = change.key.sk
    if sort_key.startswith(rows.CHUNK_PREFIX):
        return bool(_changed_items(change.before, change.after))
    return bool(change.before.get("status") != change.after.get("status"))


def _note(job: JobChange, change: RowChange) -> None:
    sort_key = change.key.sk
    if sort_key.startswith(rows.JOB_PREFIX):
        job.entered.append(JobStatus(change.after["status"]))
    elif sort_key.startswith(rows.CHUNK_PREFIX):
        job.items.setdefault(change.after["number"], set()).update(_changed_items(change.before, change.after))
    elif sort_key.startswith(rows.EXPORT_PREFIX):
        job.exports[sort_key.removeprefix(rows.EXPORT_PREFIX)] = change.key


def _changed_items(before: Row | None, after: Row) -> set[int]:
    """The items of a chunk whose state is another; of a new chunk those that are not pending."""
    was = {} if before is None else {index: item["s"] for index, item in before["items"].items()}
    return {
        int(index) for index, item in after["items"].items() if item["s"] != was.get(index, ItemStatus.PENDING.value)
    }
