"""The routes of the API as a table: what of a request each one hands on and how its answer leaves.

It knows nothing of the gateway's events, and decides nothing that a resource decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel

from lambdas.serve_api import (
    about,
    bodies,
    cursors,
    datasets,
    images,
    jobs,
    results,
    segmenting,
    submissions,
    templates,
    uploads,
)
from lambdas.serve_api.ports import Ports
from maskmill.core.api import CreateDataset, JobView, RequestUploads, SegmentImage, SubmitJob
from maskmill.core.automask import Automask
from maskmill.core.errors import FieldFault, InvalidInput
from maskmill.core.image import ImageStatus
from maskmill.core.item import ItemStatus
from maskmill.core.prompt import Template

PREFIX = "/api/v1"
POLL_AFTER_S = 2

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request: `ids` are those of its path, each of a valid shape; header names are lower-case."""

    ports: Ports
    tenant: str
    ids: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Callable[[], bytes]

    @property
    def dataset(self) -> str:
        return self.ids["dataset"]

    @property
    def image(self) -> str:
        return self.ids["image"]

    @property
    def job(self) -> str:
        return self.ids["job"]

    @property
    def cursor(self) -> str | None:
        return self.query.get("cursor")

    def limit(self) -> int:
        return cursors.limit_of(self.query.get("limit"))

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        text = self.query.get(name)
        if text is None:
            return None
        known = [choice.value for choice in choices]
        if text not in known:
            fault = FieldFault(pointer=f"/{name}", detail=f"one of {', '.join(known)}")
            raise InvalidInput(faults=(fault,))
        return choices(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; without a body it is empty."""

    status: int
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path pattern below the prefix, for signed-in callers."""

    method: str
    path: str
    run: Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """A path that anyone may GET."""

    path: str
    run: Callable[[Ports], BaseModel]


def _create_dataset(call: Call) -> Reply:
    return Reply(201, datasets.create(call.ports, call.tenant, bodies.read(call.body(), CreateDataset)))


def _list_datasets(call: Call) -> Reply:
    return Reply(200, datasets.listed(call.ports, call.tenant, cursor=call.cursor, limit=call.limit()))


def _read_dataset(call: Call) -> Reply:
    return Reply(200, datasets.read(call.ports, call.tenant, call.dataset))


def _announce_uploads(call: Call) -> Reply:
    body = bodies.read(call.body(), RequestUploads, uploads.code_for)
    return Reply(201, uploads.announce(call.ports, call.tenant, call.dataset, body))


def _list_images(call: Call) -> Reply:
    status = call.choice("status", ImageStatus)
    page = images.listed(call.ports, call.tenant, call.dataset, status=status, cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _read_image(call: Call) -> Reply:
    return Reply(200, images.read(call.ports, call.tenant, call.dataset, call.image))


def _segment_image(call: Call) -> Reply:
    body = bodies.read(call.body(), SegmentImage)
    return Reply(200, segmenting.segment(call.ports, call.tenant, call.dataset, call.image, body))


def _find_everything(call: Call) -> Reply:
    body = bodies.read(call.body(), Automask)
    return Reply(200, segmenting.find_everything(call.ports, call.tenant, call.dataset, call.image, body))


def _read_embedding(call: Call) -> Reply:
    view = segmenting.embedding(call.ports, call.tenant, call.dataset, call.image)
    return Reply(200, view) if view.url else Reply(202, view, {"Retry-After": str(POLL_AFTER_S)})


def _create_template(call: Call) -> Reply:
    body = bodies.read(call.body(), Template)
    return Reply(201, templates.create(call.ports, call.tenant, call.dataset, body))


def _list_templates(call: Call) -> Reply:
    page = templates.listed(call.ports, call.tenant, call.dataset, cursor=call.cursor, limit=call.limit())
    return Reply(200, page)


def _read_template(call: Call) -> Reply:
    return Reply(200, templates.read(call.ports, call.tenant, call.dataset, call.ids["template"]))


def _submit_job(call: Call) -> Reply:
    body = bodies.read(call.body(), SubmitJob, submissions.code_for)
    key = call.headers.get("idempotency-key")
    state = submissions.submit(call.ports, call.tenant, call.dataset, key, body)
    return _accepted(jobs.view(call.ports.table, state))


def _accepted(job: JobView) -> Reply:
    where = {"Location": f"{PREFIX}/jobs/{job.job_id}", "Retry-After": str(POLL_AFTER_S)}
    return Reply(202, job, where)


def _list_jobs(call: Call) -> Reply:
    limit = cursors.limit_of(call.query.get("limit"), default=jobs.LISTED_DEFAULT, most=jobs.LISTED_MAX)
    return Reply(200, jobs.listed(call.ports, call.tenant, cursor=call.cursor, limit=limit))


def _read_job(call: Call) -> Reply:
    job = jobs.read(call.ports, call.tenant, call.job)
    tag = f'"{hashlib.sha256(job.model_dump_json().encode()).hexdigest()[:32]}"'
    known = {part.strip().removeprefix("W/") for part in call.headers.get("if-none-match", "").split(",")}
    return Reply(304, None, {"ETag": tag}) if {tag, "*"} & known else Reply(200, job, {"ETag": tag})


def _cancel_job(call: Call) -> Reply:
    return _accepted(jobs.cancel(call.ports, call.tenant, call.job))


def _list_items(call: Call) -> Reply:
    status = call.choice("status", ItemStatus)
    return Reply(200, results.items(call.ports, call.tenant, call.job, status=status, cursor=call.cursor))


def _list_variants(call: Call) -> Reply:
    return Reply(200, results.variants(call.ports, call.tenant, call.job, cursor=call.cursor))


def _read_files(call: Call) -> Reply:
    return Reply(200, results.files(call.ports, call.tenant, call.job))


ROUTES = (
    Route("POST", "/datasets", _create_dataset),
    Route("GET", "/datasets", _list_datasets),
    Route("GET", "/datasets/<dataset>", _read_dataset),
    Route("POST", "/datasets/<dataset>/uploads", _announce_uploads),
    Route("GET", "/datasets/<dataset>/images", _list_images),
    Route("GET", "/datasets/<dataset>/images/<image>", _read_image),
    Route("POST", "/datasets/<dataset>/images/<image>/segment", _segment_image),
    Route("POST", "/datasets/<dataset>/images/<image>/automask", _find_everything),
    Route("GET", "/datasets/<dataset>/images/<image>/embedding", _read_embedding),
    Route("POST", "/datasets/<dataset>/templates", _create_template),
    Route("GET", "/datasets/<dataset>/templates", _list_templates),
    Route("GET", "/datasets/<dataset>/templates/<template>", _read_template),
    Route("POST", "/datasets/<dataset>/jobs", _submit_job),
    Route("GET", "/jobs", _list_jobs),
    Route("GET", "/jobs/<job>", _read_job),
    Route("POST", "/jobs/<job>/cancel", _cancel_job),
    Route("GET", "/jobs/<job>/items", _list_items),
    Route("GET", "/jobs/<job>/variants", _list_variants),
    Route("GET", "/jobs/<job>/files", _read_files),
)

PUBLIC_ROUTES = (
    PublicRoute("/health", about.health),
    PublicRoute("/limits", about.bounds),
)
