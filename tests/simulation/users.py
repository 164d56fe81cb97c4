"""Users of the simulated cloud: they go through the product's own API logic and insist until they have an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from lambdas.serve_api import datasets, images, jobs, submissions, templates, uploads
from lambdas.serve_api.media import MediaGate
from lambdas.serve_api.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.api import CreateDataset, PatchTemplate, RequestUploads, SubmitJob
from maskmill.core.edit import Edits
from maskmill.core.errors import Code, Conflict, InvalidInput, NotFound, Unavailable
from maskmill.core.geometry import Point
from maskmill.core.image import Upload
from maskmill.core.job import job_id_of
from maskmill.core.messages import IngestUpload
from maskmill.core.ports import PostTicket
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe
from maskmill.core.rsa import PrivateKey
from maskmill.core.table import Row
from tests.simulation.cloud import MemoryObjects, MemoryTable
from tests.simulation.stand_ins import file_of
from tests.simulation.world import Crash, World

Result = TypeVar("Result")
TEMPLATES = (
    Template(name="cap", prompt=Prompt(points=(Point(x=0.5, y=0.4),))),
    Template(name="shoe", prompt=Prompt(points=(Point(x=0.2, y=0.9),))),
)

MORE_JOBS = 2  # over the same pictures, fewer than
OVERRIDE = Prompt(points=(Point(x=0.7, y=0.7),))


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


def _no_key() -> PrivateKey:
    raise AssertionError("nobody here looks at pictures")


NO_GATE = MediaGate(url="https://page.example/media/", key_pair_id="none", key=_no_key)


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
    removals: float  # how likely it is that they remove what they have
    arrived: Callable[[IngestUpload], None]  # the store's event
    submitted: list[tuple[str, str]] = field(default_factory=list)  # tenant and job, once for each answer
    retried: list[str] = field(default_factory=list)  # jobs that took up the first one, once for each answer
    dataset_id: str = ""
    has_left: bool = False
    keys: int = 1  # under which jobs were asked for
    clicks: int = 0  # second ones that have not been answered yet
    is_removed: bool = False  # the dataset, by its user or because it expired
    removed_images: set[str] = field(default_factory=set)
    busy: int = 0  # what they do besides

    @property
    def tenant(self) -> str:
        return f"tenant-{self.number % 2}"

    def chance(self, kind: str) -> float:
        return self.world.chance(kind, f"user-{self.number}")

    def work(self) -> None:
        """Upload, wait, submit, and what people do besides; who removes a dataset finds nothing of it any more."""
        try:
            self._work()
        except NotFound:
            if not self.is_removed:
                raise
            self.world.marks["met_nothing"] += 1
        except InvalidInput as error:
            if error.code is not Code.NO_IMAGES or not (self.is_removed or self.removed_images):
                raise
            self.world.marks["met_nothing"] += 1
        while self.busy:
            self.world.sleep(60.0)

    def _work(self) -> None:
        expires_in_s = None
        if self._does("expires", 0.2):
            self.is_removed, expires_in_s = True, 60 + int(3000 * self.chance("life"))
        body = CreateDataset(name=f"set {self.number}", expires_in_s=expires_in_s)
        dataset = self._insist(lambda: datasets.create(self.api, self.tenant, body))
        self.dataset_id = dataset.dataset_id
        if not self.is_removed and self._does("removes", 0.6):
            self.is_removed = True
            self._besides(self._remove)
        recipe = self._recipe()
        count = 1 + int(self.chance("images") * self.images_max)
        image_ids = self._upload([f"{self.number}.{index}" for index in range(count)])
        while not self._all_settled(image_ids):
            self.world.sleep(30.0)
        if self.chance("overrides") < 0.3:
            self._override(recipe.templates[1], image_ids)
        if self._does("removes_images", 0.5):
            self._besides(lambda: self._remove_images(image_ids))
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
        if self.may_retry:
            for again in range(int(MORE_JOBS * self.chance("more jobs"))):
                self._submit_again(recipe, again)

    def _recipe(self) -> Recipe:
        ids = [
            self._insist(lambda one=one: templates.create(self.api, self.tenant, self.dataset_id, one)).template_id
            for one in TEMPLATES
        ]
        layer = {"region": ids[0], "edits": {"hue": 40}}
        exports = [name for name in ("coco", "yolo-seg") if self.chance(f"wants {name}") < 0.3]
        return Recipe.model_validate({"templates": ids, "layers": [layer], "exports": exports})

    def _override(self, template_id: str, image_ids: list[str]) -> None:
        """Click again on about half of the images, and on one that there never was."""
        own = [image_id for image_id in image_ids if self.chance(f"overrides {image_id}") < 0.5]
        body = PatchTemplate(overrides=dict.fromkeys([*own, "gone"], OVERRIDE))
        change = partial(templates.change, self.api, self.tenant, self.dataset_id, template_id, body, if_match=None)
        self._insist(change)
        self.world.marks["override"] += 1

    def _upload(self, names: list[str]) -> list[str]:
        more_twins = 3 if self.removals else 1  # those who remove pictures have more of them in common
        files = {name: file_of(self.world.chance("kind", name) ** (1 / more_twins), name) for name in names}
        image_ids = self._announce(files)
        for image_id, (name, data) in zip(image_ids, files.items(), strict=True):
            self._send(image_id, name, data)
        return image_ids

    def _announce(self, files: dict[str, bytes]) -> list[str]:
        announced = tuple(
            Upload(name=f"{name}.jpg", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in files.items()
        )
        body = RequestUploads(files=announced)
        tickets = self._insist(lambda: uploads.announce(self.api, self.tenant, self.dataset_id, body)).items
        return [ticket.image_id for ticket in tickets]

    def _send(self, image_id: str, name: str, data: bytes) -> None:
        """Put a file into the store, whose event may be lost."""
        self.uploads.objects[keys.upload(self.tenant, self.dataset_id, image_id)] = data
        if self.world.strikes("event_lost", name):
            return
        for _ in range(2 if self.world.strikes("event_twice", name) else 1):
            self.arrived(IngestUpload(tenant=self.tenant, dataset_id=self.dataset_id, image_id=image_id))

    def _all_settled(self, image_ids: list[str]) -> bool:
        found = (self.table.rows.get(rows.image_key(self.tenant, self.dataset_id, image_id)) for image_id in image_ids)
        return all(row is None or row["status"] != "expected" for row in found)

    def _does(self, what: str, share: float) -> bool:
        """Whether this user is one of those who remove things, and removes them in this way."""
        return self.chance(what) < self.removals * share

    def _besides(self, action: Callable[[], None]) -> None:
        """Begin something else at some moment of the next minutes."""
        self.busy += 1

        def act() -> None:
            try:
                action()
            except NotFound:
                assert self.is_removed
            finally:
                self.busy -= 1

        self.world.spawn(900 * self.chance("besides") ** 2, act)

    def _remove(self) -> None:
        """Announce a file, remove the dataset, and send the file nevertheless: its form was handed out before."""
        late = self._announce({f"{self.number}.stray": b"good stray"}) if self.chance("stray") < 0.5 else []
        self.world.marks["removal"] += 1
        self._insist(lambda: datasets.remove(self.api, self.tenant, self.dataset_id))
        with suppress(NotFound):
            self._insist(lambda: datasets.read(self.api, self.tenant, self.dataset_id))
            raise AssertionError("a removed dataset is seen")
        for image_id in late:
            self.world.sleep(800 * self.chance("stray_after"))
            self._send(image_id, f"{self.number}.stray", b"good stray")

    def _remove_images(self, image_ids: list[str]) -> None:
        for image_id in image_ids:
            if self.chance("removes_image") < 0.5:
                self.world.marks["image_removal"] += 1
                self.removed_images.add(image_id)
                with suppress(NotFound):  # a lost answer may have been the only one
                    self._insist(lambda one=image_id: images.remove(self.api, self.tenant, self.dataset_id, one))
                image_row = rows.image_key(self.tenant, self.dataset_id, image_id)
                assert self.is_removed or image_row not in self.table.rows

    def _click_again(self, recipe: Recipe) -> None:
        try:
            self._submit(recipe)
        except (NotFound, InvalidInput):
            assert self.is_removed or self.removed_images
        finally:
            self.clicks -= 1

    def _submit(self, recipe: Recipe, key: str = "") -> None:
        body, key = SubmitJob(recipe=recipe), key or f"key-{self.number}"
        leaves = self.may_leave and self.chance("leaves") < 0.2
        try:
            job = submissions.submit(self.api, self.tenant, self.dataset_id, key, body)
        except (Crash, Unavailable):
            if leaves:
                self.world.marks["left"] += 1
                self.world.left.add(job_id_of(self.tenant, key))
                self.has_left = True
                return
            job = self._insist(lambda: submissions.submit(self.api, self.tenant, self.dataset_id, key, body))
        self.submitted.append((self.tenant, job.job.job_id))

    def _submit_again(self, recipe: Recipe, again: int) -> None:
        """The same pictures with other edits, once the last job has ended: most masks are known by then."""
        self._await_end(self.submitted[-1][1])
        if self.has_left:
            return
        layers = tuple(layer.model_copy(update={"edits": Edits(hue=60 + 10 * again)}) for layer in recipe.layers)
        self.world.marks["second_job"] += 1
        self.keys += 1
        self._submit(recipe.model_copy(update={"layers": layers}), f"key-{self.number}-{again}")

    def _await_end(self, job_id: str) -> None:
        while not rows.job_of(self._job_row(job_id)).status.is_terminal:
            self.world.sleep(60.0)

    def _retry(self, job_id: str) -> None:
        """Wait for the end of the job, and have it run again under one key, perhaps with two clicks."""
        self._await_end(job_id)
        for _ in range(2 if self.chance("retries_twice") < 0.5 else 1):
            try:
                state = self._insist(lambda: submissions.retry(self.api, self.tenant, job_id, f"again-{self.number}"))
            except Conflict:
                self.world.marks["nothing_to_retry"] += 1
                return
            self.world.marks["retry"] += 1
            self.retried.append(state.job.job_id)

    def _job_row(self, job_id: str) -> Row:
        row = self.table.rows.get(rows.job_key(self.tenant, job_id))
        if row is None:
            raise NotFound(detail="job")
        return row

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
