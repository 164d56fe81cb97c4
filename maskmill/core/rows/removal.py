"""The rows by which everything of a dataset is found again, and how far its removal is.

    T#t#D#d            JOBREF#j             a job of the dataset, written before the job's own row

The dataset's own row says how far its removal is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maskmill.core.job import Job
from maskmill.core.rows.jobs import job_key
from maskmill.core.rows.library import DUE_DATASETS, dataset_key, dataset_pk, is_kept
from maskmill.core.table import Condition, Delete, Key, Op, Put, Row, Update

DATASET_JOB_PREFIX = "JOBREF#"


# The jobs of a dataset ------------------------------------------------------------------------------------------------


def recent_dataset_jobs_pk(tenant: str, dataset_id: str) -> str:
    return f"{dataset_pk(tenant, dataset_id)}#JOBS"


def dataset_job_key(tenant: str, dataset_id: str, job_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"{DATASET_JOB_PREFIX}{job_id}")


def put_dataset_job(tenant: str, job: Job) -> Put:
    """Written before the job's own row, so that there is no job that its dataset does not know.

    It may name a job that never came to be, or that belongs to another dataset: of two calls with one key for two
    datasets, both write this row, and one of them the job.
    """
    row = {
        "job_id": job.job_id,
        "created_at_s": int(job.created_at.timestamp()),
        "recent_pk": recent_dataset_jobs_pk(tenant, job.dataset_id),
        "recent_at": f"{job.created_at.isoformat()}#{job.job_id}",
    }
    return Put(dataset_job_key(tenant, job.dataset_id, job.job_id), row)


def note_job_ended(tenant: str, dataset_id: str, job_id: str, *, abandoned: bool) -> Update:
    """Whoever waits for the jobs of the dataset, to remove an image or all of it, need not look at this one again."""
    values: dict[tuple[str, ...], Any] = {("ended",): True}
    if abandoned:
        values[("abandoned",)] = True
    return Update(dataset_job_key(tenant, dataset_id, job_id), set=values)


def abandon_job(tenant: str, job_id: str, *, is_open: bool) -> Update:
    """Nothing more is made for a job whose dataset is being removed; an open one ends."""
    values: dict[tuple[str, ...], Any] = {("abandoned",): True}
    if is_open:
        values[("cancel_requested",)] = True
    return Update(job_key(tenant, job_id), set=values)


# The removal of a dataset ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemovalState:
    """A dataset that is being removed, and how far it is. Times are seconds since 1970.

    It is gone through twice: at first for its objects alone, and once nobody can be left who writes any more
    (`last_look_s`) again, with its rows.
    """

    tenant: str
    dataset_id: str
    run: str | None  # the name of the run that is or was at it
    run_until_s: int
    done_until: str | None  # the sort key up to which the first look has come
    last_look_s: int  # when the last look may begin; 0 until the first is over
    released: frozenset[str]  # images that were removed before, and no longer count

    @property
    def is_last_look(self) -> bool:
        return self.last_look_s > 0


def removal_of(row: Row) -> RemovalState | None:
    """The removal of a dataset; None while nobody has asked for it."""
    if "deleted_at_s" not in row:
        return None
    return RemovalState(
        tenant=row["tenant"],
        dataset_id=row["dataset_id"],
        run=row.get("run"),
        run_until_s=row.get("run_until_s", 0),
        done_until=row.get("done_until"),
        last_look_s=row.get("last_look_s", 0),
        released=frozenset(row.get("gone", ())),
    )


def is_given_back(row: Row) -> bool:
    """Whether a dataset no longer counts against its tenant's quotas: its objects have been removed."""
    return bool(row.get("is_given_back", False))


def begin_removal(tenant: str, dataset_id: str, *, now_s: int, due_at_s: int) -> Update:
    """From here on the dataset looks as if it were gone; refused when that is so already."""
    return Update(
        dataset_key(tenant, dataset_id),
        set={("deleted_at_s",): now_s, ("due_pk",): DUE_DATASETS, ("due_at",): due_at_s},
        require=(is_kept(),),
    )


def begin_expiry(tenant: str, dataset_id: str, *, now_s: int, due_at_s: int) -> Update:
    """The same for a dataset that has expired; refused when it was given more time meanwhile."""
    update = begin_removal(tenant, dataset_id, now_s=now_s, due_at_s=due_at_s)
    expired = (Condition(("expiry_s",), Op.PRESENT), Condition(("expiry_s",), Op.AT_MOST, now_s))
    return Update(update.key, set=update.set, require=(*update.require, *expired))


def claim_removal(tenant: str, dataset_id: str, *, run: str, now_s: int, until_s: int) -> Update:
    """Takes the removal for one run; refused while another may still be at it."""
    return Update(
        dataset_key(tenant, dataset_id),
        set={("run",): run, ("run_until_s",): until_s, ("due_at",): until_s},
        require=(Condition(("deleted_at_s",), Op.PRESENT), Condition(("run_until_s",), Op.AT_MOST, now_s)),
    )


def pause_removal(tenant: str, dataset_id: str, *, run: str, done_until: str | None, due_at_s: int) -> Update:
    """Ends a run that leaves something to the next one; `done_until` is how far the first look has come."""
    values: dict[tuple[str, ...], Any] = {("run_until_s",): 0, ("due_at",): due_at_s}
    if done_until is not None:
        values[("done_until",)] = done_until
    return Update(dataset_key(tenant, dataset_id), set=values, require=(_is_run(run),))


def restart_removal(tenant: str, dataset_id: str, *, run: str, due_at_s: int) -> Update:
    """Ends a run that has found somebody who still writes: everything is looked at again, and then once more."""
    return Update(
        dataset_key(tenant, dataset_id),
        set={("run_until_s",): 0, ("due_at",): due_at_s},
        remove=(("done_until",), ("last_look_s",)),
        require=(_is_run(run),),
    )


def end_first_look(tenant: str, dataset_id: str, *, run: str, last_look_s: int) -> Update:
    """Ends a run that has removed the last object."""
    return Update(
        dataset_key(tenant, dataset_id),
        set={("run_until_s",): 0, ("last_look_s",): last_look_s, ("due_at",): last_look_s},
        remove=(("done_until",),),
        require=(_is_run(run),),
    )


def note_given_back(tenant: str, dataset_id: str) -> Update:
    """Refused for all but the one who gives back what the dataset took of its tenant's quotas."""
    path = ("is_given_back",)
    return Update(dataset_key(tenant, dataset_id), set={path: True}, require=(Condition(path, Op.ABSENT),))


def drop_dataset(tenant: str, dataset_id: str, *, run: str) -> Delete:
    """The end of a removal."""
    return Delete(dataset_key(tenant, dataset_id), require=(_is_run(run),))


def _is_run(run: str) -> Condition:
    return Condition(("run",), Op.EQUALS, run)
