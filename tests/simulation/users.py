"""Users of the simulated cloud: they go through the product's own API logic and insist until they have an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from lambdas.serve_api import datasets, jobs, submissions, templates, uploads
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import CreateDataset, RequestUploads, SubmitJob
from maskmill.core.errors import Conflict, Unavailable
from maskmill.core.geometry import Point
from maskmill.core.image import Upload
from maskmill.core.messages import IngestUpload
from maskmill.core.ports import PostTicket
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe
from tests.simulation.cloud import MemoryObjects, MemoryTable
from tests.simulation.stand_ins import file_of
from tests.simulation.world import Crash, World

Result = TypeVar("Result")
TEMPLATES = (
    Template(name="cap", prompt=Prompt(points=(Point(x=0.5, y=0.4),))),
    Template(name="shoe", prompt=Prompt(points=(Point(x=0.2, y=0.9),))),
)


@dataclass(slots=True)
class CountedIds:
    """The ids port: 1, 2, 3 …"""

    last: int = 0

    def new(self, count: int) -> Sequence[str]:
        self.last += count
        return [f"{number:026d}" for number in range(self.last - count + 1, self.last + 1)]


@dataclass(frozen=True, slots=True)
class NoDoors:
    """The doors port, for users who put their files straight into the store."""

    def upload(self, key: str, *, size_bytes: int, sha256: str) -> PostTicket:
        return PostTicket(url=key, fields={})

    def download(self, key: str, *, filename: str | None = None) -> str:
        return key


@dataclass(slots=True)
class User:
    """One person with one dataset and one job: some click twice, some upload more meanwhile, some cancel."""

    number: int
    world: World
    api: Ports
    table: MemoryTable
    uploads: MemoryObjects
    images_max: int
    may_cancel: bool
    may_retry: bool
    may_leave: bool  # a user who left asks nobody again: whether the job exists, and goes on, is the service's business
    arrived: Callable[[IngestUpload], None]  # the store's event
    submitted: list[tuple[str, str]] = field(default_factory=list)  # tenant and job, once for each answer
    retried: list[str] = field(default_factory=list)  # jobs that took up the first one, once for each answer
    dataset_id: str = ""
    has_left: bool = False
    clicks: int = 0  # second ones that have not been answered yet

    @property
    def tenant(self) -> str:
        return f"tenant-{self.number % 2}"

    def chance(self, kind: str) -> float:
        return self.world.chance(kind, f"user-{self.number}")

    def work(self) -> None:
        """Upload, wait, submit, and what people do besides."""
        name = f"set {self.number}"
        dataset = self._insist(lambda: datasets.create(self.api, self.tenant, CreateDataset(name=name)))
        self.dataset_id = dataset.dataset_id
        recipe = self._recipe()
        count = 1 + int(self.chance("images") * self.images_max)
        image_ids = self._upload([f"{self.number}.{index}" for index in range(count)])
        while not self._all_settled(image_ids):
            self.world.sleep(30.0)
        if self.chance("clicks_twice") < 0.3:
            self.world.marks["double_click"] += 1
            self.clicks += 1
            self.world.spawn(0.2 * self.chance("second_click"), partial(self._click_again, recipe))
        self._submit(recipe)
        if self.has_left:
            return
        if self.chance("uploads_more") < 0.3:
            self.world.marks["late_upload"] += 1
            self._upload([f"{self.number}.late"])
        if self.may_cancel and self.chance("cancels") < 0.2:
            self.world.sleep(120 * self.chance("cancel_after"))
            self.world.marks["cancel"] += 1
            self._cancel(self.submitted[0][1])
        if self.may_retry and self.chance("retries") < 0.3:
            self._retry(self.submitted[0][1])

    def _recipe(self) -> Recipe:
        ids = [
            self._insist(lambda one=one: templates.create(self.api, self.tenant, self.dataset_id, one)).template_id
            for one in TEMPLATES
        ]
        layer = {"region": ids[0], "edits": {"hue": 40}}
        exports = [name for name in ("coco", "yolo-seg") if self.chance(f"wants {name}") < 0.5]
        return Recipe.model_validate({"templates": ids, "layers": [layer], "exports": exports})

    def _upload(self, names: list[str]) -> list[str]:
        files = {name: file_of(self.world.chance("kind", name), name) for name in names}
        announced = tuple(
            Upload(name=f"{name}.jpg", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in files.items()
        )
        body = RequestUploads(files=announced)
        tickets = self._insist(lambda: uploads.announce(self.api, self.tenant, self.dataset_id, body)).items
        for ticket, (name, data) in zip(tickets, files.items(), strict=True):
            self.uploads.objects[keys.upload(self.tenant, self.dataset_id, ticket.image_id)] = data
            if not self.world.strikes("callback_lost", f"upload:{name}"):
                self.arrived(IngestUpload(tenant=self.tenant, dataset_id=self.dataset_id, image_id=ticket.image_id))
        return [ticket.image_id for ticket in tickets]

    def _all_settled(self, image_ids: list[str]) -> bool:
        found = (self.table.rows[rows.image_key(self.tenant, self.dataset_id, image_id)] for image_id in image_ids)
        return all(row["status"] != "expected" for row in found)

    def _click_again(self, recipe: Recipe) -> None:
        try:
            self._submit(recipe)
        finally:
            self.clicks -= 1

    def _submit(self, recipe: Recipe) -> None:
        body, key = SubmitJob(recipe=recipe), f"key-{self.number}"
        leaves = self.may_leave and self.chance("leaves") < 0.5
        try:
            job = submissions.submit(self.api, self.tenant, self.dataset_id, key, body)
        except (Crash, Unavailable):
            if leaves:
                self.world.marks["left"] += 1
                self.has_left = True
                return
            job = self._insist(lambda: submissions.submit(self.api, self.tenant, self.dataset_id, key, body))
        self.submitted.append((self.tenant, job.job.job_id))

    def _retry(self, job_id: str) -> None:
        """Wait for the end of the job, and have it run again under one key, perhaps with two clicks."""
        while not rows.job_of(self.table.rows[rows.job_key(self.tenant, job_id)]).status.is_terminal:
            self.world.sleep(60.0)
        for _ in range(2 if self.chance("retries_twice") < 0.5 else 1):
            try:
                state = self._insist(lambda: submissions.retry(self.api, self.tenant, job_id, f"again-{self.number}"))
            except Conflict:
                self.world.marks["nothing_to_retry"] += 1
                return
            self.world.marks["retry"] += 1
            self.retried.append(state.job.job_id)

    def _cancel(self, job_id: str) -> None:
        def ask() -> None:
            try:
                jobs.cancel(self.api, self.tenant, job_id)
            except Conflict:
                return  # it has ended meanwhile

        self._insist(ask)

    def _insist(self, action: Callable[[], Result]) -> Result:
        """A client that repeats a call, under the same key where it has one, until it gets an answer."""
        while True:
            try:
                return action()
            except (Crash, Unavailable):
                self.world.sleep(10.0)
