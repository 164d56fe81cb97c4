"""What makes each route answer as it promises: a good request of every route, and a request for each other outcome.

An outcome is a status of the route's answers or a code of its refusals. What follows from the kind of a route (no
token, no such id, no JSON, a key that runs already) is made in test_api_routes.py from the good request; everything
that a route promises by itself has its case here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from maskmill.core import rows
from maskmill.core.automask import FoundMask
from maskmill.core.errors import Code
from maskmill.core.export import ExportFormat
from maskmill.core.geometry import Point
from maskmill.core.image import Refusal
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import (
    LANE_ANSWER_BYTES_MAX,
    TEMPLATES_PER_DATASET_MAX,
    UPLOAD_BYTES_MAX,
    WEBHOOK_ASKED_AGAIN_MAX,
    WEBHOOKS_PER_TENANT_MAX,
)
from maskmill.core.shard import ImageAnswer, MaskAnswer, ServerProblem, ShardAnswer
from maskmill.core.table import Put, Update, Write
from maskmill.core.usage import Quota
from tests.contract import aws
from tests.unit.lambdas.gateway import LANE_SEGMENTER, PROMPT, SHA256, Api, mask_of, recipe

MISSING = "01j0000000000000000000000z"


@dataclass(frozen=True)
class Request:
    """A request by the parts of its path, so that the ids in it can be changed."""

    ids: dict[str, str] = field(default_factory=dict)
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """One tenant of the service, and what it has; whatever is asked for is made then."""

    api: Api
    lane: aws.LaneFunction
    patch: pytest.MonkeyPatch
    is_admin: bool = True  # where a call asks for it

    @cached_property
    def ready(self) -> tuple[str, str, list[str]]:
        return self.api.ready_dataset()

    @property
    def dataset(self) -> str:
        return self.ready[0]

    @property
    def template(self) -> str:
        return self.ready[1]

    @property
    def image(self) -> str:
        return self.ready[2][0]

    @cached_property
    def job(self) -> str:
        answer = self.api.submit(self.dataset, self.template)
        assert answer.status == 202, answer.text
        return str(answer.json["job_id"])

    @cached_property
    def planned_job(self) -> str:
        self.api.plan(self.job, items=2, chunk_items=1)
        self.api.result(self.job, 0)
        return self.job

    def ended_job(self, status: JobStatus = JobStatus.PARTIAL, **more: Any) -> str:
        table = self.api.ports.table
        now = self.api.ports.clock.now()
        table.write(rows.close_job(self.api.tenant, self.planned_job, status=status, finished_at=now, **more))
        return self.job

    @cached_property
    def webhook(self) -> str:
        return str(self.api.post("/webhooks", {"url": URL}).json["webhook_id"])

    @cached_property
    def delivery(self) -> str:
        return str(self.api.post(f"/webhooks/{self.webhook}/test").json["delivery_id"])

    def everything(self) -> dict[str, str]:
        """One thing of every kind, by the names that paths have for them."""
        return {
            **self.on_image(),
            **self.on_template(),
            "job": self.planned_job,
            "webhook": self.webhook,
            "delivery": self.delivery,
            "format": ExportFormat.COCO.value,
        }

    def in_dataset(self) -> dict[str, str]:
        return {"dataset": self.dataset}

    def on_image(self) -> dict[str, str]:
        return {"dataset": self.dataset, "image": self.image}

    def on_template(self) -> dict[str, str]:
        return {"dataset": self.dataset, "template": self.template}

    def on_new_image(self) -> dict[str, str]:
        """An image that has not arrived."""
        return {"dataset": self.dataset, "image": self.api.announce(self.dataset, "new.jpg")[0]}

    def meanwhile(self, row: str, change: Callable[[], Any]) -> None:
        """Somebody else makes a change just before the next update of a row of this kind."""
        table = type(self.api.ports.table)
        write = table.write

        def late(port: Any, wanted: Write) -> Any:
            if isinstance(wanted, Update) and wanted.key.sk.startswith(row):
                self.patch.setattr(table, "write", write)
                change()
            return write(port, wanted)

        self.patch.setattr(table, "write", late)

    def limit(self, quota: Quota) -> None:
        """What an administrator writes: no more of this."""
        self.api.ports.table.write(Put(rows.limits_key(self.api.tenant), {quota.value: 0}))


URL = "https://hooks.example.com/maskmill"
FILE = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256}
Maker = Callable[[World], Request]

GOOD: dict[str, Maker] = {}
CASES: dict[tuple[str, int | Code], Maker] = {}


def good(name: str) -> Callable[[Maker], Maker]:
    def keep(make: Maker) -> Maker:
        GOOD[name] = make
        return make

    return keep


def case(name: str, *outcomes: int | Code) -> Callable[[Maker], Maker]:
    def keep(make: Maker) -> Maker:
        for outcome in outcomes:
            assert (name, outcome) not in CASES
            CASES[name, outcome] = make
        return make

    return keep


# About the service --------------------------------------------------------------------------------------------------


for _name in (
    "about_health",
    "about_bounds",
    "manual_read_description",
    "manual_read_page",
    "manual_read_start",
    "manual_read_script",
    "manual_read_style",
    "usage_read",
    "spending_read",
    "datasets_list",
    "jobs_list",
    "webhooks_list",
    "live_issue_ticket",
):
    GOOD[_name] = lambda _world: Request()


@good("spending_turn")
def _(_world: World) -> Request:
    return Request(body={"is_stopped": False})


@case("spending_turn", Code.FORBIDDEN)
def _(world: World) -> Request:
    world.is_admin = False
    return Request(body={"is_stopped": False})


# Datasets -----------------------------------------------------------------------------------------------------------


@good("datasets_create")
def _(_world: World) -> Request:
    return Request(body={"name": "set"})


@case("datasets_create", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    world.limit(Quota.DATASETS)
    return Request(body={"name": "set"})


@good("datasets_read")
def _(world: World) -> Request:
    return Request(world.in_dataset())


@good("datasets_change")
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"name": "another"})


@good("datasets_remove")
def _(world: World) -> Request:
    return Request(world.in_dataset())


# Images -------------------------------------------------------------------------------------------------------------


@good("images_announce")
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"files": [FILE]})


@case("images_announce", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    ids = world.in_dataset()
    world.limit(Quota.IMAGES)
    return Request(ids, {"files": [FILE]})


@case("images_announce", Code.INVALID_FILENAME)
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"files": [{**FILE, "name": "a\nb.jpg"}]})


@case("images_announce", Code.FILE_TOO_LARGE)
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"files": [{**FILE, "size_bytes": UPLOAD_BYTES_MAX + 1}]})


@good("images_list")
def _(world: World) -> Request:
    return Request(world.in_dataset())


@good("images_read")
def _(world: World) -> Request:
    return Request(world.on_image())


@good("images_remove")
def _(world: World) -> Request:
    return Request(world.on_image())


# What is answered at once -------------------------------------------------------------------------------------------


ASKED = {"images_segment": {"prompt": PROMPT, "top_k": 3}, "images_find_everything": {}, "images_read_embedding": None}


def refusing(code: str) -> Any:
    return lambda _payload: aws.answering(ServerProblem(code=code, message="it is so"))


def failing(code: str) -> Any:
    image = ImageAnswer(image_key="0", error=Refusal(code=code, message="it is so"))
    return lambda _payload: aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(image,)))


def far_too_long(_payload: Any) -> Any:
    long = mask_of(0.5, counts="0" * (LANE_ANSWER_BYTES_MAX // 2))
    found = FoundMask(mask=long, stability=1.0, point=Point(x=0.5, y=0.5))
    candidates = MaskAnswer(mask_key="0", mask=long, others=(long, long))
    image = ImageAnswer(image_key="0", masks=(candidates,), found=(found,) * 3)
    return aws.answering(ShardAnswer(segmenter=LANE_SEGMENTER, images=(image,)))


def _on_lane(name: str) -> None:
    body = ASKED[name]

    def without_seconds(world: World) -> Request:
        ids = world.on_image()
        world.limit(Quota.GPU_SECONDS_PER_DAY)
        return Request(ids, body)

    def answered(reply: Any) -> Maker:
        def make(world: World) -> Request:
            ids = world.on_image()
            world.lane.reply = reply
            return Request(ids, body)

        return make

    good(name)(lambda world: Request(world.on_image(), body))
    case(name, Code.QUOTA_EXCEEDED)(without_seconds)
    case(name, Code.CONFLICT)(lambda world: Request(world.on_new_image(), body))
    case(name, Code.MODEL_FAILED)(answered(failing("model_failed")))
    case(name, Code.MODEL_TIMEOUT)(answered(failing("model_timeout")))
    if name == "images_read_embedding":
        case(name, 202)(answered(refusing("model_unavailable")))
        return
    case(name, Code.MODEL_UNAVAILABLE)(answered(refusing("model_unavailable")))
    case(name, Code.ANSWER_TOO_LARGE)(answered(far_too_long))


for _name in ASKED:
    _on_lane(_name)


@case("images_segment", Code.NEED_POSITIVE_POINT)
def _(world: World) -> Request:
    return Request(world.on_image(), {"prompt": {"points": [{"x": 0, "y": 0, "positive": False}]}})


# Templates ----------------------------------------------------------------------------------------------------------


@good("templates_create")
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"name": "cap", "prompt": PROMPT})


@case("templates_create", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    ids = world.in_dataset()
    key = rows.dataset_key(world.api.tenant, world.dataset)
    world.api.ports.table.write(Update(key, set={("templates_reserved",): TEMPLATES_PER_DATASET_MAX}))
    return Request(ids, {"name": "cap", "prompt": PROMPT})


@case("templates_create", Code.NEED_POSITIVE_POINT)
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"name": "cap"})


@case("templates_create", Code.NOT_IMPLEMENTED)
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"name": "cap", "prompt": PROMPT, "placement": "match"})


@good("templates_list")
def _(world: World) -> Request:
    return Request(world.in_dataset())


@good("templates_read")
def _(world: World) -> Request:
    return Request(world.on_template())


@case("templates_read", 304)
def _(world: World) -> Request:
    return Request(world.on_template(), headers={"If-None-Match": "*"})


@good("templates_change")
def _(world: World) -> Request:
    return Request(world.on_template(), {"name": "cap", "overrides": {world.image: PROMPT}})


@case("templates_change", Code.NEED_POSITIVE_POINT)
def _(world: World) -> Request:
    return Request(world.on_template(), {"prompt": None})


@case("templates_change", Code.NOT_IMPLEMENTED)
def _(world: World) -> Request:
    return Request(world.on_template(), {"placement": "match"})


@case("templates_change", Code.PRECONDITION_FAILED)
def _(world: World) -> Request:
    return Request(world.on_template(), {"name": "cap"}, headers={"If-Match": '"another"'})


@good("templates_remove")
def _(world: World) -> Request:
    return Request(world.on_template())


@case("templates_remove", Code.PRECONDITION_FAILED)
def _(world: World) -> Request:
    return Request(world.on_template(), headers={"If-Match": '"another"'})


# Jobs ---------------------------------------------------------------------------------------------------------------


@good("jobs_submit")
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"recipe": recipe(world.template)})


@case("jobs_submit", Code.INVALID_RECIPE)
def _(world: World) -> Request:
    return Request(world.in_dataset(), {"recipe": recipe("nothing")})


@case("jobs_submit", Code.NO_IMAGES)
def _(world: World) -> Request:
    dataset = world.api.dataset()
    return Request({"dataset": dataset}, {"recipe": recipe(world.api.template(dataset))})


@case("jobs_submit", Code.TOO_MANY_IMAGES)
def _(world: World) -> Request:
    world.patch.setattr("maskmill.core.recipe.VARIANTS_PER_JOB_MAX", 1)
    dataset, template, _ = world.api.ready_dataset(images=2)
    return Request({"dataset": dataset}, {"recipe": recipe(template)})


@case("jobs_submit", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    request = GOOD["jobs_submit"](world)
    world.limit(Quota.OPEN_JOBS)
    return request


@case("jobs_submit", Code.IDEMPOTENCY_MISMATCH)
def _(world: World) -> Request:
    world.api.submit(world.dataset, world.template, key="k")
    body = {"recipe": recipe(world.template, seed=5)}
    return Request(world.in_dataset(), body, headers={"Idempotency-Key": "k"})


@case("jobs_list", Code.NOT_FOUND)
def _(_world: World) -> Request:
    return Request(query={"dataset": MISSING})


def _good_of_job(name: str) -> None:
    good(name)(lambda world: Request({"job": world.planned_job}))


for _name in ("jobs_read", "jobs_cancel", "jobs_list_items", "jobs_list_variants", "live_list_events"):
    _good_of_job(_name)


@case("jobs_read", 304)
def _(world: World) -> Request:
    return Request({"job": world.job}, headers={"If-None-Match": "*"})


@case("jobs_cancel", Code.CONFLICT)
def _(world: World) -> Request:
    return Request({"job": world.ended_job()})


@good("jobs_retry")
def _(world: World) -> Request:
    counts = Counts(done=1, failed=1)
    return Request({"job": world.ended_job(counts=counts)})


@case("jobs_retry", Code.CONFLICT)
def _(world: World) -> Request:
    return Request({"job": world.job})


@case("jobs_retry", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    request = GOOD["jobs_retry"](world)
    world.limit(Quota.OPEN_JOBS)
    return request


@case("jobs_retry", Code.IDEMPOTENCY_MISMATCH)
def _(world: World) -> Request:
    request = GOOD["jobs_retry"](world)
    world.api.submit(world.dataset, world.template, key="k")
    return replace(request, headers={"Idempotency-Key": "k"})


@good("jobs_read_files")
def _(world: World) -> Request:
    return Request({"job": world.ended_job(dataset_bytes=100)})


@case("jobs_read_files", Code.CONFLICT)
def _(world: World) -> Request:
    return Request({"job": world.job})


good("jobs_estimate")(GOOD["jobs_submit"])
for _code in (Code.INVALID_RECIPE, Code.NO_IMAGES, Code.TOO_MANY_IMAGES):
    case("jobs_estimate", _code)(CASES["jobs_submit", _code])


# Exports ------------------------------------------------------------------------------------------------------------


@good("exports_list")
def _(world: World) -> Request:
    return GOOD["exports_read"](world)


@good("exports_ask")
def _(world: World) -> Request:
    return Request({"job": world.ended_job(dataset_bytes=100), "format": ExportFormat.COCO.value})


@case("exports_ask", Code.CONFLICT)
def _(world: World) -> Request:
    return Request({"job": world.job, "format": ExportFormat.COCO.value})


@case("exports_read", 202)
def _(world: World) -> Request:
    request = GOOD["exports_ask"](world)
    world.api.post("/jobs/{job}/exports/{format}".format(**request.ids))
    return request


@good("exports_read")
def _(world: World) -> Request:
    request = CASES["exports_read", 202](world)
    _give_up(world, ExportFormat.COCO)
    return request


def _give_up(world: World, export: ExportFormat) -> None:
    now, reason = world.api.ports.clock.now(), Refusal(code="gave_up", message="It is so.")
    world.api.ports.table.write(rows.fail_export(world.api.tenant, world.job, export, reason, finished_at=now))


@case("exports_archive", 202)
def _(world: World) -> Request:
    job = world.ended_job(dataset_bytes=100)
    world.api.post(f"/jobs/{job}/exports/archive")
    return Request({"job": job})


@good("exports_archive")
def _(world: World) -> Request:
    request = CASES["exports_archive", 202](world)
    _give_up(world, ExportFormat.ARCHIVE)
    return request


# Webhooks -----------------------------------------------------------------------------------------------------------


for _name in ("media_open", "media_close"):
    good(_name)(lambda _world: Request())


@good("webhooks_create")
def _(_world: World) -> Request:
    return Request(body={"url": URL})


@case("webhooks_create", Code.QUOTA_EXCEEDED)
def _(world: World) -> Request:
    for _ in range(WEBHOOKS_PER_TENANT_MAX):
        world.api.post("/webhooks", {"url": URL})
    return Request(body={"url": URL})


@case("webhooks_create", Code.WEBHOOK_URL_REFUSED)
def _(_world: World) -> Request:
    return Request(body={"url": "https://127.0.0.1/"})


for _name in ("webhooks_read", "webhooks_remove", "webhooks_rotate", "webhooks_test", "webhooks_list_deliveries"):
    good(_name)(lambda world: Request({"webhook": world.webhook}))


@case("webhooks_rotate", Code.CONFLICT)
def _(world: World) -> Request:
    path = f"/webhooks/{world.webhook}/rotate"
    world.meanwhile("WEBHOOK#", lambda: world.api.post(path))
    return Request({"webhook": world.webhook})


@good("webhooks_retry")
def _(world: World) -> Request:
    return Request({"webhook": world.webhook, "delivery": world.delivery})


@case("webhooks_retry", Code.CONFLICT)
def _(world: World) -> Request:
    request = GOOD["webhooks_retry"](world)
    key = rows.delivery_key(world.api.tenant, world.webhook, world.delivery)
    world.api.ports.table.write(Update(key, set={("asked_again",): WEBHOOK_ASKED_AGAIN_MAX}))
    return request
