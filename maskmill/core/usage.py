"""What a tenant may use and what it uses: the quotas as values and the rules of a day; it knows no storage.

A quota is reserved before work begins, so that it is exceeded before money is spent. Two kinds are told apart: what is
kept (datasets, images and their bytes, open jobs) is given back when it goes, and what is made in a day (variants,
seconds of the segmenter's machines) is forgotten when the day, in UTC, ends.

A machine that a job wakes is paid for while it starts, works and waits for more. The work is the job's own. The rest
is counted by the clock and once: a job is counted for the time by which it prolongs what the tenant was counted for.
So whoever wakes the machine again and again with next to nothing pays for every minute that it is awake.
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
    GPU_SECONDS_PER_DAY = "gpu_seconds_per_day"  # of the segmenter's machines, whether they have a GPU or not
    OPEN_JOBS = "open_jobs"


KEPT = (Quota.DATASETS, Quota.IMAGES, Quota.BYTES)  # what the rows of the datasets add up to
OF_A_DAY = (Quota.VARIANTS_PER_DAY, Quota.GPU_SECONDS_PER_DAY)

_WORDS = {
    Quota.DATASETS: "Your datasets are as many as they may be. Delete one or ask for a higher limit.",
    Quota.IMAGES: "Your images would be more than they may be. Delete some or ask for a higher limit.",
    Quota.BYTES: "Your images would take more bytes than they may. Delete some or ask for a higher limit.",
    Quota.VARIANTS_PER_DAY: "These variants are more than what is left of today. Try tomorrow, or make fewer.",
    Quota.GPU_SECONDS_PER_DAY: "The segmenter has worked for you today for as long as it may. Try tomorrow.",
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
    gpu_seconds_per_day: int
    open_jobs: int

    def of(self, quota: Quota) -> int:
        return int(getattr(self, quota.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineTime:
    """Seconds of the segmenter's machine: those of work, and those for which it is awake around that work."""

    work_s: int = 0
    awake_s: int = 0


NO_MACHINE = MachineTime()


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that has a place: the variants that it may make, and the day from which they were taken.

    `work_s` and `tail_s` were taken of the same day's seconds: for its work, and for keeping the machine awake until
    `awake_until_s`.
    """

    variants: int
    day: str
    since_s: int
    work_s: int = 0
    tail_s: int = 0
    awake_until_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageState:
    """What a tenant uses, as its row says; `variants` and `gpu_s` are those of `day`.

    Until `awake_until_s`, a machine that is awake for the tenant has been counted.
    """

    datasets: int = 0
    images: int = 0
    bytes: int = 0
    variants: int = 0
    gpu_s: int = 0
    awake_until_s: int = 0
    day: str = ""
    jobs: Mapping[str, OpenJob]
    changes: int = 0  # how often the row was written: a recount may only replace what it has seen
    counted_at_s: int = 0  # when it was last compared with what there is

    def used(self, quota: Quota, *, today: str) -> int:
        """How much of a quota is used; never less than nothing."""
        if quota is Quota.OPEN_JOBS:
            return len(self.jobs)
        if quota in OF_A_DAY:
            made = self.variants if quota is Quota.VARIANTS_PER_DAY else self.gpu_s
            return max(0, made) if self.day == today else 0
        return max(0, int(getattr(self, quota.value)))

    def tail_s(self, awake_s: int, *, now_s: int) -> int:
        """By how much a job that keeps the machine awake for `awake_s` prolongs what is counted already."""
        return max(0, now_s + awake_s - max(now_s, self.awake_until_s)) if awake_s else 0


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
    if quota in OF_A_DAY:
        return int((day_end(now) - now).total_seconds()) + 1
    return OPEN_JOBS_RETRY_S if quota is Quota.OPEN_JOBS else None
