"""A job of a few images on the cloud in memory, for tests that play one function at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from lambdas import state
from lambdas.bury_letters import logic as bury_letters
from lambdas.collect_masks import logic as collect_masks
from lambdas.dispatch_shard import logic as dispatch_shard
from lambdas.spending import Switch
from lambdas.sweep import logic as sweep
from maskmill.core import keys, rows
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import Point, Size
from maskmill.core.image import Refusal
from maskmill.core.job import Job, JobStatus
from maskmill.core.mask import Mask, Rle
from maskmill.core.messages import DispatchItems, Message
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe, resolve
from maskmill.core.rows import ChunkState, JobState
from maskmill.core.shard import ImageAnswer, MaskAnswer, ShardAnswer, ShardRequest
from tests.simulation.cloud import FixedClock, MemoryEndpoint, MemoryObjects, MemoryQueues, MemoryTable
from tests.unit.lambdas.gateway import normal_image

TENANT = "tenant-a"
JOB = "j0123456789abcdef01234567"
TEMPLATE = Template(name="shirt", prompt=Prompt(points=(Point(x=0.5, y=0.5),)))
RECIPE = Recipe.model_validate({"templates": ["t"], "layers": [{"region": "t", "edits": {"hue": 30}}]})
LEASE_S = 4500
SEGMENTER = "classic-1"


@dataclass
class Scene:
    """One tenant's cloud with a clock that stands still until it is moved."""

    table: MemoryTable = field(default_factory=MemoryTable)
    uploads: MemoryObjects = field(default_factory=lambda: MemoryObjects("uploads"))
    media: MemoryObjects = field(default_factory=lambda: MemoryObjects("media"))
    work: MemoryObjects = field(default_factory=lambda: MemoryObjects("work"))
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    endpoint: MemoryEndpoint = field(default_factory=MemoryEndpoint)
    clock: FixedClock = field(default_factory=FixedClock)
    segmenter: str = SEGMENTER

    @property
    def now_s(self) -> int:
        return state.now_s(self.clock)

    def wait(self, seconds: int) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def sent(self) -> list[Message]:
        """The messages since the last look."""
        found = [message for _, message in self.queues.sent]
        self.queues.sent.clear()
        return found

    def submit(self, job_id: str = JOB, **more: Template) -> None:
        """A job with the template `t` and those in `more`."""
        templates = {"t": TEMPLATE, **more}
        recipe = RECIPE.model_copy(update={"templates": tuple(templates)})
        job = Job(
            job_id=job_id,
            dataset_id="d",
            recipe=resolve(recipe, templates),
            segmenter=self.segmenter,
            created_at=self.clock.now(),
        )
        self.table.write(rows.put_job(TENANT, job, body_hash="h", now_s=self.now_s, due_at_s=self.now_s + 60))

    def plan(self, job_id: str = JOB, *, items: int = 2) -> None:
        """A job of one chunk; each item is another picture."""
        planned = tuple(
            PlannedItem(
                index=index,
                image_id=f"i{index}",
                name=f"{index}.jpg",
                normal=normal_image().model_copy(update={"pixels_sha256": f"{index:064x}"}),
            )
            for index in range(items)
        )
        chunk = Chunk(number=0, items=planned)
        data = chunk.model_dump_json().encode()
        self.media.put(keys.chunk(TENANT, job_id, 0), data, media_type="application/json")
        self.table.write(rows.begin_planning(TENANT, job_id))
        self.table.write(rows.put_chunk(TENANT, job_id, chunk, now_s=self.now_s))
        self.table.write(rows.mark_planned(TENANT, job_id, chunks_total=1, items_total=items))

    def job(self, job_id: str = JOB) -> JobState:
        found = state.load_job(self.table, TENANT, job_id)
        assert found is not None
        return found

    def chunk(self, job_id: str = JOB) -> ChunkState:
        found = state.load_chunk(self.table, TENANT, job_id, 0)
        assert found is not None
        return found

    def fail_job(self) -> None:
        write = rows.close_job(TENANT, JOB, status=JobStatus.FAILED, finished_at=self.clock.now())
        self.table.write(write)

    # The functions ------------------------------------------------------------------------------------------------

    def dispatch(self, indices: tuple[int, ...] | None = None) -> str:
        """Hand the items to the endpoint; returns the key of the request."""
        ports = dispatch_shard.Ports(
            self.table,
            self.media,
            self.work,
            self.queues,
            self.endpoint,
            self.clock,
            Switch(self.table, self.clock),
            media_bucket="media",
            lease_s=LEASE_S,
        )
        dispatch_shard.dispatch(ports, DispatchItems(tenant=TENANT, job_id=JOB, chunk=0, indices=indices))
        return self.endpoint.invocations[-1]

    @property
    def collecting(self) -> collect_masks.Ports:
        return collect_masks.Ports(
            self.table, self.media, self.work, self.queues, self.clock, work_bucket="work", check=_check
        )

    def answer(self, request_key: str, answer: ShardAnswer | bytes) -> None:
        """The endpoint answers a request, and its callback comes."""
        data = answer if isinstance(answer, bytes) else answer.model_dump_json().encode()
        folder, _ = keys.answer_folders(TENANT, JOB)
        key = folder + request_key.rsplit("/", 1)[1]
        self.work.objects.pop(key, None)  # another delivery of the request is answered anew
        self.work.put(key, data, media_type="application/json")
        collect_masks.collect_success(self.collecting, request_key, f"s3://work/{key}")

    def good_answer(self, request_key: str, **errors: Refusal) -> ShardAnswer:
        """Masks for every image but those in `errors`, by image key without its dot: `_0_1` for `0.1`."""
        request = ShardRequest.model_validate_json(self.work.get(request_key))
        images = []
        for task in request.images:
            error = errors.get("_" + task.image_key.replace(".", "_"))
            masks = tuple(MaskAnswer(mask_key=one.mask_key, mask=mask(task.size)) for one in task.prompts)
            images.append(ImageAnswer(image_key=task.image_key, masks=() if error else masks, error=error))
        return ShardAnswer(segmenter=request.segmenter, images=tuple(images))

    def sweep(self) -> sweep.Repairs:
        ports = sweep.Ports(
            self.table,
            self.uploads,
            self.work,
            self.queues,
            self.clock,
            Switch(self.table, self.clock),
            work_bucket="work",
        )
        return sweep.sweep(ports)

    def bury(self, letter: Message) -> None:
        bury_letters.bury(bury_letters.Ports(self.table, self.queues, self.clock), letter)


def mask(size: Size, counts: str = "x") -> Mask:
    return Mask(rle=Rle(size=size, counts=counts), score=0.9)


def _check(rle: Rle, size: Size) -> None:
    if rle.size != size:
        raise ModelFailure
