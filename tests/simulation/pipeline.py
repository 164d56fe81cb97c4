"""The whole pipeline in one process: the product's own logic on a simulated cloud, with users, a model and invariants.

`Pipeline(world).run()` plays one seed to its end and returns the violations that it saw; none is the only good answer.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdas.bury_letters import logic as bury_letters
from lambdas.collect_masks import logic as collect_masks
from lambdas.dispatch_shard import logic as dispatch_shard
from lambdas.finish_job import logic as finish_job
from lambdas.ingest_image import logic as ingest_image
from lambdas.plan_job import logic as plan_job
from lambdas.render_item import logic as render_item
from lambdas.sweep import logic as sweep
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput, ModelFailure, Unavailable
from maskmill.core.geometry import Point, Size
from maskmill.core.image import Image, ImageStatus, NormalImage, Refusal, SourceFormat, Upload
from maskmill.core.job import Job, job_id_of
from maskmill.core.mask import Mask, Rle
from maskmill.core.messages import DispatchItems, FinishJob, IngestUpload, Message, PlanJob, QueueName, RenderItem
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import OutputFormat, Recipe, resolve
from maskmill.core.result import BoxPx, ItemResult, Label, VariantRecord
from maskmill.core.rows import JobState
from maskmill.core.shard import ImageAnswer, MaskAnswer, ShardAnswer, ShardRequest
from maskmill.core.table import RowConflict
from tests.simulation.cloud import MemoryEndpoint, MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.invariants import Invariants
from tests.simulation.world import Crash, World

SIZE = Size(height_px=8, width_px=8)
VISIBILITY_S = 360.0
RECEIVES_MAX = 5
LEASE_S = 3600
FINISH_LEASE_S = 300
END_S = 30 * 3600.0
TEMPLATES = {
    "cap": Template(name="cap", prompt=Prompt(points=(Point(x=0.5, y=0.4),))),
    "shoe": Template(name="shoe", prompt=Prompt(points=(Point(x=0.2, y=0.9),))),
}
RECIPE = Recipe.model_validate({"templates": ["cap", "shoe"], "layers": [{"region": "cap", "edits": {"hue": 40}}]})
CollectBody = tuple[str, str, str]  # "ok" or "failed", the request's key, the answer's or the failure's address
Body = Message | CollectBody


@dataclass(slots=True)
class Pipeline:
    """One world with the product in it: `jobs` users with up to `images` images each."""

    world: World
    jobs: int = 2
    images: int = 5
    with_sweep: bool = True
    with_cancel: bool = True
    repairs: Counter[str] = field(default_factory=Counter)
    open_users: int = 0
    job_keys: list[tuple[str, str]] = field(default_factory=list)
    invariants: Invariants = field(default_factory=Invariants)
    table: MemoryTable = field(init=False)
    uploads: MemoryObjects = field(init=False)
    media: MemoryObjects = field(init=False)
    work: MemoryObjects = field(init=False)
    queues: MemoryQueues = field(init=False)
    endpoint: MemoryEndpoint = field(init=False)

    def __post_init__(self) -> None:
        call = self.world.call
        self.table = MemoryTable(call, watch=[self.invariants.committed])
        self.uploads = MemoryObjects("uploads", call)
        self.media = MemoryObjects("media", call)
        self.work = MemoryObjects("work", call)
        self.queues = MemoryQueues(call, deliver=self._deliver)
        self.endpoint = MemoryEndpoint(call, accept=self._accept)

    def run(self) -> list[str]:
        """Play until every user has an answer, then check what is left; returns the violations."""
        for number in range(self.jobs):
            self.open_users += 1
            self.world.spawn(self.world.chance("arrive", str(number)) * 60, partial(self._user, number))
        if self.with_sweep:
            self.world.spawn(60.0, self._sweep_forever)
        while self.world.now_s < END_S and not self._is_at_rest():
            self.world.run(self.world.now_s + 600.0)
        self.world.run(self.world.now_s + 3600.0)  # late and repeated messages still arrive
        return [*self.invariants.violations, *self.invariants.at_rest(self.table, self.media, self.job_keys)]

    def _is_at_rest(self) -> bool:
        return self.open_users == 0 and all(self._job(*name).status.is_terminal for name in self.job_keys)

    def _job(self, tenant: str, job_id: str) -> JobState:
        return rows.job_of(self.table.rows[rows.job_key(tenant, job_id)])

    # Messages

    def _deliver(self, queue: QueueName, body: Body) -> None:
        label = f"{queue}:{body!r}"
        copies = 2 if self.world.strikes("duplicate", label) else 1
        for _ in range(copies):
            late = 600 * self.world.chance("lateness", label) if self.world.strikes("late", label) else 0.0
            self.world.spawn(0.02 + late, partial(self._receive, queue, body, 1))

    def _receive(self, queue: QueueName, body: Body, receives: int) -> None:
        again = partial(self._receive, queue, body, receives + 1)
        if self._succeeds(self._handler(queue), body):
            if self.world.strikes("delete_lost", f"{queue}:{body!r}"):
                self.world.spawn(VISIBILITY_S, again)
        elif receives < RECEIVES_MAX or (isinstance(body, tuple) and not self.with_sweep):
            self.world.spawn(VISIBILITY_S, again)
        elif not isinstance(body, tuple):
            self.world.marks["dead_letter"] += 1
            self.world.spawn(1.0, partial(self._receive_dead, body, 1))

    def _receive_dead(self, body: Message, receives: int) -> None:
        if not self._succeeds(self._bury, body) and receives < 4 * RECEIVES_MAX:
            self.world.spawn(VISIBILITY_S, partial(self._receive_dead, body, receives + 1))

    def _succeeds(self, handler: Callable[[Any], object], body: Body) -> bool:
        try:
            handler(body)
        except (Crash, Unavailable):
            return False
        except Exception as error:  # noqa: BLE001 - an unexpected error is a finding, not a reason to stop
            self.invariants.violations.append(f"{type(error).__name__}: {error} on {body!r}")
            return False
        return True

    def _handler(self, queue: QueueName) -> Callable[[Any], object]:
        return {
            QueueName.INGEST: self._ingest,
            QueueName.PLAN: self._plan,
            QueueName.DISPATCH: self._dispatch,
            QueueName.COLLECT: self._collect,
            QueueName.RENDER: self._render,
            QueueName.FINISH: self._finish,
        }[queue]

    # The product's functions on this cloud

    def _ingest(self, message: IngestUpload) -> None:
        ingest_image.ingest(ingest_image.Ports(self.table, self.uploads, self.media, _normalise), message)

    def _plan(self, message: PlanJob) -> None:
        plan_job.plan(plan_job.Ports(self.table, self.media, self.queues, self.world, chunk_items=2), message)

    def _dispatch(self, message: DispatchItems) -> None:
        ports = dispatch_shard.Ports(
            self.table,
            self.media,
            self.work,
            self.queues,
            self.endpoint,
            self.world,
            media_bucket="media",
            lease_s=LEASE_S,
        )
        dispatch_shard.dispatch(ports, message)

    def _collect(self, body: Body) -> None:
        ports = collect_masks.Ports(
            self.table, self.media, self.work, self.queues, self.world, work_bucket="work", check=_check
        )
        if not isinstance(body, tuple):
            assert body.kind == "collect"
            collect_masks.collect_found(ports, body)
        elif body[0] == "ok":
            collect_masks.collect_success(ports, body[1], body[2])
        else:
            collect_masks.collect_failure(ports, body[1], "Received server error (500) from model", body[2])

    def _render(self, message: RenderItem) -> None:
        render_item.render(render_item.Ports(self.table, self.media, self.queues, self.world, _paint), message)

    def _finish(self, message: FinishJob) -> None:
        ports = finish_job.Ports(self.table, self.media, self.world, _write_dataset, lease_s=FINISH_LEASE_S)
        finish_job.finish(ports, message)

    def _bury(self, letter: Message) -> None:
        bury_letters.bury(bury_letters.Ports(self.table, self.queues, self.world), letter)

    def _sweep_forever(self) -> None:
        ports = sweep.Ports(self.table, self.uploads, self.work, self.queues, self.world, work_bucket="work")
        try:
            self.repairs.update(sweep.sweep(ports).counts)
        except (Crash, Unavailable):
            self.world.marks["sweep_died"] += 1
        if not self._is_at_rest():
            self.world.spawn(60.0, self._sweep_forever)

    # The model behind the endpoint

    def _accept(self, request_key: str, promise: str) -> None:
        if self.world.strikes("request_lost", request_key):
            return
        for _ in range(2 if self.world.strikes("model_twice", request_key) else 1):
            self.world.at(5 + 300 * self.world.chance("cold", request_key), partial(self._model, request_key, promise))

    def _model(self, request_key: str, promise: str) -> None:
        request = ShardRequest.model_validate_json(self.work.objects[request_key])
        self.invariants.inferred(request)
        body: CollectBody
        if self.world.strikes("model_error", request_key):
            body = ("failed", request_key, promise.replace("/async/", "/async-failed/"))
            self.work.objects[body[2].removeprefix("s3://work/")] = b"out of memory"
        else:
            broken = self.world.strikes("garbage", request_key)
            answer = b"<html>" if broken else _answer(request).model_dump_json().encode()
            self.work.objects[promise.removeprefix("s3://work/")] = answer
            body = ("ok", request_key, promise)
        if self.world.strikes("callback_lost", request_key):
            return
        for _ in range(2 if self.world.strikes("callback_twice", request_key) else 1):
            self._deliver(QueueName.COLLECT, body)

    # Users

    def _user(self, number: int) -> None:
        tenant = f"tenant-{number % 2}"
        try:
            image_ids = self._upload(number, tenant)
            while not self._all_settled(tenant, number, image_ids):
                self.world.sleep(30.0)
            self._submit(number, tenant)
        finally:
            self.open_users -= 1

    def _upload(self, number: int, tenant: str) -> list[str]:
        label = f"user-{number}"
        count = 1 + int(self.world.chance("images", label) * self.images)
        image_ids = [f"i{number:02d}{index:03d}" for index in range(count)]
        for image_id in image_ids:
            data = _file(self.world.chance("kind", image_id), image_id)
            image = Image(
                image_id=image_id,
                dataset_id=f"d{number}",
                name=f"{image_id}.jpg",
                status=ImageStatus.EXPECTED,
                upload=Upload(name="x.jpg", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()),
                created_at=self.world.now(),
            )
            self._insist(lambda image=image: self._announce(tenant, image))
            self.uploads.objects[keys.upload(tenant, f"d{number}", image_id)] = data
            if not self.world.strikes("callback_lost", f"upload:{image_id}"):
                self._deliver(QueueName.INGEST, IngestUpload(tenant=tenant, dataset_id=f"d{number}", image_id=image_id))
        return image_ids

    def _announce(self, tenant: str, image: Image) -> None:
        try:
            self.table.write(rows.put_image(tenant, image, due_at_s=int(self.world.now().timestamp()) + 300))
        except RowConflict:
            return  # an attempt whose answer was lost

    def _all_settled(self, tenant: str, number: int, image_ids: list[str]) -> bool:
        found = (self.table.rows[rows.image_key(tenant, f"d{number}", image_id)] for image_id in image_ids)
        return all(row["status"] != "expected" for row in found)

    def _submit(self, number: int, tenant: str) -> None:
        job = Job(
            job_id=job_id_of(tenant, f"key-{number}"),
            dataset_id=f"d{number}",
            recipe=resolve(RECIPE, TEMPLATES),
            segmenter="sim-1",
            created_at=self.world.now(),
        )
        self._insist(lambda: self._post_job(tenant, job))
        self.job_keys.append((tenant, job.job_id))
        if self.with_cancel and self.world.chance("cancels", str(number)) < 0.2:
            self.world.sleep(120 * self.world.chance("cancel_after", str(number)))
            self._insist(lambda: self._cancel(tenant, job.job_id))
            self.world.marks["cancel"] += 1

    def _post_job(self, tenant: str, job: Job) -> None:
        at_s = int(self.world.now().timestamp())
        try:
            self.table.write(rows.put_job(tenant, job, body_hash="b", now_s=at_s, due_at_s=at_s + 60))
        except RowConflict:
            self.world.marks["own_write_seen"] += 1
        self.queues.send([PlanJob(tenant=tenant, job_id=job.job_id)])

    def _cancel(self, tenant: str, job_id: str) -> None:
        try:
            self.table.write(rows.request_cancel(tenant, job_id))
        except RowConflict:
            return
        self.queues.send([PlanJob(tenant=tenant, job_id=job_id)])

    def _insist(self, action: Callable[[], None]) -> None:
        """A client that retries with the same key until it gets an answer."""
        while True:
            try:
                action()
                return
            except (Crash, Unavailable):
                self.world.sleep(10.0)


def _file(kind: float, image_id: str) -> bytes:
    """A make-believe photo whose first word says what will happen to it."""
    word = "broken" if kind < 0.1 else "poison" if kind < 0.2 else "empty" if kind < 0.3 else "good"
    return f"{word} {image_id if kind < 0.9 else 'twin'}".encode()


@dataclass(frozen=True, slots=True)
class _Normalised:
    normal: NormalImage
    png: bytes
    thumbnail: bytes


def _normalise(data: bytes) -> _Normalised:
    if data.startswith(b"broken"):
        raise InvalidInput(Code.CORRUPT_IMAGE)
    normal = NormalImage(
        pixels_sha256=data.hex()[:12].ljust(12, "0") + hashlib.sha256(data).hexdigest()[12:],
        source_sha256=hashlib.sha256(data).hexdigest(),
        png_sha256="0" * 64,
        png_bytes=1,
        source_format=SourceFormat.JPEG,
        size=SIZE,
        is_grey=False,
        has_alpha=False,
    )
    return _Normalised(normal=normal, png=data, thumbnail=data)


def _check(rle: Rle, size: Size) -> None:
    if rle.size != size:
        raise ModelFailure(Code.INVALID_MASK)


def _answer(request: ShardRequest) -> ShardAnswer:
    images = []
    for task in request.images:
        word = bytes.fromhex(task.address.split("/px/")[1][:12]).decode()
        if word == "poison":
            images.append(ImageAnswer(image_key=task.image_key, error=Refusal(code="model_failed", message="poison")))
            continue
        counts = "0" if word.startswith("empty") else "x"
        masks = tuple(
            MaskAnswer(mask_key=prompt.mask_key, mask=Mask(rle=Rle(size=task.size, counts=counts), score=1.0))
            for prompt in task.prompts
        )
        images.append(ImageAnswer(image_key=task.image_key, masks=masks))
    return ShardAnswer(segmenter=request.segmenter, images=tuple(images))


def _paint(media: MemoryObjects, job: JobState, chunk: Chunk, item: PlannedItem) -> ItemResult:
    assert item.normal is not None
    pixels = item.normal.pixels_sha256
    labels = []
    for template_id, template in job.job.recipe.templates.items():
        mask_key = mask_key_for(item, template, job.job.segmenter)
        assert mask_key is not None
        mask = Mask.model_validate_json(media.get(keys.mask(job.tenant, pixels, mask_key)))
        if mask.rle.counts == "0":
            continue
        labels.append(
            Label(
                template_id=template_id,
                name=template.name,
                score=mask.score,
                rle_sha256="0" * 64,
                png_sha256="0" * 64,
                png_bytes=1,
                area_px=4,
                box=BoxPx(x=0, y=0, width=2, height=2),
                object_id=mask_key,
            )
        )
    data = f"variant of {pixels}".encode()
    media.put(keys.variant(job.tenant, pixels, "v1", "webp"), data, media_type="image/webp")
    variant = VariantRecord(
        variant_id="v1",
        file_stem=f"{item.index:04d}",
        format=OutputFormat.WEBP,
        size=SIZE,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sample=0,
        layers=job.job.recipe.recipe.layers,
        renderer="sim",
    )
    return ItemResult(
        index=item.index,
        image_id=item.image_id,
        image_name=item.name,
        file_stem=f"{item.index:04d}",
        normal=item.normal,
        labels=tuple(labels),
        variants=(variant,),
    )


def _write_dataset(media: MemoryObjects, job: JobState, results: tuple[ItemResult, ...]) -> int:
    data = json.dumps([result.model_dump(mode="json") for result in results]).encode()
    media.put(keys.dataset_file(job.tenant, job.job.job_id, keys.ARCHIVE), data, media_type="application/zip")
    return len(data)
