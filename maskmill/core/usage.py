"""What a tenant may use and what it uses: the quotas as values and the rules of a day; it knows no storage.

A quota is reserved before work begins, so that it is exceeded before money is spent. Two kinds are told apart: what is
kept (datasets, images and their bytes, open jobs) is given back when it goes, and what is made in a day (variants) is
forgotten when the day, in UTC, ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from maskmill.core.errors import FieldFault, QuotaExceeded


class Quota(StrEnum):
    """What is counted for each tenant."""

    DATASETS = "datasets"
    IMAGES = "images"
    BYTES = "bytes"  # of the files as they were announced
    VARIANTS_PER_DAY = "variants_per_day"
    OPEN_JOBS = "open_jobs"


KEPT = (Quota.DATASETS, Quota.IMAGES, Quota.BYTES)  # what the rows of the datasets add up to

_WORDS = {
    Quota.DATASETS: "Your datasets are as many as they may be. Delete one or ask for a higher limit.",
    Quota.IMAGES: "Your images would be more than they may be. Delete some or ask for a higher limit.",
    Quota.BYTES: "Your images would take more bytes than they may. Delete some or ask for a higher limit.",
    Quota.VARIANTS_PER_DAY: "These variants are more than what is left of today. Try tomorrow, or make fewer.",
    Quota.OPEN_JOBS: "As many jobs are open as may be at once. Wait until one ends, or cancel one.",
}
OPEN_JOBS_RETRY_S = 30  # a job may end at any moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The limits of a tenant."""

    datasets: int
    images: int
    bytes: int
    variants_per_day: int
    open_jobs: int

    def of(self, quota: Quota) -> int:
        return int(getattr(self, quota.value))


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that has a place: the variants that it may make, and the day from which they were taken."""

    variants: int
    day: str
    since_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageState:
    """What a tenant uses, as its row says; `variants` are those of `day`."""

    datasets: int = 0
    images: int = 0
    bytes: int = 0
    variants: int = 0
    day: str = ""
    jobs: Mapping[str, OpenJob]
    changes: int = 0  # how often the row was written: a recount may only replace what it has seen
    counted_at_s: int = 0  # when it was last compared with what there is

    def used(self, quota: Quota, *, today: str) -> int:
        """How much of a quota is used; never less than nothing."""
        if quota is Quota.OPEN_JOBS:
            return len(self.jobs)
        if quota is Quota.VARIANTS_PER_DAY:
            return max(0, self.variants) if self.day == today else 0
        return max(0, int(getattr(self, quota.value)))


def day_of(now: datetime) -> str:
    """The day, in UTC, to which a moment belongs."""
    return now.astimezone(UTC).date().isoformat()


def day_end(now: datetime) -> datetime:
    """The first moment of the next day in UTC."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)


def exceeded(asked: Mapping[Quota, int], *, state: UsageState, limits: Quotas, now: datetime) -> QuotaExceeded | None:
    """The refusal when what is asked for does not fit beside what is used; None when it does."""
    today = day_of(now)
    over = [quota for quota, count in asked.items() if state.used(quota, today=today) + count > limits.of(quota)]
    if not over:
        return None
    faults = tuple(FieldFault(pointer="", detail=_sum(quota, asked[quota], state, limits, today)) for quota in over)
    return QuotaExceeded(
        message=_WORDS[over[0]], detail=faults[0].detail, faults=faults, retry_after_s=_wait(over[0], now)
    )


def _sum(quota: Quota, asked: int, state: UsageState, limits: Quotas, today: str) -> str:
    return f"{quota}: limit {limits.of(quota)}, used {state.used(quota, today=today)}, asked for {asked}"


def _wait(quota: Quota, now: datetime) -> int | None:
    """When the same call may work without anybody deleting anything."""
    if quota is Quota.VARIANTS_PER_DAY:
        return int((day_end(now) - now).total_seconds()) + 1
    return OPEN_JOBS_RETRY_S if quota is Quota.OPEN_JOBS else None
