"""The rows by which everything of a dataset is found again, and those by which it is removed.

    T#t#D#d            JOBREF#j             a job of the dataset, written before the job's own row
    T#t#D#d            GONE#i               an image that was removed and whose objects go as soon as no job needs them
    T#t#X#pixels       REF#d#i#             an image that shows these pixels: while there is one, their objects stay
    T#t#X#pixels       LOCK                 somebody removes the objects of these pixels

A dataset's own row says how far its removal is.
"""

from __future__ import annotations

from typing import Any

from maskmill.core.job import Job
from maskmill.core.rows.jobs import job_key
from maskmill.core.rows.library import dataset_pk
from maskmill.core.table import Key, Put, Update

DUE_GONE = "DUE#gone"  # removed images whose objects are still there
IMAGE_PREFIX = "IMAGE#"
GONE_PREFIX = "GONE#"
DATASET_JOB_PREFIX = "JOBREF#"
REFERENCE_PREFIX = "REF#"
LOCK_KEPT_S = 24 * 60 * 60


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


def note_job_ended(tenant: str, dataset_id: str, job_id: str) -> Update:
    """Whoever waits for the jobs of the dataset need not look at this one again."""
    return Update(dataset_job_key(tenant, dataset_id, job_id), set={("ended",): True})


def abandon_job(tenant: str, job_id: str, *, is_open: bool) -> Update:
    """Nothing more is made for a job whose dataset is being removed; an open one ends."""
    values: dict[tuple[str, ...], Any] = {("abandoned",): True}
    if is_open:
        values[("cancel_requested",)] = True
    return Update(job_key(tenant, job_id), set=values)
