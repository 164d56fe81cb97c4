"""Keeping to a tenant's quotas: what is taken before work begins, and given back when it goes; it knows no AWS.

The usage row is a sum that can drift: a function may die between the removal of a thing and the note of it. So the sum
is compared with what there is at the first call of a day and before anybody is refused, at most once a minute: the
rows of the datasets say how many images and bytes each holds, and the rows of the jobs which of them have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from maskmill.core import rows
from maskmill.core.errors import QuotaExceeded, Unavailable
from maskmill.core.limits import CONFLICT_RETRIES_MAX, PAGE_ITEMS_MAX, RECOUNT_S, SUBMISSION_S
from maskmill.core.ports import Table
from maskmill.core.table import Query, Row, RowConflict, Update
from maskmill.core.usage import KEPT, MachineTime, Quota, Quotas, UsageState, day_of, exceeded

DATASETS = "DATASET#"


def read(table: Table, tenant: str, defaults: Quotas) -> tuple[UsageState, Quotas]:
    """What a tenant uses and what it may use."""
    query = Query(pk=rows.tenant_pk(tenant), prefix=rows.USAGE_PREFIX)
    found = {row["sk"]: row for row in table.query(query).rows}
    limits = rows.limits_of(found.get(rows.LIMITS_SK), defaults)
    row = found.get(rows.USAGE_PREFIX)
    return rows.usage_of(_first(table, tenant) if row is None else row), limits


def _first(table: Table, tenant: str) -> Row:
    try:
        return table.write(rows.put_usage(tenant))
    except RowConflict as conflict:
        if conflict.current is None:
            raise
        return conflict.current


def take(
    table: Table,
    tenant: str,
    asked: Mapping[Quota, int],
    *,
    defaults: Quotas,
    now: datetime,
    is_shown: bool = False,
) -> None:
    """Count what is about to be kept; raises QuotaExceeded when it does not fit.

    `is_shown` says that the rows of the datasets show it already, so that a recount must not find it as well.
    """
    taking = _Taking(table, tenant, defaults, now, shown=asked if is_shown else {})
    taking.take(lambda _: asked, lambda _, limits: rows.take(tenant, asked, limits))


def asked_by_job(variants: int, machine: MachineTime, *, seen: UsageState, now: datetime) -> dict[Quota, int]:
    """What a job takes of its tenant's quotas; without any need of the segmenter it is let in on a day without any."""
    tail_s = seen.tail_s(machine.awake_s, now_s=int(now.timestamp()))
    seconds = {Quota.GPU_SECONDS_PER_DAY: machine.work_s + tail_s} if machine.work_s else {}
    return {Quota.OPEN_JOBS: 1, Quota.VARIANTS_PER_DAY: variants, **seconds}


def take_job(
    table: Table, tenant: str, job_id: str, *, variants: int, machine: MachineTime, defaults: Quotas, now: datetime
) -> None:
    """Give a job its place, its variants and its seconds, once however often it is asked for; raises QuotaExceeded."""

    def write(seen: UsageState, limits: Quotas) -> Update | None:
        if job_id in seen.jobs:
            return None
        return rows.take_job(tenant, job_id, variants=variants, machine=machine, seen=seen, limits=limits, now=now)

    taking = _Taking(table, tenant, defaults, now)
    taking.take(lambda seen: asked_by_job(variants, machine, seen=seen, now=now), write)


def take_seconds(table: Table, tenant: str, seconds: int, *, defaults: Quotas, now: datetime) -> None:
    """Count seconds of a machine before it is asked; raises QuotaExceeded."""
    asked = {Quota.GPU_SECONDS_PER_DAY: seconds}
    taking = _Taking(table, tenant, defaults, now)
    taking.take(
        lambda _: asked, lambda seen, limits: rows.take_seconds(tenant, seconds, seen=seen, limits=limits, now=now)
    )


def settle_seconds(table: Table, tenant: str, seconds: int, *, now: datetime) -> None:
    """Correct what was taken at this moment by what it was more, or less; should it be lost, the day is off by it."""
    if not seconds:
        return
    try:
        table.write(rows.settle_seconds(tenant, seconds, day=day_of(now)))
    except RowConflict:
        return  # that day has gone, and its count with it


@dataclass(frozen=True, slots=True)
class _Taking:
    """One call that takes something of a tenant's quotas."""

    table: Table
    tenant: str
    defaults: Quotas
    now: datetime
    shown: Mapping[Quota, int] = field(default_factory=dict)

    def take(
        self, asked: Callable[[UsageState], Mapping[Quota, int]], write: Callable[[UsageState, Quotas], Update | None]
    ) -> None:
        """Perform the write for the usage as it is; nothing where there is none, as what is asked for was given."""
        state, limits = read(self.table, self.tenant, self.defaults)
        if _day_counted(state) != day_of(self.now):
            state = self._recount(state)
        for _ in range(CONFLICT_RETRIES_MAX):
            update = write(state, limits)
            if update is None:
                return
            refusal = exceeded(asked(state), state=state, limits=limits, now=self.now)
            if refusal is not None:
                state = self._in_doubt(state, refusal)
                continue
            try:
                self.table.write(update)
                return
            except RowConflict as conflict:
                if conflict.current is None:
                    raise
                state = rows.usage_of(conflict.current)
        raise Unavailable(detail="the usage row is too busy")

    def _in_doubt(self, state: UsageState, refusal: QuotaExceeded) -> UsageState:
        """The usage compared with what there is; raises the refusal where that was just done."""
        if int(self.now.timestamp()) - state.counted_at_s < RECOUNT_S:
            raise refusal
        return self._recount(state)

    def _recount(self, state: UsageState) -> UsageState:
        return recount(self.table, self.tenant, state, now=self.now, shown=self.shown)


def _day_counted(state: UsageState) -> str:
    return day_of(datetime.fromtimestamp(state.counted_at_s, UTC))


def give_back(table: Table, tenant: str, *, of: str, datasets: int = 0, images: int = 0, size_bytes: int = 0) -> None:
    """Count what has gone with a thing; called once, by whoever removed it. Should it be lost, a recount finds it."""
    gone = {Quota.DATASETS: datasets, Quota.IMAGES: images, Quota.BYTES: size_bytes}
    try:
        table.write(rows.give_back(tenant, {quota: count for quota, count in gone.items() if count}, of=of))
    except RowConflict:
        return  # it was counted just now, or the tenant has no usage row: nothing of it was ever counted


def give_back_job(table: Table, tenant: str, job_id: str, *, made: int | None, worked_s: int | None) -> None:
    """Free the place of a job that has ended, once however often it is asked for.

    `made` is how many variants it made and `worked_s` for how long the segmenter's machine worked for it, None when
    nobody knows.
    """
    row = table.get(rows.usage_key(tenant))
    for _ in range(CONFLICT_RETRIES_MAX):
        seen = None if row is None else rows.usage_of(row)
        if seen is None or job_id not in seen.jobs:
            return
        try:
            table.write(rows.give_back_job(tenant, job_id, seen=seen, made=made, worked_s=worked_s))
            return
        except RowConflict as conflict:
            row = conflict.current
    raise Unavailable(detail="the usage row is too busy")


def recount(table: Table, tenant: str, seen: UsageState, *, now: datetime, shown: Mapping[Quota, int]) -> UsageState:
    """Compare the sum with what there is, less what is `shown` too early; returns the usage as it is afterwards."""
    now_s = int(now.timestamp())
    kept = {quota: -shown.get(quota, 0) for quota in KEPT}
    for row in _datasets(table, tenant):
        if rows.is_given_back(row):
            continue  # it is being removed, and its objects have gone
        kept[Quota.DATASETS] += 1
        kept[Quota.IMAGES] += row.get("images_reserved", 0)
        kept[Quota.BYTES] += row.get("bytes_reserved", 0)
    ended = [job_id for job_id, place in seen.jobs.items() if _is_over(table, tenant, job_id, place.since_s, now_s)]
    try:
        return rows.usage_of(table.write(rows.recount(tenant, seen=seen, kept=kept, ended=ended, now_s=now_s)))
    except RowConflict as conflict:
        if conflict.current is None:
            raise
        return rows.usage_of(conflict.current)


def _is_over(table: Table, tenant: str, job_id: str, since_s: int, now_s: int) -> bool:
    """Whether a job has ended, or was given a place and never came to be."""
    row = table.get(rows.job_key(tenant, job_id))
    if row is None:
        return now_s - since_s > SUBMISSION_S
    return rows.job_of(row).status.is_terminal


def _datasets(table: Table, tenant: str) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = table.query(Query(pk=rows.tenant_pk(tenant), prefix=DATASETS, after=after, limit=PAGE_ITEMS_MAX))
        yield from page.rows
        if page.after is None:
            return
        after = page.after
