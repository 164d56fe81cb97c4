"""The client and the command against the real routes: what one sends the other understands, and no route is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from typer.testing import CliRunner

from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from maskmill.cli.main import app
from maskmill.client import Client
from maskmill.client.retry import Backoff
from maskmill.core.api import (
    CreateWebhook,
    FindEverything,
    PatchDataset,
    PatchTemplate,
    SegmentImage,
    SubmitJob,
)
from maskmill.core.automask import Automask
from maskmill.core.errors import Code, Conflict, InvalidInput, NotFound
from maskmill.core.export import ExportFormat
from maskmill.core.geometry import Point
from maskmill.core.image import Upload
from maskmill.core.prompt import Placement, Prompt, Template
from maskmill.core.recipe import Recipe
from tests.unit.client.fake_service import serving
from tests.unit.client.fake_store import Answer
from tests.unit.lambdas.gateway import Api, claims_of, gateway_event
from tests.unit.lambdas.things import things

PATIENCE = Backoff(sleep=lambda seconds: None, fraction=lambda: 0.0)
CLICK = Prompt(points=(Point(x=0.5, y=0.5),))
Ids = dict[str, str]


class Gateway:
    """The real handler behind HTTP; the bearer token is the name of the tenant."""

    def __init__(self) -> None:
        self.url = ""
        self.called: list[tuple[str, str, dict[str, str]]] = []

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        path = unquote(parts.path)
        self.called.append((method, path.removeprefix("/api/v1"), headers))
        tenant = headers.get("authorization", "").removeprefix("Bearer ")
        event = gateway_event(
            method,
            path,
            claims=claims_of(tenant) if tenant else None,
            body=body.decode() if body else None,
            headers=headers,
            query=dict(parse_qsl(parts.query)) or None,
        )
        found = Api(tenant).send(event)
        return Answer(found.status, found.text.encode(), found.headers, cookies=found.cookies)


@pytest.fixture
def gateway(account: dict[str, str], socket_enabled: None) -> Iterator[Gateway]:
    with serving(Gateway()) as running:  # type: ignore[type-var]
        yield running


@pytest.fixture(scope="module")
def shared(account: dict[str, str]) -> Ids:
    """What one tenant has; for all that removes nothing."""
    return things()


@pytest.fixture
def owned(account: dict[str, str]) -> Ids:
    return things()


@pytest.fixture
def client(gateway: Gateway, owned: Ids) -> Iterator[Client]:
    with Client(gateway.url, owned["owner"], backoff=PATIENCE) as connected:
        yield connected


def refused(call: Callable[[], object]) -> None:
    """What the client's user may not do."""
    with pytest.raises(InvalidInput) as raised:
        call()
    assert raised.value.code is Code.FORBIDDEN


def recipe_of(ids: Ids) -> SubmitJob:
    return SubmitJob(recipe=Recipe(templates=(ids["template"],)))


CALLS: dict[str, Callable[[Client, Ids], object]] = {
    "GET /health": lambda c, _: c.health(),
    "GET /limits": lambda c, _: c.limits(),
    "GET /usage": lambda c, _: c.usage(),
    "GET /spending": lambda c, _: c.spending(),
    "PATCH /spending": lambda c, _: refused(c.resume_spending),
    "POST /datasets": lambda c, _: c.create_dataset("new", trial=True),
    "GET /datasets": lambda c, _: list(c.datasets()),
    "GET /datasets/<dataset>": lambda c, i: c.dataset(i["dataset"]),
    "PATCH /datasets/<dataset>": lambda c, i: c.change_dataset(i["dataset"], PatchDataset(name="other")),
    "DELETE /datasets/<dataset>": lambda c, i: c.delete_dataset(i["dataset"]),
    "POST /datasets/<dataset>/uploads": lambda c, i: c.request_uploads(
        i["dataset"], [Upload(name="a.jpg", size_bytes=1, sha256="0" * 64)]
    ),
    "GET /datasets/<dataset>/images": lambda c, i: list(c.images(i["dataset"])),
    "GET /datasets/<dataset>/images/<image>": lambda c, i: c.image(i["dataset"], i["image"]),
    "DELETE /datasets/<dataset>/images/<image>": lambda c, i: c.delete_image(i["dataset"], i["image"]),
    "POST /datasets/<dataset>/images/<image>/segment": lambda c, i: c.segment(
        i["dataset"], i["image"], SegmentImage(prompt=CLICK, top_k=2)
    ),
    "POST /datasets/<dataset>/images/<image>/automask": lambda c, i: c.automask(i["dataset"], i["image"], Automask()),
    "GET /datasets/<dataset>/images/<image>/embedding": lambda c, i: c.embedding(i["dataset"], i["image"]),
    "POST /datasets/<dataset>/templates": lambda c, i: c.create_template(
        i["dataset"], Template(name="all", placement=Placement.WHOLE)
    ),
    "GET /datasets/<dataset>/templates": lambda c, i: list(c.templates(i["dataset"])),
    "GET /datasets/<dataset>/templates/<template>": lambda c, i: c.template(i["dataset"], i["template"]),
    "PATCH /datasets/<dataset>/templates/<template>": lambda c, i: c.change_template(
        i["dataset"], i["template"], PatchTemplate(name="other")
    ),
    "DELETE /datasets/<dataset>/templates/<template>": lambda c, i: c.delete_template(i["dataset"], i["template"]),
    "POST /datasets/<dataset>/jobs": lambda c, i: c.submit_job(i["dataset"], recipe_of(i)),
    "POST /datasets/<dataset>/jobs/estimate": lambda c, i: c.estimate_job(i["dataset"], recipe_of(i)),
    "GET /jobs/<job>/exports": lambda c, i: list(c.exports(i["job"])),
    "POST /jobs/<job>/exports/<format>": lambda c, i: c.ask_export(i["job"], ExportFormat.COCO),
    "GET /jobs/<job>/exports/<format>": lambda c, i: c.export_state(i["job"], ExportFormat.COCO),
    "GET /jobs/<job>/archive": lambda c, i: c.archive(i["job"]),
    "GET /jobs": lambda c, _: list(c.jobs()),
    "GET /jobs/<job>": lambda c, i: c.job(i["job"]),
    "POST /jobs/<job>/cancel": lambda c, i: c.cancel_job(i["job"]),
    "POST /jobs/<job>/retry": lambda c, i: c.retry_job(i["job"]),
    "GET /jobs/<job>/items": lambda c, i: list(c.items(i["job"])),
    "GET /jobs/<job>/variants": lambda c, i: list(c.variants(i["job"])),
    "GET /jobs/<job>/files": lambda c, i: c.dataset_files(i["job"]),
    "GET /jobs/<job>/events": lambda c, i: c.events(i["job"], since=3),
    "POST /live/tickets": lambda c, _: c.live_ticket(),
    "POST /media-session": lambda c, _: c.open_media(),
    "DELETE /media-session": lambda c, _: c.close_media(),
    "POST /webhooks": lambda c, _: c.create_webhook(CreateWebhook(url="https://hooks.example.com/x")),
    "GET /webhooks": lambda c, _: list(c.webhooks()),
    "GET /webhooks/<webhook>": lambda c, i: c.webhook(i["webhook"]),
    "DELETE /webhooks/<webhook>": lambda c, i: c.delete_webhook(i["webhook"]),
    "POST /webhooks/<webhook>/rotate": lambda c, i: c.rotate_webhook(i["webhook"]),
    "POST /webhooks/<webhook>/test": lambda c, i: c.test_webhook(i["webhook"]),
    "GET /webhooks/<webhook>/deliveries": lambda c, i: list(c.deliveries(i["webhook"])),
    "POST /webhooks/<webhook>/deliveries/<delivery>/retry": lambda c, i: c.retry_delivery(i["webhook"], i["delivery"]),
}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_no_route_is_left_out() -> None:
    """But for the description and its manual, which are for generators and people."""
    offered = {name_of(route) for route in ROUTES if not route.path.startswith(("/openapi.json", "/docs"))}
    assert offered - CALLS.keys() == set()


@pytest.mark.parametrize("route", [route for route in ROUTES if name_of(route) in CALLS], ids=name_of)
def test_every_route_has_a_call_that_it_understands(route: Route, gateway: Gateway, shared: Ids) -> None:
    ids = things() if route.method == "DELETE" else shared
    with Client(gateway.url, ids["owner"], backoff=PATIENCE) as client, suppress(Conflict, NotFound):
        CALLS[name_of(route)](client, ids)  # the job of this scene is open, so that some of it cannot be had yet
    method, path, headers = gateway.called[-1]
    assert method == route.method
    assert re.fullmatch(re.sub(r"<\w+>", "[^/]+", route.path), path), path
    assert "idempotency-key" in headers or not route.is_creating


def test_a_change_sends_only_what_it_sets(client: Client, owned: Ids) -> None:
    client.change_dataset(owned["dataset"], PatchDataset(expires_in_s=7200))
    named = client.change_dataset(owned["dataset"], PatchDataset(name="other"))
    assert (named.name, named.expires_at is not None) == ("other", True)
    assert client.change_dataset(owned["dataset"], PatchDataset(expires_in_s=None)).expires_at is None


def test_what_lies_under_a_point_is_asked_for_in_the_same_call(client: Client, owned: Ids) -> None:
    found = client.automask(owned["dataset"], owned["image"], FindEverything(at=Point(x=0.5, y=0.5)))
    assert len(found.masks) == 2


# The command --------------------------------------------------------------------------------------------------------


class Shell:
    def __init__(self, gateway: Gateway, owned: Ids, folder: Path) -> None:
        self.environ = {
            "MASKMILL_API": gateway.url, "MASKMILL_TOKEN": owned["owner"], "XDG_CONFIG_HOME": str(folder),
        }  # fmt: skip

    def __call__(self, *arguments: str, status: int = 0, stdin: str | None = None) -> Any:
        outcome = CliRunner().invoke(app, list(arguments), env=self.environ, input=stdin)
        assert outcome.exit_code == status, (outcome.stdout, outcome.stderr, outcome.exception)
        return outcome

    def json(self, *arguments: str) -> Any:
        return json.loads(self("--json", *arguments).stdout)


@pytest.fixture
def shell(gateway: Gateway, owned: Ids, tmp_path: Path) -> Shell:
    return Shell(gateway, owned, tmp_path)


def test_a_dataset_gets_an_end_another_name_and_goes(shell: Shell, client: Client) -> None:
    shell("datasets", "create", "short", "--expires", "2h")
    assert client.find_dataset("short").expires_at is not None
    shell("datasets", "change", "short", "--rename", "long", "--keep")
    assert client.find_dataset("long").expires_at is None
    shell("datasets", "change", "long", "--expires", "7d")
    assert client.find_dataset("long").expires_at is not None
    trial = shell.json("datasets", "create", "try", "--trial")
    assert trial["trial"] and trial["expires_at"]
    assert "no time such as" in shell("datasets", "create", "x", "--expires", "soon", status=2).stderr
    assert "--rename" in shell("datasets", "change", "long", status=2).stderr


def test_a_photo_and_a_dataset_are_removed(shell: Shell, client: Client, owned: Ids) -> None:
    assert "no photo 'x.jpg'" in shell("datasets", "remove-image", "set", "0.jpg", "x.jpg", status=1).stderr
    assert len(list(client.images(owned["dataset"]))) == 1
    shell("datasets", "remove-image", "set", "0.jpg")
    assert list(client.images(owned["dataset"])) == []
    shell("datasets", "delete", "set", status=1, stdin="n\n")
    assert client.find_dataset("set")
    shell("datasets", "delete", "set", "--yes")
    assert list(client.datasets()) == []


def test_templates_are_changed_and_removed(shell: Shell, client: Client, owned: Ids) -> None:
    dataset, own = owned["dataset"], Prompt(points=(Point(x=0.1, y=0.1),))
    shell("templates", "change", dataset, "shirt=0.jpg:0.25,0.75@grow=2", "--rename", "coat")
    client.change_template(dataset, owned["template"], PatchTemplate(overrides={owned["image"]: own}))
    shell("templates", "change", dataset, "coat=0.jpg:0.25,0.75@grow=2")
    assert "grow=2 (1 image otherwise)" in shell("templates", "list", dataset).stdout
    (changed,) = client.templates(dataset)
    assert changed.overrides == {owned["image"]: own}
    assert (changed.name, changed.template_id, changed.refinement.grow_px) == ("coat", owned["template"], 2)
    assert changed.prompt is not None
    assert (changed.prompt.points[0].x, changed.reference_image_id) == (0.25, owned["image"])
    assert "no template 'shirt'" in shell("templates", "delete", dataset, "shirt", status=1).stderr
    shell("templates", "delete", dataset, "coat")
    assert list(client.templates(dataset)) == []


def test_webhooks_are_managed_and_the_secret_is_shown_once(shell: Shell, client: Client) -> None:
    made = shell.json("webhooks", "add", "https://hooks.example.com/new", "--event", "job.failed")
    assert made["secret"].startswith("whsec_") and made["events"] == ["job.failed"]
    listed = shell("webhooks", "list").stdout
    assert "https://hooks.example.com/new" in listed and made["secret"] not in listed
    assert shell.json("webhooks", "rotate", made["webhook_id"])["secret"] != made["secret"]
    ping = shell.json("webhooks", "test", made["webhook_id"])
    assert ping["delivery_id"] in shell("webhooks", "deliveries", made["webhook_id"]).stdout
    assert "waiting again" in shell("webhooks", "redeliver", made["webhook_id"], ping["delivery_id"]).stdout
    shell("webhooks", "remove", made["webhook_id"])
    with pytest.raises(NotFound):
        client.webhook(made["webhook_id"])
    assert "webhook_url_refused" in shell("webhooks", "add", "https://127.0.0.1/x", status=1).stderr


def test_quotas_are_shown(shell: Shell) -> None:
    assert "open jobs" in shell("usage").stdout
    assert shell.json("usage")["datasets"]["used"] == 1


def test_a_job_is_followed_by_its_events_and_run_again(shell: Shell, owned: Ids) -> None:
    assert shell("jobs", "events", owned["job"]).stdout is not None
    refused = shell("jobs", "retry", owned["job"], status=1)
    assert "conflict" in refused.stderr
