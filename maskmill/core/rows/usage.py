"""The row that counts what a tenant uses, and the row with which an administrator changes its limits.

    T#t                  USAGE                what the tenant uses; changed by conditional writes alone
    T#t                  USAGE#LIMITS         limits of this tenant's own, any of them; no function writes it

A job's place, the variants that it may make and the seconds of the segmenter's machine that it may take are taken in
one write that asks for the job to have none, and given back in one write that asks for it to have one, so that neither
happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Key, Op, Path, Put, Row, Update
from maskmill.core.usage import KEPT, MachineTime, OpenJob, Quota, Quotas, UsageState, day_of

USAGE_PREFIX = "USAGE"
LIMITS_SK = f"{USAGE_PREFIX}#LIMITS"


def usage_key(tenant: str) -> Key:
    return Key(tenant_pk(tenant), USAGE_PREFIX)


def limits_key(tenant: str) -> Key:
    return Key(tenant_pk(tenant), LIMITS_SK)


def put_usage(tenant: str) -> Put:
    """A tenant that uses nothing yet."""
    counts = {"datasets": 0, "images": 0, "bytes": 0, "variants": 0, "gpu_s": 0, "awake_until_s": 0, "open_jobs": 0}
    return Put(usage_key(tenant), {**counts, "day": "", "jobs": {}, "changes": 0})


def usage_of(row: Row) -> UsageState:
    return UsageState(
        datasets=row["datasets"],
        images=row["images"],
        bytes=row["bytes"],
        variants=row["variants"],
        gpu_s=row.get("gpu_s", 0),
        awake_until_s=row.get("awake_until_s", 0),
        day=row["day"],
        jobs={job_id: _place_of(entry) for job_id, entry in row["jobs"].items()},
        changes=row["changes"],
        counted_at_s=row.get("counted_at_s", 0),
    )


def _place_of(entry: Mapping[str, Any]) -> OpenJob:
    machine = (entry.get("g", 0), entry.get("w", 0), entry.get("u", 0))
    return OpenJob(entry["n"], entry["d"], entry["t"], *machine)


def limits_of(row: Row | None, defaults: Quotas) -> Quotas:
    """The limits of a tenant: its own where the administrator's row names them, else the stage's."""
    own = {field.name: int(row[field.name]) for field in fields(defaults) if row is not None and field.name in row}
    return replace(defaults, **own)


def take(tenant: str, asked: Mapping[Quota, int], limits: Quotas) -> Update:
    """Counts what is about to be kept; refused when it does not fit."""
    return Update(
        key=usage_key(tenant),
        add={**_amounts(asked), ("changes",): 1},
        require=tuple(
            Condition((quota.value,), Op.AT_MOST, limits.of(quota) - count) for quota, count in asked.items()
        ),
    )


def give_back(tenant: str, gone: Mapping[Quota, int], *, of: str) -> Update:
    """Counts what has gone with this thing: whoever removed it, and nobody else, gives it back.

    Refused when it is the thing that was given back last, which is what an SDK meets that repeats its call.
    """
    return Update(
        key=usage_key(tenant),
        set={("given_back",): of},
        add={**_amounts({quota: -count for quota, count in gone.items()}), ("changes",): 1},
        require=(Condition(("given_back",), Op.DIFFERS, of),),
    )


def _amounts(amounts: Mapping[Quota, int]) -> dict[Path, int | frozenset[str]]:
    strangers = amounts.keys() - set(KEPT)
    if strangers:
        raise ValueError(f"not counted this way: {sorted(strangers)}")
    return {(quota.value,): count for quota, count in amounts.items()}


def take_job(
    tenant: str, job_id: str, *, variants: int, machine: MachineTime, seen: UsageState, limits: Quotas, now: datetime
) -> Update:
    """Gives a job its place, its variants and its seconds; refused when it has them, or when one does not fit."""
    day, now_s = day_of(now), int(now.timestamp())
    tail_s = seen.tail_s(machine.awake_s, now_s=now_s)
    awake_until_s = max(seen.awake_until_s, now_s + machine.awake_s) if machine.awake_s else seen.awake_until_s
    place = {"n": variants, "d": day, "t": now_s, "g": machine.work_s, "w": tail_s, "u": awake_until_s}
    taken = _of_a_day(seen, limits, day=day, variants=variants, gpu_s=machine.work_s + tail_s)
    return Update(
        key=usage_key(tenant),
        set={**taken.set, ("jobs", job_id): place, ("awake_until_s",): awake_until_s},
        add={**taken.add, ("open_jobs",): 1, ("changes",): 1},
        require=(
            Condition(("jobs", job_id), Op.ABSENT),
            Condition(("open_jobs",), Op.AT_MOST, limits.open_jobs - 1),
            _is_awake_until(seen),
            *taken.require,
        ),
    )


def take_seconds(tenant: str, seconds: int, *, seen: UsageState, limits: Quotas, now: datetime) -> Update:
    """Counts seconds of a machine that somebody waits for; refused when they do not fit."""
    taken = _of_a_day(seen, limits, day=day_of(now), variants=0, gpu_s=seconds)
    return Update(usage_key(tenant), set=taken.set, add={**taken.add, ("changes",): 1}, require=taken.require)


def settle_seconds(tenant: str, seconds: int, *, day: str) -> Update:
    """Adds to what was counted for a day, or takes from it; refused when that day has gone."""
    return Update(
        key=usage_key(tenant),
        add={("gpu_s",): seconds, ("changes",): 1},
        require=(Condition(("day",), Op.EQUALS, day),),
    )


class _Taken(NamedTuple):
    """A part of a write."""

    set: dict[Path, Any]
    add: dict[Path, int | frozenset[str]]
    require: tuple[Condition, ...]


def _of_a_day(seen: UsageState, limits: Quotas, *, day: str, variants: int, gpu_s: int) -> _Taken:
    """The change of what is counted by the day; a new day begins with nothing."""
    is_same_day = Condition(("day",), Op.EQUALS, seen.day)
    if seen.day != day:
        return _Taken({("day",): day, ("variants",): variants, ("gpu_s",): gpu_s}, {}, (is_same_day,))
    bounds = {"variants": (variants, limits.variants_per_day), "gpu_s": (gpu_s, limits.gpu_seconds_per_day)}
    fits = (Condition((name,), Op.AT_MOST, most - count) for name, (count, most) in bounds.items() if count)
    return _Taken({}, {(name,): count for name, (count, _) in bounds.items()}, (is_same_day, *fits))


def _is_awake_until(seen: UsageState) -> Condition:
    op = Op.EQUALS if seen.awake_until_s else Op.AT_MOST  # a row that nobody counted seconds in has no such number
    return Condition(("awake_until_s",), op, seen.awake_until_s)


def give_back_job(tenant: str, job_id: str, *, seen: UsageState, made: int | None, worked_s: int | None) -> Update:
    """Frees the place of a job that has ended; refused when it has none.

    What it did not make of its variants is given back to their day (None: nobody knows, so all of them count as made).
    Of its seconds, `worked_s` are counted instead of those that were taken. A job that asked the machine for nothing
    did not keep it awake, and gives that back, too, unless others count on it: who they are may change until the write.
    """
    place = seen.jobs[job_id]
    is_today = place.day == seen.day
    unmade = 0 if made is None or not is_today else max(0, place.variants - made)
    more_s = 0 if worked_s is None or not is_today else worked_s - place.work_s
    is_unused = worked_s == 0 and is_today
    tail_s = place.tail_s if is_unused and place.awake_until_s == seen.awake_until_s else 0
    return Update(
        key=usage_key(tenant),
        set={("awake_until_s",): place.awake_until_s - tail_s} if tail_s else {},
        add={("open_jobs",): -1, ("variants",): -unmade, ("gpu_s",): more_s - tail_s, ("changes",): 1},
        remove=(("jobs", job_id),),
        require=(
            Condition(("jobs", job_id), Op.PRESENT),
            Condition(("day",), Op.EQUALS, seen.day),
            *([_is_awake_until(seen)] if is_unused else []),
        ),
    )


def recount(tenant: str, *, seen: UsageState, kept: Mapping[Quota, int], ended: Iterable[str], now_s: int) -> Update:
    """Replaces the counts by what there is and drops the jobs that have ended; refused when anything changed since."""
    gone = tuple(sorted(ended))
    return Update(
        key=usage_key(tenant),
        set={
            **{(quota.value,): kept[quota] for quota in KEPT},
            ("open_jobs",): len(seen.jobs) - len(gone),
            ("counted_at_s",): now_s,
        },
        add={("changes",): 1},
        remove=tuple(("jobs", job_id) for job_id in gone),
        require=(Condition(("changes",), Op.EQUALS, seen.changes),),
    )
