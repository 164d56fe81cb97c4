"""The pipeline with few hands: messages and shards wait in line, so that one tenant's work may stand in another's way.

A queue of the pipeline gives its functions the messages of its tenants in turn, as SQS does for message groups; the
endpoint's own queue knows no tenants and works in order of arrival.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from lambdas import known
from lambdas.serve_api import datasets, submissions, templates
from maskmill.core import keys, rows
from maskmill.core.api import CreateDataset, SubmitJob
from maskmill.core.fact import mask_fact
from maskmill.core.image import Image, ImageStatus, Upload
from maskmill.core.mask import Mask, Rle
from maskmill.core.messages import QueueName, RenderItems
from maskmill.core.plan import PlannedItem, mask_key_for
from maskmill.core.recipe import Recipe
from maskmill.core.rows import JobState
from tests.simulation.cloud import MemoryTable
from tests.simulation.pipeline import SEGMENTER, Pipeline
from tests.simulation.post import LIMIT_S, Body
from tests.simulation.stand_ins import normalise
from tests.simulation.users import TEMPLATES
from tests.simulation.world import World

SHARD_S = 10.0  # that the model works on one shard
RENDER_S = 0.5  # that the pictures of one item take


@dataclass(slots=True)
class Line:
    """Work that waits for one of a few hands: in turn between groups, or in order of arrival."""

    world: World
    hands: int
    is_fair: bool
    busy: int = 0
    waiting: dict[str, deque[Callable[[], None]]] = field(default_factory=dict)

    def join(self, group: str, task: Callable[[], None]) -> None:
        self.waiting.setdefault(group if self.is_fair else "", deque()).append(task)
        self._serve()

    def _serve(self) -> None:
        while self.waiting and self.busy < self.hands:
            group = next(iter(self.waiting))
            tasks = self.waiting.pop(group)
            task = tasks.popleft()
            if tasks:
                self.waiting[group] = tasks  # behind the others
            self.busy += 1
            self.world.spawn(0.02, partial(self._work, task), limit_s=LIMIT_S)

    def _work(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            self.busy -= 1
            self._serve()


@dataclass(slots=True)
class Crowd(Pipeline):
    """Few hands for everything; `shards` lists the tenants of the shards that the model has worked on, in order."""

    is_fair: bool = True
    hands_each: int = 2
    instances: int = 1
    shards: list[str] = field(default_factory=list)
    rendered: list[str] = field(default_factory=list)
    standing: dict[str, Line] = field(default_factory=dict)

    # What the pipeline does at once ----------------------------------------------------------------------------------

    def _deliver(self, queue: QueueName, body: Body) -> None:
        group = "" if isinstance(body, tuple) else body.tenant  # the endpoint's callbacks have no group
        self._line(queue, self.hands_each, is_fair=self.is_fair).join(group, partial(self._take, queue, body))

    def _accept(self, request_key: str, promise: str) -> None:
        work = partial(self._work_on_shard, request_key, promise)
        self._line("endpoint", self.instances, is_fair=False).join("", work)

    def _take(self, queue: QueueName, body: Body) -> None:
        if isinstance(body, RenderItems):
            self.world.sleep(RENDER_S)
        self.post.receive(queue, body)
        if isinstance(body, RenderItems):
            self.rendered.append(body.tenant)

    def _work_on_shard(self, request_key: str, promise: str) -> None:
        self.world.sleep(SHARD_S)
        self.shards.append(request_key.split("/")[1])
        self.platform.run(request_key, promise)

    def _line(self, name: str, hands: int, *, is_fair: bool) -> Line:
        return self.standing.setdefault(name, Line(self.world, hands, is_fair))

    # What tenants do -------------------------------------------------------------------------------------------------

    def submit(self, tenant: str, images: int, *, has_masks: bool = False) -> str:
        """A job over new images of the tenant, whose masks may be known already; returns its id."""
        api = self.api()
        dataset_id = datasets.create(api, tenant, CreateDataset(name="set")).dataset_id
        template_id = templates.create(api, tenant, dataset_id, TEMPLATES[0]).template_id
        for number in range(images):
            self._arrive(tenant, dataset_id, f"{dataset_id}.{number}", has_masks=has_masks)
        recipe = Recipe.model_validate(
            {"templates": [template_id], "layers": [{"region": template_id, "edits": {"hue": 40}}]}
        )
        return submissions.submit(api, tenant, dataset_id, None, SubmitJob(recipe=recipe)).job.job_id

    def _arrive(self, tenant: str, dataset_id: str, name: str, *, has_masks: bool) -> None:
        data = f"good {name}".encode()
        made = normalise(data)
        (image_id,) = self._ids.new(1)
        upload = Upload(name=f"{name}.jpg", size_bytes=len(data), sha256=made.normal.source_sha256)
        image = Image(
            image_id=image_id,
            dataset_id=dataset_id,
            name=upload.name,
            status=ImageStatus.EXPECTED,
            upload=upload,
            created_at=self.world.now(),
        )
        self.table._write(rows.put_image(tenant, image, due_at_s=0))
        self.table._write(rows.settle_image(tenant, dataset_id, image_id, normal=made.normal, refusal=None))
        self.media.objects[keys.normal(tenant, made.normal.pixels_sha256)] = made.png
        if has_masks:
            self._know_mask(tenant, PlannedItem(index=0, image_id=image_id, name=name, normal=made.normal))

    def _know_mask(self, tenant: str, item: PlannedItem) -> None:
        mask_key = mask_key_for(item, TEMPLATES[0], SEGMENTER)
        assert mask_key is not None
        assert item.normal is not None
        mask = Mask(rle=Rle(size=item.normal.size, counts="x"), score=1.0)
        fact = mask_fact(item.normal.pixels_sha256, mask_key)
        quiet = MemoryTable(rows=self.table.rows)
        known.keep_first(quiet, self.media, tenant, {fact: mask.model_dump_json().encode()})

    def job(self, tenant: str, job_id: str) -> JobState:
        return rows.job_of(self.table.rows[rows.job_key(tenant, job_id)])

    def play_until(self, is_reached: Callable[[], bool], *, within_s: float = 3600.0) -> None:
        """Let the world go on until something holds."""
        end_s = self.world.now_s + within_s
        while not is_reached():
            assert self.world.now_s < end_s, "it never came to that"
            self.world.run(self.world.now_s + 0.5)
