"""The life of a job: its states, its counters and how it ends; it knows no storage and no items' details.

`planned` and `cancel_requested` are flags beside the state, not states: a job can be cancelled while it is planned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Self

from maskmill.core.item import TERMINAL, ItemStatus
from maskmill.core.model import Model, content_hash
from maskmill.core.recipe import ResolvedRecipe

JOB_ID_CHARS = 26


class JobStatus(StrEnum):
    """accepted → planning → running → finishing → one terminal state."""

    ACCEPTED = "accepted"
    PLANNING = "planning"
    RUNNING = "running"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in ENDED


ENDED = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELLED})

_NEXT: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.ACCEPTED: frozenset({JobStatus.PLANNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PLANNING: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.FINISHING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.FINISHING: ENDED,
}


def next_of(status: JobStatus) -> frozenset[JobStatus]:
    """Where a job may go from a state; nowhere from a terminal one."""
    return _NEXT.get(status, frozenset())


def sources_of(target: JobStatus) -> frozenset[JobStatus]:
    """From which states a job may enter `target`; conditional writes are built from this."""
    return frozenset(source for source, targets in _NEXT.items() if target in targets)


class Counts(Model):
    """How many items of a job are in each state."""

    pending: int = 0
    segmenting: int = 0
    rendering: int = 0
    done: int = 0
    failed: int = 0
    no_match: int = 0
    skipped: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return sum(self.model_dump().values())

    @property
    def ended(self) -> int:
        return sum(count for status, count in self.model_dump().items() if ItemStatus(status) in TERMINAL)


def count(statuses: Iterable[ItemStatus]) -> Counts:
    """Count items by state."""
    tally: dict[str, int] = {}
    for status in statuses:
        tally[status.value] = tally.get(status.value, 0) + 1
    return Counts(**tally)


class Job(Model):
    """A recipe over the images of a dataset, as it was submitted; it never changes afterwards."""

    job_id: str
    dataset_id: str
    recipe: ResolvedRecipe
    image_ids: tuple[str, ...] | None = None  # None: every image that was uploaded by the time of planning
    segmenter: str  # the version that masks are keyed by
    instance_type: str = ""  # what that segmenter runs on, for the bill
    created_at: datetime
    retry_of: str | None = None  # the ended job whose plan this one takes up

    @classmethod
    def stored(cls, text: str | bytes) -> Self:
        """Fields of the job itself may be unknown; a recipe of which a part is unknown is refused (ValidationError)."""
        values = json.loads(text)
        known = {name: value for name, value in values.items() if name in cls.model_fields}
        return cls.model_validate_json(text if known == values else json.dumps(known))


def is_worth_retrying(counts: Counts) -> bool:
    """Whether an ended job left items that another run may bring to a good end."""
    return counts.failed + counts.cancelled > 0


def outcome(counts: Counts, *, cancel_requested: bool) -> JobStatus:
    """How a job ends whose items have all ended."""
    if cancel_requested and counts.cancelled:
        return JobStatus.CANCELLED
    if counts.failed == 0 and counts.cancelled == 0:
        return JobStatus.SUCCEEDED
    if counts.done + counts.no_match + counts.skipped == 0:
        return JobStatus.FAILED
    return JobStatus.PARTIAL


def job_id_of(tenant: str, idempotency_key: str) -> str:
    """The id of the job that a tenant asked for under a key: the same call twice names the same job."""
    return "j" + content_hash({"tenant": tenant, "key": idempotency_key})[: JOB_ID_CHARS - 1]
