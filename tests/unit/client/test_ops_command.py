"""What an operator sees: a job's life from logs of every part, and dead letters that move only when they are told to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maskmill.cli.main import app
from maskmill.core.job import JobStatus
from maskmill.core.table import Key, Query, Row
from maskmill.ops import account as accounts
from maskmill.ops.account import Account, account_of
from maskmill.ops.job import life_of
from maskmill.ops.letters import dead_queues
from maskmill.ops.lines import LINES_MAX, PAGES_MAX, Line, Logs, Span
from maskmill.ops.spans import spans_of
from maskmill.ops.timeline import SHOWN_MAX, remarks_on, steps_of
from tests.unit.lambdas import scene as scenes
from tests.unit.lambdas.scene import Scene

JOB, TENANT, DATASET, TRACE = "0" * 26, "ann", "d1", "f" * 32
T0 = datetime(2026, 11, 20, 10, tzinfo=UTC)
ARN = "arn:aws:sqs:us-east-1:123456789012:"


class FakeLogs:
    """CloudWatch's two calls over lines by group; `page` events a page, and every second page is empty."""

    def __init__(self, groups: dict[str, list[tuple[datetime, Any]]], page: int = 3) -> None:
        self.groups, self.page, self.asked = groups, page, 0

    def get_paginator(self, _name: str) -> FakeLogs:
        return self

    def paginate(self, *, logGroupNamePrefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        yield {"logGroups": [{"logGroupName": name} for name in self.groups if name.startswith(logGroupNamePrefix)]}

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked += 1
        text = asked["filterPattern"].strip('"')
        events = [
            {"timestamp": int(at.timestamp() * 1000), "message": line if isinstance(line, str) else json.dumps(line)}
            for at, line in self.groups[asked["logGroupName"]]
            if text in json.dumps(line) and asked["startTime"] <= at.timestamp() * 1000 <= asked["endTime"]
        ]
        number = int(asked.get("nextToken", 0))
        start = number // 2 * self.page
        shown = [] if number % 2 else events[start : start + self.page]
        is_last = start + self.page >= len(events)
        return {"events": shown, **({} if is_last else {"nextToken": str(number + 1)})}


class FakeQueues:
    """SQS with one queue, its letters, and letters of no queue."""

    def __init__(self, letters: int) -> None:
        self.letters = letters
        self.moved: list[dict[str, Any]] = []

    def list_queues(self, *, QueueNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        names = ("pipeline-RenderQueue1", "pipeline-RenderQueueLetters1", "live-ProgressLetters1")
        return {"QueueUrls": [f"https://sqs/{QueueNamePrefix}{name}" for name in names]}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        assert "All" not in AttributeNames
        name = QueueUrl.rsplit("/", 1)[-1]
        told = {
            "QueueArn": ARN + name,
            "ApproximateNumberOfMessages": str(self.letters if "Letters" in name else 7),
            "ApproximateNumberOfMessagesNotVisible": "0",
        }
        if name.endswith("RenderQueue1"):
            told["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": ARN + "maskmill-dev-pipeline-RenderQueueLetters1"}
            )
        return {"Attributes": told}

    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: int, **_more: Any) -> dict[str, Any]:  # noqa: N803
        assert VisibilityTimeout == 0, "a look hides nothing"
        body = {"kind": "render", "v": 1, "tenant": TENANT, "job_id": JOB, "chunk": 0, "index": 3}
        text = json.dumps(body) if "Render" in QueueUrl else '{"DDBStreamBatchInfo":{}}'
        return {"Messages": [{"MessageId": "m-1", "Body": text, "Attributes": {"SentTimestamp": "1795000000000"}}]}

    def start_message_move_task(self, **asked: Any) -> dict[str, str]:
        self.moved.append(asked)
        return {"TaskHandle": "task"}


class FakeTable:
    def __init__(self, found: dict[tuple[str, str], Row]) -> None:
        self.found = found

    def get(self, pk: str, sk: str) -> Row | None:
        return self.found.get((pk, sk))

    def below(self, pk: str, prefix: str, *, most: int) -> list[Row]:
        return [row for (one, sk), row in self.found.items() if one == pk and sk.startswith(prefix)][:most]


def line(source: str, what: str, after_s: float = 0, **fields: Any) -> Line:
    return Line(T0 + timedelta(seconds=after_s), source, {"message": what, **fields})


def job_lines(now: datetime) -> dict[str, list[tuple[datetime, Any]]]:
    def at(seconds: float) -> datetime:
        return now - timedelta(minutes=30) + timedelta(seconds=seconds)

    def told(what: str, **more: Any) -> dict[str, Any]:
        return {"message": what, "correlation_id": JOB, "tenant": TENANT, **more}

    functions, rendered = "/aws/lambda/maskmill-dev-", {"message_id": "m", "delivery": "1", "took_ms": 40}
    return {
        f"{functions}serve-api": [
            (at(-60), {"message": "request answered", "route": "create_dataset", "trace_id": TRACE}),
            (
                at(-40),
                {"message": "request answered", "route": "announce", "ids": {"dataset_id": DATASET}, "trace_id": TRACE},
            ),
            (at(0), told("request answered", status=202, trace_id=TRACE, ids={"dataset_id": DATASET})),
        ],
        f"{functions}ingest-image": [
            (at(-30 + n), {"message": "record done", "dataset_id": DATASET}) for n in range(8)
        ],
        f"{functions}plan-job": [(at(1), told("record done", took_ms=90)), (at(1), "START RequestId: 1")],
        "/aws/sagemaker/Endpoints/maskmill-dev": [(at(200), told("invocation", inference_id="r1", images=4))],
        f"{functions}render-item": [
            (at(201 + n), told("record done", **{**rendered, "message_id": f"m{n}"})) for n in range(9)
        ],
        "/aws/lambda/maskmill-prod-serve-api": [(at(0), told("of another stage"))],
    }


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The clients of an account, and its table."""
    table = FakeTable({})
    clients: dict[str, Any] = {"logs": FakeLogs(job_lines(datetime.now(UTC))), "sqs": FakeQueues(2), "table": table}
    monkeypatch.setattr(Account, "client", lambda _self, service: clients[service])
    monkeypatch.setattr(Account, "table", lambda _self: clients["table"])
    return clients


def run(*arguments: str, status: int = 0) -> str:
    found = CliRunner().invoke(app, ["--api", "https://page.example", *arguments])
    assert found.exit_code == status, (found.stdout, found.stderr, found.exception)
    return found.stdout + found.stderr


def test_a_jobs_life_is_told_in_order_from_every_log_of_its_stage(stand_ins: dict[str, Any]) -> None:
    told = json.loads(run("--json", "ops", "explain", JOB))
    assert [(step["source"], step["what"], step["lines"]) for step in told["steps"]] == [
        ("serve-api", "request answered", 1),
        ("serve-api", "request answered", 1),
        ("ingest-image", "record done", 8),
        ("serve-api", "request answered", 1),
        ("plan-job", "record done", 1),
        ("model", "invocation", 1),
        ("render-item", "record done", 9),
    ]
    assert (told["tenant"], told["dataset"], told["trace"]) == (TENANT, DATASET, TRACE)
    assert told["remarks"] == ["199 s of silence between plan-job and model. The endpoint may have been waking."]
    assert len(json.loads(run("--json", "ops", "explain", JOB, "--all"))["steps"]) == 2 + 8 + 1 + 1 + 1 + 9


def test_the_words_for_people_hold_the_same(stand_ins: dict[str, Any]) -> None:
    told = run("ops", "explain", JOB)
    assert f"Job {JOB}" in told and "render-item" in told and "9 in 8.0 s" in told and "! 199 s of silence" in told


def test_a_job_is_one_trace_whose_spans_lead_from_part_to_part(stand_ins: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "spans.json"
    run("ops", "explain", JOB, "--spans", str(file))
    parts = json.loads(file.read_text())["resourceSpans"]
    named = {one["resource"]["attributes"][1]["value"]["stringValue"]: one["scopeSpans"][0]["spans"] for one in parts}
    assert set(named) == {"serve-api", "plan-job", "model", "render-item"}
    spans = [span for several in named.values() for span in several]
    assert {span["traceId"] for span in spans} == {TRACE}
    assert len({span["spanId"] for span in spans}) == len(spans)
    (request,), (plan,) = named["serve-api"], named["plan-job"]
    assert "parentSpanId" not in request and plan["parentSpanId"] == request["spanId"]
    assert int(plan["endTimeUnixNano"]) - int(plan["startTimeUnixNano"]) == 90_000_000
    assert len(spans_of(JOB, [line("model", "invocation", seconds="x")])["resourceSpans"][0]["scopeSpans"]) == 1


def test_a_job_of_which_no_log_tells_is_not_found(stand_ins: dict[str, Any]) -> None:
    assert "No log of the last 7 days" in run("ops", "explain", "1" * 26, status=1)
    assert "--days" in run("ops", "explain", JOB, "--days", "91", status=2)


def test_a_delivery_that_left_no_line_is_remarked() -> None:
    lines = [
        line("render-item", "record done", message_id="a", delivery="1"),
        line("render-item", "record done", 1, message_id="b", delivery="3"),
        line("plan-job", "record comes again", 2, message_id="c", delivery="1", why="busy"),
        line("plan-job", "record done", 3, message_id="c", delivery="2"),
        line("sweep", "job repaired", 4),
    ]
    lost, again, repaired = remarks_on(lines)
    assert lost.startswith("render-item: 2 of 3 deliveries of message b left no line")
    assert again == "plan-job: record comes again 1 time (busy)."
    assert repaired == "sweep: job repaired 1 time."


def test_lines_of_a_kind_are_one_step_where_they_are_many() -> None:
    few = [line("model", "invocation", n) for n in range(SHOWN_MAX)]
    many = [*few, line("model", "invocation", 99, took_ms=5)]
    assert [step.count for step in steps_of(few)] == [1] * SHOWN_MAX
    (step,) = steps_of(many)
    assert (step.count, step.slowest_ms, step.last.at) == (SHOWN_MAX + 1, 5, T0 + timedelta(seconds=99))


def test_reading_logs_ends_and_says_that_it_did() -> None:
    told = [(T0, {"message": "x", "job": JOB})] * (LINES_MAX + 2)
    client = FakeLogs({"/aws/lambda/maskmill-dev-plan-job": told}, page=LINES_MAX)
    found = Logs(client, "maskmill-dev").holding(JOB, Span(T0, T0))
    assert (len(found.lines), found.cut) == (LINES_MAX, ("plan-job",))
    endless = FakeLogs({"/aws/lambda/maskmill-dev-plan-job": told[:3]}, page=0)
    assert Logs(endless, "maskmill-dev").holding(JOB, Span(T0, T0)).cut == ("plan-job",)
    assert endless.asked == PAGES_MAX


def test_dead_letters_are_shown_with_their_reason_and_stay_where_they_are(stand_ins: dict[str, Any]) -> None:
    failed = {"message": "record failed", "message_id": "m-1", "exception_name": "ModelFailure"}
    stand_ins["logs"].groups["/aws/lambda/maskmill-dev-render-item"].append((datetime.now(UTC), failed))
    told = run("ops", "redrive", status=1)
    assert "2" in told and "1 render" in told and "render-item: ModelFailure" in told
    assert "Nothing was moved" in told
    assert stand_ins["sqs"].moved == []


def test_letters_go_back_at_a_rate_when_they_are_told_to(stand_ins: dict[str, Any]) -> None:
    run("ops", "redrive", "--go", "--rate", "5")
    (asked,) = stand_ins["sqs"].moved
    assert asked == {
        "SourceArn": f"{ARN}maskmill-dev-pipeline-RenderQueueLetters1",
        "DestinationArn": f"{ARN}maskmill-dev-pipeline-RenderQueue1",
        "MaxNumberOfMessagesPerSecond": 5,
    }


def test_more_letters_than_were_meant_are_not_moved(stand_ins: dict[str, Any]) -> None:
    assert "--most 2" in run("ops", "redrive", "render", "--go", "--most", "1", status=1)
    assert "No queue of dead letters" in run("ops", "redrive", "nothing", status=1)
    assert stand_ins["sqs"].moved == []


def test_empty_queues_are_a_good_end(stand_ins: dict[str, Any]) -> None:
    stand_ins["sqs"].letters = 0
    run("ops", "redrive")
    assert {queue.source for queue in dead_queues(FakeQueues(1), "maskmill-dev")} == {
        "",
        "maskmill-dev-pipeline-RenderQueue1",
    }


def test_an_operator_on_a_laptop_asks_the_emulator_and_nobody_else_does() -> None:
    laptop = account_of("", "", "http://127.0.0.1:4566/_aws/execute-api/abc")
    assert (laptop.stage, laptop.emulator) == ("local", "http://127.0.0.1:4566")
    assert account_of("", "", "https://d1.cloudfront.net") == Account("dev")
    assert account_of("prod", "", "") == Account("prod")


def test_without_credentials_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from botocore.exceptions import NoCredentialsError

    def refuse(_self: Account, _service: str) -> Any:
        raise NoCredentialsError

    monkeypatch.setattr(accounts.Account, "client", refuse)
    assert "No AWS credentials" in run("ops", "redrive", status=1)


def test_the_command_starts_as_fast_as_before() -> None:
    """AWS's SDK takes a quarter of a second: nobody but an operator waits for it."""
    import subprocess
    import sys

    seen = "import sys, maskmill.cli.main; print([n for n in ('boto3', 'botocore', 'maskmill.ops.account') if n in sys.modules])"
    began = time.monotonic()
    found = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]", time.monotonic() - began


class SceneRows:
    """The rows of a scene, as an operator reads them."""

    def __init__(self, scene: Scene) -> None:
        self._table = scene.table

    def get(self, pk: str, sk: str) -> Row | None:
        return self._table.get(Key(pk, sk))

    def below(self, pk: str, prefix: str, *, most: int) -> list[Row]:
        return list(self._table.query(Query(pk=pk, prefix=prefix, limit=most)).rows)


def test_an_open_job_is_told_of_by_its_items() -> None:
    scene = Scene()
    scene.submit()
    scene.plan(items=3)
    lines = [(datetime.now(UTC), {"message": "record done", "correlation_id": scenes.JOB, "tenant": scenes.TENANT})]
    logs = Logs(FakeLogs({"/aws/lambda/maskmill-dev-plan-job": lines}), "maskmill-dev")
    life = life_of(scenes.JOB, logs, SceneRows(scene), now=datetime.now(UTC) + timedelta(seconds=1), days=1)
    assert life.row is not None and life.row.status is JobStatus.RUNNING
    assert life.open_items == {"pending": 3}
