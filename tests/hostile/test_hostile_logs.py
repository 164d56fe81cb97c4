"""What is logged while the API and the pipeline run: one event a line, and nothing that opens a door or names a person.

Every secret that a user can hand to us is a canary here, and so is what we hand out. They are looked for in all logs,
metrics, messages and refusals, after good calls, bad calls and calls that meet a fault of ours.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from typing import Any
from unittest import mock

import pytest

from lambdas.aws import clients
from lambdas.aws.telemetry import logger_of
from maskmill.core import keys, rows
from maskmill.core.messages import DispatchItems, FinishJob, PlanJob, RenderItems
from maskmill.core.redaction import without_secrets
from maskmill.core.table import Update
from tests.contract import aws
from tests.hostile.judge import check_plain
from tests.unit.imaging.files import saved, scene
from tests.unit.lambdas.conftest import Account
from tests.unit.lambdas.gateway import Answer, Api, claims_of
from tests.unit.lambdas.sqs import sqs_event
from tests.unit.lambdas.test_handlers import FUNCTIONS, env_of, handler_of
from tests.unit.lambdas.test_hold_connection import socket_event

BIRD = "canary"  # in every secret below
TOKEN = f"eyJ{BIRD}1.{BIRD}2.{BIRD}3"
PERSON = f"{BIRD}@example.com"
FILE_NAME = f"{BIRD} at home.jpg"
HOOK = f"https://hooks.example.com/{BIRD}-path?key={BIRD}-key"
BODY_OF_A_FOREIGN_LETTER = {
    "authorization": f"Bearer {TOKEN}",
    "who": PERSON,
    "url": f"https://b.s3.amazonaws.com/k?X-Amz-Signature={BIRD}",
    "secret": f"whsec_{BIRD}",
}
EVIL = 'x\r\n{"level":"INFO","message":"forged"}\u2028\u2029\x85\x0b\x1c'


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What all functions log: a logger keeps the stream that it was made with, which may be one of an earlier test."""
    kept = io.StringIO()
    for name in FUNCTIONS:
        monkeypatch.setattr(logger_of(name).registered_handler, "stream", kept)
    return kept


class Person:
    """Somebody whose every word is a canary, and everything that came back."""

    def __init__(self) -> None:
        self.api = Api()
        self.refusals: list[Answer] = []
        self.given: list[str] = []  # what we handed out: tickets, secrets, signatures

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        headers = {"authorization": f"Bearer {TOKEN}", "idempotency-key": f"{BIRD}-{method}-{path}", "cookie": TOKEN}
        claims = {**claims_of(self.api.tenant), "username": PERSON, "email": PERSON}
        answer = self.api.call(method, path, body, headers=headers, claims=claims, query=query)
        if answer.status >= 400:
            self.refusals.append(answer)
        return answer


def road(person: Person) -> tuple[str, str, str]:
    """Every kind of call that carries or gives a secret; gives the dataset, its image and a job."""
    dataset = str(person.ask("POST", "/datasets", {"name": f"{BIRD}'s photos"}).json["dataset_id"])
    content = saved(scene(), "JPEG")
    file = {"name": FILE_NAME, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (ticket,) = person.ask("POST", f"/datasets/{dataset}/uploads", {"files": [file]}).json["items"]
    person.given += [ticket["fields"]["x-amz-signature"], ticket["fields"]["policy"]]
    clients.s3().put_object(Bucket=aws.UPLOADS, Key=ticket["fields"]["key"], Body=content)
    template = person.ask(
        "POST", f"/datasets/{dataset}/templates", {"name": BIRD, "prompt": {"points": [{"x": 0.5, "y": 0.5}]}}
    ).json["template_id"]
    event = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": ticket["fields"]["key"]}}}]}
    serve("ingest_image", sqs_event(json.dumps(event), json.dumps(BODY_OF_A_FOREIGN_LETTER)))
    image = person.ask("GET", f"/datasets/{dataset}/images/{ticket['image_id']}").json
    assert image["status"] == "ready", image
    person.given += [part for part in image["source_url"].split("&") if part.startswith("X-Amz-Signature")]
    job = person.ask("POST", f"/datasets/{dataset}/jobs", {"recipe": {"templates": [template]}}).json["job_id"]
    hook = person.ask("POST", "/webhooks", {"url": HOOK, "description": PERSON}).json
    person.given += [hook["secret"]]
    person.ask("POST", f"/webhooks/{hook['webhook_id']}/test")
    live = person.ask("POST", "/live/tickets").json
    person.given += [live["ticket"]]
    serve("hold_connection", socket_event("CONNECT", queryStringParameters={"ticket": live["ticket"]}))
    serve("hold_connection", socket_event("CONNECT", queryStringParameters={"ticket": f"{BIRD}-ticket"}))
    return dataset, str(ticket["image_id"]), str(job)


def refused_calls(person: Person, dataset: str) -> None:
    person.ask("POST", "/datasets", {"name": "x", BIRD: PERSON})
    person.ask("POST", "/datasets", f'{{"name": "{BIRD}", "name": "{TOKEN}"}}')
    person.ask(
        "POST",
        f"/datasets/{dataset}/uploads",
        {"files": [{"name": f"{FILE_NAME}\n", "size_bytes": 1, "sha256": "0" * 64}]},
    )
    person.ask(
        "POST", f"/datasets/{dataset}/uploads", {"files": [{"name": FILE_NAME, "size_bytes": 1, "sha256": BIRD}]}
    )
    person.ask("POST", "/webhooks", {"url": f"http://{BIRD}:{BIRD}@10.0.0.1/?key={BIRD}"})
    person.ask("GET", "/datasets", cursor=f"{BIRD}-cursor")
    person.ask("GET", f"/datasets/{PERSON}")
    person.ask("GET", f"/datasets/{dataset}/images", status=BIRD)
    person.ask("POST", "/datasets", {"name": f"{BIRD}-another body"})  # under a key that was used
    assert len(person.refusals) == 9


def faults_of_ours(person: Person, dataset: str, image: str, job: str) -> None:
    """Rows that nobody can read: what libraries say of them quotes them."""
    table, tenant = person.api.ports.table, person.api.tenant
    table.write(Update(rows.image_key(tenant, dataset, image), set={("status",): f"{BIRD}-status"}))
    assert person.ask("GET", f"/datasets/{dataset}/images/{image}").code == "internal"
    messages = (PlanJob(tenant=tenant, job_id=job), FinishJob(tenant=tenant, job_id=job))
    serve("plan_job", sqs_event(*(message.model_dump_json() for message in messages)))
    chunk = (
        DispatchItems(tenant=tenant, job_id=job, chunk=0),
        RenderItems(tenant=tenant, job_id=job, chunk=0, indices=(0,)),
    )
    serve("dispatch_shard", sqs_event(chunk[0].model_dump_json()))
    serve("render_item", sqs_event(chunk[1].model_dump_json()))
    clients.s3().put_object(Bucket=aws.MEDIA, Key=keys.chunk(tenant, job, 0), Body=f'{{"number": "{BIRD}"'.encode())
    serve("render_item", sqs_event(chunk[1].model_dump_json()))
    serve("bury_letters", sqs_event(json.dumps(BODY_OF_A_FOREIGN_LETTER), f"{TOKEN} {PERSON}"))
    serve("sweep", {})


def serve(function: str, event: dict[str, Any]) -> None:
    module = handler_of(function)
    urls = {name.removesuffix("_QUEUE_URL").lower(): url for name, url in os.environ.items() if "QUEUE_URL" in name}
    known = {**dict.fromkeys(aws.QUEUES, "https://sqs.us-east-1.amazonaws.com/123456789012/plan"), **urls}
    with mock.patch.dict(os.environ, env_of(function, known)):
        module.handler(event, None)
    module.connect.cache_clear()


def test_no_secret_and_no_name_of_a_file_is_logged_sent_or_told(
    whole_account: Account, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person()
    dataset, image, job = road(person)
    refused_calls(person, dataset)
    faults_of_ours(person, dataset, image, job)
    metrics = capsys.readouterr().out
    told = "".join(answer.text for answer in person.refusals)
    letters = json.dumps([aws.received(url) for url in whole_account.urls.values()])
    for where, text in (("logs", log.getvalue()), ("metrics", metrics), ("refusals", told), ("messages", letters)):
        found = [line for line in text.splitlines() if BIRD in line.lower()]
        assert found == [], where
        assert [secret for secret in person.given if secret in text] == [], where
    for answer in person.refusals:
        check_plain(answer)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {"request refused", "request failed", "record failed", "letter unreadable", "socket opened"} <= {
        line["message"] for line in lines
    }, "all kinds of lines were looked at"


def test_one_event_is_one_line_whatever_it_holds(log: io.StringIO) -> None:
    logger_of("serve_api").info(EVIL, extra={"why": EVIL, EVIL: EVIL})
    try:
        raise RuntimeError(EVIL)
    except RuntimeError:
        logger_of("serve_api").exception(EVIL)
    lines = log.getvalue().splitlines()
    assert [json.loads(line)["message"] for line in lines] == [EVIL, EVIL]
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_path_cannot_forge_a_line(log: io.StringIO, account: dict[str, str]) -> None:
    for path in (f"/datasets/{EVIL}", f"/{EVIL}", "/datasets/%0d%0a"):
        assert Api().get(path).status == 404
    assert len(log.getvalue().splitlines()) == 3


def test_a_secret_in_any_field_of_a_line_is_taken_out(log: io.StringIO) -> None:
    logger_of("serve_api").warning("odd", extra={"deep": {"list": [BODY_OF_A_FOREIGN_LETTER]}, "why": f"for {PERSON}"})
    (line,) = log.getvalue().splitlines()
    assert BIRD not in line
    assert json.loads(line)["deep"]["list"][0]["who"] == without_secrets(PERSON)
