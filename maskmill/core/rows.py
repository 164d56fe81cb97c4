"""The schema of the one table: every row's address and every legal change of it, as values; it performs nothing.

    pk                 sk                   row
    T#t                DATASET#d            a dataset
    T#t                JOB#j                a job: its description, its state and flags, which chunks are full
    T#t#D#d            IMAGE#i              an image
    T#t#D#d            TEMPLATE#p           a template
    T#t#J#j            CHUNK#nnnn           the states of up to 25 items and their counters, side by side
    T#t#J#j            RESULT#nnnnnn        what one finished item left behind

The tenant is part of every partition key. A terminal state and its counter change in one write of one row, so that they
cannot disagree whatever is lost, repeated or reordered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maskmill.core import item as items
from maskmill.core import job as jobs
from maskmill.core.image import Dataset, Image, ImageStatus, NormalImage, Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.job import ENDED, Counts, Job, JobStatus
from maskmill.core.plan import Chunk
from maskmill.core.prompt import Template
from maskmill.core.result import ItemResult
from maskmill.core.table import Condition, Key, Op, Path, Put, Row, Update

DUE_PARTITIONS = 4
DUE_UPLOADS = "DUE#uploads"


def due_jobs(number: int) -> str:
    """The partitions of the due index that hold open jobs."""
    return f"DUE#jobs#{number}"


# Datasets, images, templates -------------------------------------------------------------------------------------


def tenant_pk(tenant: str) -> str:
    return f"T#{tenant}"


def dataset_pk(tenant: str, dataset_id: str) -> str:
    return f"T#{tenant}#D#{dataset_id}"


def dataset_key(tenant: str, dataset_id: str) -> Key:
    return Key(tenant_pk(tenant), f"DATASET#{dataset_id}")


def image_key(tenant: str, dataset_id: str, image_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"IMAGE#{image_id}")


def template_key(tenant: str, dataset_id: str, template_id: str) -> Key:
    return Key(dataset_pk(tenant, dataset_id), f"TEMPLATE#{template_id}")


def put_dataset(tenant: str, dataset: Dataset) -> Put:
    return Put(dataset_key(tenant, dataset.dataset_id), {"doc": dataset.model_dump_json()})


def dataset_of(row: Row) -> Dataset:
    return Dataset.model_validate_json(row["doc"])


def reserve(tenant: str, dataset_id: str, *, kind: str, count: int, count_max: int) -> Update:
    """Count new things of a dataset before they are made; refused when there is no dataset or it would hold too many."""
    path = (f"{kind}_reserved",)
    return Update(
        key=dataset_key(tenant, dataset_id),
        add={path: count},
        require=(Condition(path, Op.AT_MOST, count_max - count),),
    )


def put_template(tenant: str, dataset_id: str, template_id: str, template: Template) -> Put:
    row = {"template_id": template_id, "doc": template.model_dump_json()}
    return Put(template_key(tenant, dataset_id, template_id), row)


def template_of(row: Row) -> tuple[str, Template]:
    return row["template_id"], Template.model_validate_json(row["doc"])


def put_image(tenant: str, image: Image, *, due_at_s: int) -> Put:
    """An announced image; it is due when its upload should have arrived."""
    row = {
        "status": image.status.value,
        "doc": image.model_dump_json(include={"image_id", "dataset_id", "name", "upload", "created_at"}),
        "tenant": tenant,
        "due_pk": DUE_UPLOADS,
        "due_at": due_at_s,
    }
    return Put(image_key(tenant, image.dataset_id, image.image_id), row)


def settle_image(
    tenant: str, dataset_id: str, image_id: str, *, normal: NormalImage | None, refusal: Refusal | None
) -> Update:
    """expected → ready (with its normal image) or refused (with the reason); refused once it is settled."""
    status = ImageStatus.READY if normal is not None else ImageStatus.REFUSED
    values: dict[Path, Any] = {("status",): status.value}
    if normal is not None:
        values[("normal",)] = normal.model_dump_json()
    if refusal is not None:
        values[("refusal",)] = refusal.model_dump_json()
    return Update(
        key=image_key(tenant, dataset_id, image_id),
        set=values,
        remove=(("due_pk",), ("due_at",)),
        require=(Condition(("status",), Op.EQUALS, ImageStatus.EXPECTED.value),),
    )


def postpone(key: Key, due_at_s: int) -> Update:
    """Look again later at a row that is still due."""
    return Update(key=key, set={("due_at",): due_at_s}, require=(Condition(("due_pk",), Op.PRESENT),))


def image_of(row: Row) -> Image:
    values = json.loads(row["doc"]) | {"status": row["status"]}
    for name in ("normal", "refusal"):
        if name in row:
            values[name] = json.loads(row[name])
    return Image.model_validate(values)


# Jobs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobState:
    """A job row: the job as submitted and how far it is."""

    tenant: str
    job: Job
    body_hash: str
    status: JobStatus
    planned: bool
    cancel_requested: bool
    chunks_total: int
    items_total: int
    chunks_full: frozenset[str]
    created_at_s: int
    finished_at: str | None
    refusal: Refusal | None
    archive_bytes: int

    @property
    def is_full(self) -> bool:
        """Whether every item of every chunk has ended."""
        return self.planned and len(self.chunks_full) == self.chunks_total


def job_key(tenant: str, job_id: str) -> Key:
    return Key(tenant_pk(tenant), f"JOB#{job_id}")


def recent_jobs_pk(tenant: str) -> str:
    return f"T#{tenant}#JOBS"


def put_job(tenant: str, job: Job, *, body_hash: str, now_s: int, due_at_s: int) -> Put:
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
    return Put(job_key(tenant, job.job_id), row)


def job_of(row: Row) -> JobState:
    return JobState(
        tenant=row["tenant"],
        job=Job.model_validate_json(row["doc"]),
        body_hash=row["body_hash"],
        status=JobStatus(row["status"]),
        planned=row["planned"],
        cancel_requested=row["cancel_requested"],
        chunks_total=row.get("chunks_total", 0),
        items_total=row.get("items_total", 0),
        chunks_full=frozenset(row.get("chunks_full", ())),
        created_at_s=row["created_at_s"],
        finished_at=row.get("finished_at"),
        refusal=Refusal.model_validate_json(row["refusal"]) if "refusal" in row else None,
        archive_bytes=row.get("archive_bytes", 0),
    )


def _enter(target: JobStatus) -> Condition:
    return Condition(("status",), Op.IN, tuple(sorted(source.value for source in jobs.sources_of(target))))


def begin_planning(tenant: str, job_id: str) -> Update:
    return Update(
        key=job_key(tenant, job_id),
        set={("status",): JobStatus.PLANNING.value},
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


def add_full_chunk(tenant: str, job_id: str, number: int) -> Update:
    """A chunk whose items have all ended; adding it again changes nothing."""
    return Update(key=job_key(tenant, job_id), add={("chunks_full",): frozenset({f"{number:04d}"})})


def begin_finishing(tenant: str, job_id: str) -> Update:
    return Update(
        key=job_key(tenant, job_id),
        set={("status",): JobStatus.FINISHING.value},
        require=(_enter(JobStatus.FINISHING),),
    )


def close_job(
    tenant: str,
    job_id: str,
    *,
    status: JobStatus,
    finished_at: datetime,
    refusal: Refusal | None = None,
    archive_bytes: int = 0,
) -> Update:
    """Ends a job; refused once it has ended, whatever its state was."""
    values: dict[Path, Any] = {
        ("status",): status.value,
        ("finished_at",): finished_at.isoformat(),
        ("archive_bytes",): archive_bytes,
    }
    if refusal is not None:
        values[("refusal",)] = refusal.model_dump_json()
    return Update(key=job_key(tenant, job_id), set=values, remove=(("due_pk",), ("due_at",)), require=(_is_open(),))


def request_cancel(tenant: str, job_id: str) -> Update:
    return Update(key=job_key(tenant, job_id), set={("cancel_requested",): True}, require=(_is_open(),))


def _is_open() -> Condition:
    still_open = sorted(status.value for status in JobStatus if status not in ENDED)
    return Condition(("status",), Op.IN, tuple(still_open))


# Chunks and items ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemState:
    """How far an item is. Times are seconds since 1970.

    `request_id` is the attempt that is or was in flight, `lease_until_s` its deadline; it was really handed to the
    endpoint once `is_invoked`.
    """

    status: ItemStatus
    attempt: int = 0
    changed_at_s: int = 0
    request_id: str | None = None
    lease_until_s: int = 0
    is_invoked: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class ChunkState:
    """A chunk row: its items by their number in the job, and where the endpoint said its answers would be."""

    number: int
    items: Mapping[int, ItemState]
    ended: int
    answers: Mapping[str, tuple[str, str | None]]  # request id → (answer, failure) as s3:// addresses

    @property
    def is_full(self) -> bool:
        return self.ended == len(self.items)

    @property
    def counts(self) -> Counts:
        return jobs.count(item.status for item in self.items.values())


def job_pk(tenant: str, job_id: str) -> str:
    return f"T#{tenant}#J#{job_id}"


CHUNK_PREFIX = "CHUNK#"
RESULT_PREFIX = "RESULT#"


def chunk_key(tenant: str, job_id: str, number: int) -> Key:
    return Key(job_pk(tenant, job_id), f"{CHUNK_PREFIX}{number:04d}")


def put_chunk(tenant: str, job_id: str, chunk: Chunk, *, now_s: int) -> Put:
    """A chunk as planned: refused images have failed from the start, all others are pending."""
    states = {str(item.index): _first_state(item.refusal, now_s) for item in chunk.items}
    failed = sum(item.refusal is not None for item in chunk.items)
    row = {"number": chunk.number, "items": states, "ended": failed, "answers": {}}
    return Put(chunk_key(tenant, job_id, chunk.number), row)


def _first_state(refusal: Refusal | None, now_s: int) -> dict[str, Any]:
    if refusal is None:
        return {"s": ItemStatus.PENDING.value, "a": 0, "t": now_s}
    return {"s": ItemStatus.FAILED.value, "a": 0, "t": now_s, "e": refusal.model_dump_json()}


def chunk_of(row: Row) -> ChunkState:
    return ChunkState(
        number=row["number"],
        items={int(index): _item_of(entry) for index, entry in sorted(row["items"].items(), key=_by_index)},
        ended=row["ended"],
        answers={request: (where["ok"], where.get("failed")) for request, where in row["answers"].items()},
    )


def _by_index(entry: tuple[str, Any]) -> int:
    return int(entry[0])


def _item_of(entry: Mapping[str, Any]) -> ItemState:
    return ItemState(
        status=ItemStatus(entry["s"]),
        attempt=entry["a"],
        changed_at_s=entry["t"],
        request_id=entry.get("r"),
        lease_until_s=entry.get("u", 0),
        is_invoked=entry.get("i", False),
        refusal=Refusal.model_validate_json(entry["e"]) if "e" in entry else None,
    )


def _at(index: int, name: str) -> Path:
    return ("items", str(index), name)


def _enter_item(index: int, target: ItemStatus) -> Condition:
    sources = tuple(sorted(source.value for source in items.sources_of(target)))
    return Condition(_at(index, "s"), Op.IN, sources)


def lease_items(
    tenant: str,
    job_id: str,
    number: int,
    *,
    indices: Iterable[int],
    seen: Mapping[int, ItemState],
    attempt: int,
    request_id: str,
    now_s: int,
    lease_until_s: int,
) -> Update:
    """Takes items for one attempt at their masks, all or none; refused when any changed since it was `seen`."""
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index in indices:
        values |= {
            _at(index, "s"): ItemStatus.SEGMENTING.value,
            _at(index, "a"): attempt,
            _at(index, "t"): now_s,
            _at(index, "r"): request_id,
            _at(index, "u"): lease_until_s,
            _at(index, "i"): False,
        }
        require += [
            _enter_item(index, ItemStatus.SEGMENTING),
            Condition(_at(index, "a"), Op.EQUALS, seen[index].attempt),
            Condition(_at(index, "u"), Op.AT_MOST, now_s),
        ]
    return Update(chunk_key(tenant, job_id, number), set=values, require=tuple(require))


def mark_invoked(
    tenant: str, job_id: str, number: int, *, indices: Iterable[int], request_id: str, answer: str, failure: str | None
) -> Update:
    """The endpoint took the request and said where its answer will be; refused when another attempt took over."""
    where = {"ok": answer} if failure is None else {"ok": answer, "failed": failure}
    values: dict[Path, Any] = {("answers", request_id): where}
    require: list[Condition] = []
    for index in indices:
        values[_at(index, "i")] = True
        require.append(Condition(_at(index, "r"), Op.EQUALS, request_id))
    return Update(chunk_key(tenant, job_id, number), set=values, require=tuple(require))


def release_item(tenant: str, job_id: str, number: int, index: int, *, request_id: str) -> Update:
    """Ends the lease of a failed attempt, so that the next one may start at once."""
    return Update(
        chunk_key(tenant, job_id, number),
        set={_at(index, "u"): 0},
        require=(
            Condition(_at(index, "s"), Op.EQUALS, ItemStatus.SEGMENTING.value),
            Condition(_at(index, "r"), Op.EQUALS, request_id),
        ),
    )


def start_rendering(tenant: str, job_id: str, number: int, *, indices: Iterable[int], now_s: int) -> Update:
    """All masks of these items are known; all or none."""
    values: dict[Path, Any] = {}
    require: list[Condition] = []
    for index in indices:
        values |= {_at(index, "s"): ItemStatus.RENDERING.value, _at(index, "t"): now_s}
        require.append(_enter_item(index, ItemStatus.RENDERING))
    return Update(chunk_key(tenant, job_id, number), set=values, require=tuple(require))


def end_item(
    tenant: str,
    job_id: str,
    number: int,
    index: int,
    *,
    status: ItemStatus,
    now_s: int,
    refusal: Refusal | None = None,
    request_id: str | None = None,
) -> Update:
    """The one write that makes an item terminal, with its counter; refused once it is.

    With `request_id`, refused also when another attempt has taken over: an old attempt's error never ends a new one.
    """
    values: dict[Path, Any] = {_at(index, "s"): status.value, _at(index, "t"): now_s}
    if refusal is not None:
        values[_at(index, "e")] = refusal.model_dump_json()
    require = [_enter_item(index, status)]
    if request_id is not None:
        require.append(Condition(_at(index, "r"), Op.EQUALS, request_id))
    return Update(chunk_key(tenant, job_id, number), set=values, add={("ended",): 1}, require=tuple(require))


# Results ---------------------------------------------------------------------------------------------------------


def result_key(tenant: str, job_id: str, index: int) -> Key:
    return Key(job_pk(tenant, job_id), f"{RESULT_PREFIX}{index:06d}")


def put_result(tenant: str, job_id: str, result: ItemResult) -> Put:
    return Put(result_key(tenant, job_id, result.index), {"doc": result.model_dump_json()})


def result_of(row: Row) -> ItemResult:
    return ItemResult.model_validate_json(row["doc"])
