"""The row that counts what a tenant uses, and the row with which an administrator changes its limits.

    T#t                  USAGE                what the tenant uses; changed by conditional writes alone
    T#t                  USAGE#LIMITS         limits of this tenant's own, any of them; no function writes it

A job's place and the variants that it may make are taken in one write that asks for the job to have none, and given
back in one write that asks for it to have one, so that neither happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Key, Op, Path, Put, Row, Update
from maskmill.core.usage import KEPT, OpenJob, Quota, Quotas, UsageState

USAGE_PREFIX = "USAGE"
LIMITS_SK = f"{USAGE_PREFIX}#LIMITS"


def usage_key(tenant: str) -> Key:
    return Key(tenant_pk(tenant), USAGE_PREFIX)


def limits_key(tenant: str) -> Key:
    return Key(tenant_pk(tenant), LIMITS_SK)


def put_usage(tenant: str) -> Put:
    """A tenant that uses nothing yet."""
    row = {"datasets": 0, "images": 0, "bytes": 0, "variants": 0, "day": "", "open_jobs": 0, "jobs": {}, "changes": 0}
    return Put(usage_key(tenant), row)


def usage_of(row: Row) -> UsageState:
    return UsageState(
        datasets=row["datasets"],
        images=row["images"],
        bytes=row["bytes"],
        variants=row["variants"],
        day=row["day"],
        jobs={job_id: OpenJob(entry["n"], entry["d"], entry["t"]) for job_id, entry in row["jobs"].items()},
        changes=row["changes"],
        counted_at_s=row.get("counted_at_s", 0),
    )


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
    tenant: str, job_id: str, *, variants: int, seen: UsageState, limits: Quotas, day: str, now_s: int
) -> Update:
    """Gives a job its place and its variants; refused when it has them, or when either does not fit."""
    is_new_day = seen.day != day
    place = {"n": variants, "d": day, "t": now_s}
    require = [
        Condition(("jobs", job_id), Op.ABSENT),
        Condition(("open_jobs",), Op.AT_MOST, limits.open_jobs - 1),
        Condition(("day",), Op.EQUALS, seen.day),
    ]
    if is_new_day:
        return Update(
            key=usage_key(tenant),
            set={("jobs", job_id): place, ("day",): day, ("variants",): variants},
            add={("open_jobs",): 1, ("changes",): 1},
            require=tuple(require),
        )
    return Update(
        key=usage_key(tenant),
        set={("jobs", job_id): place},
        add={("open_jobs",): 1, ("variants",): variants, ("changes",): 1},
        require=(*require, Condition(("variants",), Op.AT_MOST, limits.variants_per_day - variants)),
    )


def give_back_job(tenant: str, job_id: str, *, seen: UsageState, made: int | None) -> Update:
    """Frees the place of a job that has ended; refused when it has none.

    What it did not make of its variants is given back to their day (None: nobody knows, so all of them count as made).
    """
    place = seen.jobs[job_id]
    unmade = 0 if made is None or place.day != seen.day else max(0, place.variants - made)
    return Update(
        key=usage_key(tenant),
        add={("open_jobs",): -1, ("variants",): -unmade, ("changes",): 1},
        remove=(("jobs", job_id),),
        require=(Condition(("jobs", job_id), Op.PRESENT), Condition(("day",), Op.EQUALS, seen.day)),
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
