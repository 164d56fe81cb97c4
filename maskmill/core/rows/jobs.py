"""The rows of jobs: what was submitted, how far it is, and which of its chunks are full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from maskmill.core import job as jobs
from maskmill.core.bill import Estimate
from maskmill.core.image import Refusal
from maskmill.core.job import ENDED, Counts, Job, JobStatus
from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Key, Op, Path, Put, Row, Update
from maskmill.core.work import Work

DUE_PARTITIONS = 4


def due_jobs(number: int) -> str:
    """The partitions of the due index that hold open jobs."""
    return f"DUE#jobs#{number}"


@dataclass(frozen=True, slots=True)
class JobState:
    """A job row: the job as submitted and how far it is."""

    tenant: str
    job: Job
    body_hash: str
    status: JobStatus
    planned: bool
    cancel_requested: bool
    abandoned: bool  # its dataset is being removed: nothing more is made for it
    chunks_total: int
    items_total: int
    chunks_full: frozenset[str]
    window_shards: int | None  # how many of its chunks may be in the segmenter at once; None: all
    created_at_s: int
    finished_at: str | None
    refusal: Refusal | None
    dataset_bytes: int
    finish_until_s: int  # the deadline of the run that is finishing the job; 0 before the first
    finish_run: str | None  # the name of that run, by which it knows its own claim
    counts: Counts | None  # of an ended job whose items were counted when it ended
    retried_by: frozenset[str]  # jobs that took up this one's plan
    estimate: Estimate | None  # as it was when the job was submitted
    work: Work | None  # of an ended job

    @property
    def is_full(self) -> bool:
        """Whether every item of every chunk has ended."""
        return self.planned and len(self.chunks_full) == self.chunks_total


JOB_PREFIX = "JOB#"


def job_key(tenant: str, job_id: str) -> Key:
    return Key(tenant_pk(tenant), f"{JOB_PREFIX}{job_id}")


def recent_jobs_pk(tenant: str) -> str:
    return f"T#{tenant}#JOBS"


def put_job(
    tenant: str, job: Job, *, body_hash: str, now_s: int, due_at_s: int, estimate: Estimate | None = None
) -> Put:
    row = {
        "tenant": tenant,
        "job_id": job.job_id,
        "doc": job.model_dump_json(),
        "body_hash": body_hash,
        "status": JobStatus.ACCEPTED.value,
        "planned": False,
        "cancel_requested": False,
        "created_at_s": now_s,
        "due_pk": due_jobs(int(job.job_id[1:9], 16) % DUE_PARTITIONS),
        "due_at": due_at_s,
        "recent_pk": recent_jobs_pk(tenant),
        "recent_at": f"{job.created_at.isoformat()}#{job.job_id}",
    }
    if estimate is not None:
        row["estimate"] = estimate.model_dump_json()
    return Put(job_key(tenant, job.job_id), row)


# A process meets the same job again and again, and none of these texts ever changes. Few descriptions are kept: with
# prompts of its own for every image, one may take megabytes.
_described = lru_cache(maxsize=16)(Job.stored)
_counted = lru_cache(maxsize=64)(Counts.stored)
_estimated = lru_cache(maxsize=64)(Estimate.stored)
_worked = lru_cache(maxsize=64)(Work.stored)


def job_of(row: Row) -> JobState:
    return JobState(
        tenant=row["tenant"],
        job=_described(row["doc"]),
        body_hash=row["body_hash"],
        status=JobStatus(row["status"]),
        planned=row["planned"],
        cancel_requested=row["cancel_requested"],
        abandoned=row.get("abandoned", False),
        chunks_total=row.get("chunks_total", 0),
        items_total=row.get("items_total", 0),
        chunks_full=frozenset(row.get("chunks_full", ())),
        window_shards=row.get("window_shards"),
        created_at_s=row["created_at_s"],
        finished_at=row.get("finished_at"),
        refusal=Refusal.stored(row["refusal"]) if "refusal" in row else None,
        dataset_bytes=row.get("dataset_bytes", row.get("archive_bytes", 0)),  # as it was called once
        finish_until_s=row.get("finish_until_s", 0),
        finish_run=row.get("finish_run"),
        counts=_counted(row["counts"]) if "counts" in row else None,
        retried_by=frozenset(row.get("retried_by", ())),
        estimate=_estimated(row["estimate"]) if "estimate" in row else None,
        work=_worked(row["work"]) if "work" in row else None,
    )


def _enter(target: JobStatus) -> Condition:
    return Condition(("status",), Op.IN, tuple(sorted(source.value for source in jobs.sources_of(target))))


def begin_planning(tenant: str, job_id: str, *, window_shards: int | None = None) -> Update:
    """Takes a job into planning; from now on at most `window_shards` of its chunks are in the segmenter at once."""
    window: dict[Path, Any] = {} if window_shards is None else {("window_shards",): window_shards}
    return Update(
        key=job_key(tenant, job_id),
        set={("status",): JobStatus.PLANNING.value, **window},
        require=(_enter(JobStatus.PLANNING),),
    )


def mark_planned(tenant: str, job_id: str, *, chunks_total: int, items_total: int) -> Update:
    return Update(
        key=job_key(tenant, job_id),
        set={
            ("status",): JobStatus.RUNNING.value,
            ("planned",): True,
            ("chunks_total",): chunks_total,
            ("items_total",): items_total,
        },
        require=(_enter(JobStatus.RUNNING),),
    )


def note_retry(tenant: str, job_id: str, retry_id: str) -> Update:
    """Another job takes up this one's plan; noting it again changes nothing."""
    return Update(key=job_key(tenant, job_id), add={("retried_by",): frozenset({retry_id})})


def add_full_chunk(tenant: str, job_id: str, number: int) -> Update:
    """A chunk whose items have all ended; adding it again changes nothing."""
    return Update(key=job_key(tenant, job_id), add={("chunks_full",): frozenset({f"{number:04d}"})})


def begin_finishing(tenant: str, job_id: str, *, run: str, now_s: int, until_s: int) -> Update:
    """Takes the job for one run that writes its dataset; refused while another run may still be at it."""
    ready = tuple(sorted(source.value for source in {JobStatus.FINISHING, *jobs.sources_of(JobStatus.FINISHING)}))
    return Update(
        key=job_key(tenant, job_id),
        set={("status",): JobStatus.FINISHING.value, ("finish_until_s",): until_s, ("finish_run",): run},
        require=(Condition(("status",), Op.IN, ready), Condition(("finish_until_s",), Op.AT_MOST, now_s)),
    )


def close_job(
    tenant: str,
    job_id: str,
    *,
    status: JobStatus,
    finished_at: datetime,
    refusal: Refusal | None = None,
    dataset_bytes: int = 0,
    counts: Counts | None = None,
    work: Work | None = None,
) -> Update:
    """Ends a job; refused once it has ended, whatever its state was."""
    values: dict[Path, Any] = {
        ("status",): status.value,
        ("finished_at",): finished_at.isoformat(),
        ("dataset_bytes",): dataset_bytes,
    }
    if refusal is not None:
        values[("refusal",)] = refusal.model_dump_json()
    if counts is not None:
        values[("counts",)] = counts.model_dump_json()
    if work is not None:
        values[("work",)] = work.model_dump_json()
    return Update(key=job_key(tenant, job_id), set=values, remove=(("due_pk",), ("due_at",)), require=(_is_open(),))


def request_cancel(tenant: str, job_id: str) -> Update:
    return Update(key=job_key(tenant, job_id), set={("cancel_requested",): True}, require=(_is_open(),))


def _is_open() -> Condition:
    still_open = sorted(status.value for status in JobStatus if status not in ENDED)
    return Condition(("status",), Op.IN, tuple(still_open))
