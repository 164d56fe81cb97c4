"""What must hold at every commit and at rest, whatever is lost, repeated, reordered, delayed or killed half-way."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lambdas import records
from maskmill.core import item as items
from maskmill.core import job as jobs
from maskmill.core import keys, rows
from maskmill.core.errors import Code
from maskmill.core.export import ExportFormat, ExportPart, ExportStatus
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.core.messages import DeliverWebhook, IngestUpload, RemoveDataset, RemoveImage
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.rows import ChunkState, ItemState, JobState
from maskmill.core.shard import ShardRequest
from maskmill.core.table import Key, Row
from tests.simulation.cloud import MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.facts import faults_at_commit, faults_at_rest
from tests.simulation.stand_ins import word_of
from tests.simulation.users import User
from tests.simulation.world import World

OPEN_S_MAX = (
    6 * 3600
)  # a callback may be three hours late; a job that is open for longer was forgotten; the sweep's last resort would hide that
SENDS_PER_ITEM_MAX = 25
SENDS_PER_JOB_MAX = 60
EXPECTED = {"good": ItemStatus.DONE, "empty": ItemStatus.NO_MATCH, "poison": ItemStatus.FAILED}
# What faults may make of an item instead; without faults nothing but EXPECTED.
TROUBLE = {
    Code.GAVE_UP,
    Code.INVALID_MASK,
    Code.MODEL_FAILED,
    Code.MODEL_TIMEOUT,
    Code.MODEL_UNAVAILABLE,
    Code.RENDER_FAILED,
}


@dataclass(slots=True)
class Invariants:
    """Collects violations instead of raising, so that one run shows all of them."""

    world: World
    table: MemoryTable
    media: MemoryObjects
    work: MemoryObjects
    queues: MemoryQueues
    uploads: MemoryObjects
    excuses_failures: bool = True  # where something failed, an item may have failed with it
    jobs_of: dict[str, set[str]] = field(default_factory=dict)  # by dataset, of those that ever were
    violations: list[str] = field(default_factory=list)
    inferences: Counter[str] = field(default_factory=Counter)
    worked_on: Counter[str] = field(default_factory=Counter)  # how often the model began with a request
    running: set[str] = field(default_factory=set)
    failed_requests: set[str] = field(default_factory=set)  # those that the model or its platform failed, or in part

    # At every commit

    def committed(self, key: Key, before: Row | None, after: Row | None) -> None:
        """Called at every commit of the table."""
        if after is None:
            return
        self.violations += faults_at_commit(self.table.rows, _Quiet(self.media), key, before, after)
        if key.sk.startswith(rows.JOB_PREFIX):
            if before is None:
                self.jobs_of.setdefault(rows.job_of(after).job.dataset_id, set()).add(after["job_id"])
            elif before["status"] != after["status"]:
                self._job_changed(key, before, after)
        elif before is not None and key.sk.startswith(rows.CHUNK_PREFIX):
            changed = [int(index) for index, item in after["items"].items() if item is not before["items"][index]]
            self._chunk_changed(key, rows.chunk_of(before), rows.chunk_of(after), changed)

    def inferred(self, request_id: str, request: ShardRequest) -> None:
        """Called when the model works on a request."""
        self.worked_on[request_id] += 1
        for task in request.images:
            self.inferences.update(prompt.mask_key for prompt in task.prompts)

    def _chunk_changed(self, key: Key, old: ChunkState, new: ChunkState, changed: list[int]) -> None:
        for index in changed:
            self._item_changed(f"{key.pk} item {index}", old.items[index], new.items[index])
        if new.ended != sum(item.status.is_terminal for item in new.items.values()):
            self._violated(f"{key} counts {new.ended} ended items, which its states deny")

        if not _is_segmenting(old) and _is_segmenting(new):
            self._entered_segmenter(key)

    def _entered_segmenter(self, key: Key) -> None:
        """No job has more chunks in the segmenter than its window is wide, whatever is sent twice or late."""
        tenant, job_id = rows.job_of_pk(key.pk) or ("", "")
        job = rows.job_of(self.table.rows[rows.job_key(tenant, job_id)])
        inside = [chunk.number for chunk in self._chunks(job) if _is_segmenting(chunk)]
        if job.window_shards is not None and len(inside) > job.window_shards:
            self._violated(f"{key.pk} has its chunks {inside} in the segmenter, {job.window_shards} may be")

    def _item_changed(self, name: str, old: ItemState, new: ItemState) -> None:
        if new.status is not old.status and new.status not in items.next_of(old.status):
            self._violated(f"{name} went from {old.status} to {new.status}")
        if new.attempt > MODEL_ATTEMPTS_MAX:
            self._violated(f"{name} had {new.attempt} attempts")
        if old.status is not ItemStatus.SEGMENTING or old.request_id in self.failed_requests:
            return
        now_s = int(self.world.now().timestamp())
        is_in_flight = old.is_invoked and old.lease_until_s > now_s
        is_released = new.status is ItemStatus.SEGMENTING and new.lease_until_s < old.lease_until_s
        is_given_up = new.refusal is not None and new.refusal.code == Code.GAVE_UP  # with its whole job
        is_failed = new.status is ItemStatus.FAILED and not is_given_up
        if is_in_flight and (is_released or is_failed):
            self._violated(f"{name} lost attempt {old.attempt} while the endpoint was at it, to another one's error")

    def _job_changed(self, key: Key, before: Row, after: Row) -> None:
        was, now = JobStatus(before["status"]), JobStatus(after["status"])
        if now not in jobs.next_of(was):
            self._violated(f"{key} went from {was} to {now}")
        if after["planned"] and (now is JobStatus.FINISHING or now.is_terminal):
            job = rows.job_of(after)
            still_open = [chunk.number for chunk in self._chunks(job) if not chunk.is_full]
            if still_open:
                self._violated(f"{key} became {now} before its chunks {still_open} were full")

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """Work that costs minutes and that nobody may be at twice at the same time."""
        if work in self.running:
            self._violated(f"{work} is made by two at once")
        self.running.add(work)
        try:
            yield
        finally:
            self.running.discard(work)

    def _violated(self, text: str) -> None:
        self.violations.append(text)

    # At rest

    def at_rest(self, users: list[User]) -> list[str]:
        """What the end of the world must look like."""
        found = [*self._sends(), *(f"{key} has changed under its name" for key in self._changed())]
        states = [rows.job_of(row) for key, row in self.table.rows.items() if key.sk.startswith("JOB#")]
        found += self._submissions(users, states)
        found += self._usage()
        found += self._leftovers(users)
        found += self._losses()
        found += faults_at_rest(self.table.rows, self.media.objects)
        for job in states:
            found += [f"{job.job.job_id} ({job.status}) {fault}" for fault in self._job_faults(job)]
        return found

    def _changed(self) -> list[str]:
        return [key for bucket in (self.media, self.work) for key in bucket.changed]

    def _submissions(self, users: list[User], states: list[JobState]) -> Iterator[str]:
        """At most one job for each user's key, whatever was clicked twice and repeated, and the one that was told."""
        for user in users:
            if user.is_removed:
                continue
            told = {job_id for _, job_id in user.submitted}
            own = [job for job in states if job.job.dataset_id == user.dataset_id]
            made = {job.job.job_id for job in own if job.job.retry_of is None}
            again = {job.job.job_id for job in own if job.job.retry_of is not None}
            if len(again) > 1 or again != set(user.retried):
                yield f"user {user.number} was told of the retry {user.retried}, and there are {again or 'none'}"
            if again != {retry_id for job in own for retry_id in job.retried_by}:
                yield f"the job of user {user.number} does not name its retry {again}"
            if len(made) > user.keys or not told <= made or (made != told and not user.has_left):
                yield f"user {user.number} was told of {told or 'nothing'}, and there are {made or 'none'}"

    def _leftovers(self, users: list[User]) -> Iterator[str]:
        """Nothing is left of what was removed, but for pictures that another dataset of the tenant shows as well."""
        buckets = (self.uploads, self.media, self.work)
        for user in users:
            if user.is_removed and user.dataset_id:
                ids = {user.dataset_id, *self.jobs_of.get(user.dataset_id, ())}
                named = (key for key in self.table.rows if any(one in str(key) for one in ids))
                yield from (f"the row {key} is left" for key in named if "CONNECTION#" not in str(key))
                for bucket in buckets:
                    kept = (key for key in bucket.objects if any(f"/{one}/" in key for one in ids))
                    yield from (f"{key} is left in {bucket.name}" for key in kept)
            for image_id in user.removed_images:
                yield from (f"the upload {key} is left" for key in self.uploads.objects if key.endswith(image_id))
        shown = {(tenant, one) for tenant, row in self._images() for one in row.get("pixels", ())}
        for key in self.media.objects:
            parts = key.split("/")
            if parts[2] == "px" and (parts[1], parts[3]) not in shown:
                yield f"{key} is left, and no image shows it"
        for key in self.table.rows:
            if "#X#" in key.pk and (key.sk == "LOCK" or tuple(key.pk[2:].split("#X#")) not in shown):
                yield f"the row {key} is left"

    def _losses(self) -> Iterator[str]:
        """Every image that is kept has its pictures, whatever was removed beside it."""
        for tenant, row in self._images():
            normal = rows.image_of(row).normal
            if normal is not None:
                wanted = (keys.normal(tenant, normal.pixels_sha256), keys.thumbnail(tenant, normal.pixels_sha256))
                yield from (f"{key} is lost" for key in wanted if key not in self.media.objects)

    def _images(self) -> Iterator[tuple[str, Row]]:
        for key, row in self.table.rows.items():
            if key.sk.startswith("IMAGE#"):
                yield key.pk.split("#")[1], row

    def _is_kept(self, job: JobState, planned: PlannedItem) -> bool:
        return rows.image_key(job.tenant, job.job.dataset_id, planned.image_id) in self.table.rows

    def _sends(self) -> Iterator[str]:
        """No storm: what is sent for a job is bounded by its items."""
        others = IngestUpload | DeliverWebhook | RemoveDataset | RemoveImage
        sent = Counter(message.job_id for _, message in self.queues.sent if not isinstance(message, others))
        for key, row in self.table.rows.items():
            if key.sk.startswith("JOB#"):
                bound = SENDS_PER_JOB_MAX + SENDS_PER_ITEM_MAX * row.get("items_total", 0)
                if sent[row["job_id"]] > bound:
                    yield f"{row['job_id']} had {sent[row['job_id']]} messages, {bound} are plenty"

    def _usage(self) -> Iterator[str]:
        """No tenant uses more than is counted, and where nothing failed, every count is right."""
        for key, row in self.table.rows.items():
            if key.sk != rows.USAGE_PREFIX:
                continue
            counted = rows.usage_of(row)
            in_datasets = ((k, r) for k, r in self.table.rows.items() if k.pk.startswith(f"{key.pk}#D#"))
            uploads = [rows.image_of(r).upload for k, r in in_datasets if k.sk.startswith("IMAGE#")]
            datasets = sum(k.pk == key.pk and k.sk.startswith("DATASET#") for k in self.table.rows)
            there = (datasets, len(uploads), sum(upload.size_bytes for upload in uploads))
            said = (counted.datasets, counted.images, counted.bytes)
            if any(one < other for one, other in zip(said, there, strict=True)):
                yield f"{key} counts {said}, and there are {there}"
            if not self.world.met and (said != there or counted.jobs):
                yield f"{key} counts {said} and open jobs {sorted(counted.jobs)}, and there are {there} and none"

    def _chunks(self, job: JobState) -> list[ChunkState]:
        of_job = self.table.rows.of(rows.job_pk(job.tenant, job.job.job_id), rows.CHUNK_PREFIX)
        return [rows.chunk_of(row) for row in of_job]

    def _job_faults(self, job: JobState) -> Iterator[str]:
        chunks = self._chunks(job)
        states = {index: item for chunk in chunks for index, item in chunk.items.items()}
        still_open = [index for index, item in states.items() if not item.status.is_terminal]
        if not job.status.is_terminal:
            yield f"is open: {Counter(item.status.value for item in states.values())}"
            return
        if still_open:
            yield f"has ended, but items {still_open} are open"
        yield from self._end_faults(job, states)
        yield from self._plan_faults(job, chunks)
        planned = {item.index: item for chunk in chunks for item in self._described(job, chunk).items}
        for index, item in states.items():
            yield from (f"item {index} {fault}" for fault in self._item_faults(job, item, planned[index]))
        yield from self._list_faults(job, states)
        yield from self._export_faults(job, states)

    def _end_faults(self, job: JobState, states: dict[int, ItemState]) -> Iterator[str]:
        counts = jobs.count(item.status for item in states.values())
        if job.finished_at is None or self._open_s(job) > OPEN_S_MAX:
            yield f"was open until {job.finished_at}"
        if job.status is JobStatus.CANCELLED and not job.cancel_requested:
            yield "was cancelled by nobody"
        if job.refusal is not None:
            is_empty = job.refusal.code == Code.NO_IMAGES and self.world.marks["image_removal"] > 0
            if not self.world.marks["dead_letter"] and not is_empty:
                yield f"was given up without a dead letter: {job.refusal.code}"
        elif job.status is not jobs.outcome(counts, cancel_requested=job.cancel_requested):
            yield f"does not follow from {counts!r}"
        if job.counts is not None and job.counts != counts:
            yield f"says {job.counts!r} and has {counts!r}"
        rendered = counts.done + counts.no_match
        if job.work is not None and (job.work.images, job.work.variants) != (rendered, rendered):  # one variant each
            yield f"counts {job.work.images} images and {job.work.variants} variants of {rendered}"

    def _open_s(self, job: JobState) -> float:
        finished = rows.job_of(self.table.rows[rows.job_key(job.tenant, job.job.job_id)]).finished_at
        created = job.job.created_at
        return 0.0 if finished is None else (type(created).fromisoformat(finished) - created).total_seconds()

    def _plan_faults(self, job: JobState, chunks: list[ChunkState]) -> Iterator[str]:
        """The chunks are those of the plan, with the items that are described, each image once."""
        described: list[PlannedItem] = []
        for chunk in chunks:
            of_chunk = self._described(job, chunk).items
            described += of_chunk
            if [item.index for item in of_chunk] != sorted(chunk.items):
                yield f"chunk {chunk.number} is described as {[item.index for item in of_chunk]}"
        if job.planned and (len(chunks) != job.chunks_total or len(described) != job.items_total):
            yield f"says {job.items_total} items in {job.chunks_total} chunks and has {len(described)} in {len(chunks)}"
        if len({item.image_id for item in described}) != len(described):
            yield "has an image twice"

    def _described(self, job: JobState, chunk: ChunkState) -> Chunk:
        return Chunk.stored(self.media.objects[keys.chunk(job.tenant, job.job.job_id, chunk.number)])

    def _item_faults(self, job: JobState, item: ItemState, planned: PlannedItem) -> Iterator[str]:
        """How an item ended follows from its picture, or from a fault that is named."""
        is_calm = not (self.world.met and self.excuses_failures)
        expected = ItemStatus.FAILED if planned.normal is None else EXPECTED[word_of(planned.normal.pixels_sha256)]
        code = None if item.refusal is None else item.refusal.code
        if item.status is ItemStatus.CANCELLED:
            if not job.cancel_requested:
                yield "was cancelled by nobody"
        elif code == Code.IMAGE_REMOVED and not self._is_kept(job, planned):
            pass
        elif item.status is not expected and (is_calm or item.status is not ItemStatus.FAILED or code not in TROUBLE):
            yield f"is {item.status} ({code}), not {expected}"
        if (item.status is ItemStatus.DONE) is not (item.refusal is None):
            yield f"is {item.status} with the reason {code}"
        if item.status is ItemStatus.DONE and planned.normal is not None and self._is_kept(job, planned):
            yield from self._result_faults(job, planned)

    def _result_faults(self, job: JobState, planned: PlannedItem) -> Iterator[str]:
        row = self.table.rows.get(rows.result_key(job.tenant, job.job.job_id, planned.index))
        if row is None:
            yield "is done without a result"
            return
        result = records.result_of(_Quiet(self.media), row)
        if result.image_id != planned.image_id or not result.labels:
            yield f"has the result of {result.image_id} with {len(result.labels)} labels"
        asked = {
            keys.mask_key_of(
                pixels_sha256=result.normal.pixels_sha256,
                prompt=template.overrides.get(planned.image_id, template.prompt),
                choice=template.choice,
                segmenter=job.job.segmenter,
            )
            for template in job.job.recipe.templates.values()
        }
        if {label.object_id for label in result.labels} != asked:
            yield "has labels of other prompts than those of its image"
        for variant in result.variants:
            pixels = result.normal.pixels_sha256
            picture = keys.variant(job.tenant, pixels, variant.variant_id, "webp")
            thumbnail = keys.variant_thumbnail(job.tenant, pixels, variant.variant_id)
            for key in (picture, thumbnail) if variant.has_thumbnail else (picture,):
                if self.media.objects.get(key) != f"variant of {pixels}".encode():
                    yield f"names {key}, which does not exist"

    def _list_faults(self, job: JobState, states: dict[int, ItemState]) -> Iterator[str]:
        done = sorted(index for index, item in states.items() if item.status is ItemStatus.DONE)
        data = self.media.objects.get(keys.dataset_file(job.tenant, job.job.job_id, keys.ANNOTATIONS))
        if job.refusal is not None:
            return
        if done and data is None:
            yield "has no list"
        elif data is not None and [entry["index"] for entry in json.loads(data)] != done:
            yield f"has a list that is not of {done}"
        if (job.dataset_bytes > 0) is not bool(done):
            yield f"says {job.dataset_bytes} bytes of dataset for {len(done)} items"

    def _export_faults(self, job: JobState, states: dict[int, ItemState]) -> Iterator[str]:
        """Every export that was asked for has ended; one that is ready holds every item that is done, once."""
        pk = rows.job_pk(job.tenant, job.job.job_id)
        found = {
            state.format: state
            for key, row in self.table.rows.items()
            if key.pk == pk and key.sk.startswith(rows.EXPORT_PREFIX)
            for state in (rows.export_of(row),)
        }
        wanted = () if job.cancel_requested or job.dataset_bytes == 0 else job.job.recipe.recipe.exports
        yield from (f"has no export {export}" for export in wanted if export not in found)
        for export in found.values():
            if not export.status.is_terminal:
                yield f"has the export {export.format} still being made"
            elif export.status is ExportStatus.FAILED and not self.world.marks["dead_letter"]:
                yield f"has the failed export {export.format} without a dead letter"
            elif export.receipt is not None:
                done = sorted(index for index, item in states.items() if item.status is ItemStatus.DONE)
                held = sorted(index for part in export.receipt.parts for index in self._held(job, export.format, part))
                if held != done:
                    yield f"has an export of {held}, not of {done}"

    def _held(self, job: JobState, export: ExportFormat, part: ExportPart) -> list[int]:
        data = self.media.objects[keys.export_file(job.tenant, job.job.job_id, export, part.name)]
        if len(data) != part.size_bytes or hashlib.sha256(data).hexdigest() != part.sha256:
            return [-1]
        return list(json.loads(data))


@dataclass(frozen=True, slots=True)
class _Quiet:
    """The bucket as it is, without latency and faults."""

    media: MemoryObjects

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes:
        return self.media.objects[key]


def _is_segmenting(chunk: ChunkState) -> bool:
    return any(item.status is ItemStatus.SEGMENTING for item in chunk.items.values())
