"""The edge behind the queues: records fail one by one, are logged once, and never vanish."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from lambdas.aws.batch import answer_batch
from lambdas.aws.events import Ignored, callbacks_in, expecting
from lambdas.aws.telemetry import count, logger_of
from maskmill.core import keys
from maskmill.core.errors import Unavailable
from maskmill.core.messages import PlanJob
from tests.unit.lambdas.sqs import failed, sqs_event

BODIES = [PlanJob(tenant="a", job_id=f"j{number}").model_dump_json() for number in range(4)]


_names = (f"function_{number}" for number in itertools.count())  # a logger keeps the stream that it was made with


def run(act: Any, *bodies: str, read: Any = None) -> list[str]:
    return failed(answer_batch(sqs_event(*bodies), function=next(_names), read=read or expecting(PlanJob), act=act))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_failing_record_never_fails_its_neighbours() -> None:
    done: list[str] = []

    def act(message: PlanJob) -> None:
        if message.job_id == "j1":
            raise Unavailable(detail="busy")
        if message.job_id == "j2":
            raise RuntimeError("bug")
        done.append(message.job_id)

    assert run(act, *BODIES) == ["m1", "m2"]
    assert done == ["j0", "j3"]


def test_when_all_fail_each_is_named_and_the_function_does_not_fail() -> None:
    def act(_message: PlanJob) -> None:
        raise Unavailable

    assert run(act, *BODIES) == ["m0", "m1", "m2", "m3"]


def test_a_record_that_nobody_can_read_fails_and_so_reaches_the_dead_letters() -> None:
    done: list[PlanJob] = []
    assert run(done.append, "nonsense", BODIES[0], '{"kind":"plan","v":99}') == ["m0", "m2"]
    assert len(done) == 1


def test_what_asks_for_nothing_is_done_without_acting() -> None:
    done: list[object] = []
    assert run(done.append, "any", read=lambda _body: (Ignored("test"),)) == []
    assert done == []


def test_every_record_is_logged_once_with_what_ties_it_to_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    def act(message: PlanJob) -> None:
        if message.job_id == "j1":
            raise Unavailable(detail="busy")
        if message.job_id == "j2":
            raise RuntimeError("bug")

    run(act, *BODIES[:3], "nonsense")
    logged = lines(capsys)
    assert [line["message"] for line in logged] == [
        "record done",
        "record comes again",
        "record failed",
        "record failed",
    ]
    assert [line.get("job_id") for line in logged] == ["j0", "j1", "j2", None]
    assert [line["message_id"] for line in logged] == ["m0", "m1", "m2", "m3"]
    assert [line.get("correlation_id") for line in logged] == ["j0", "j1", "j2", None]
    assert all(line["took_ms"] >= 0 for line in logged)
    assert logged[1]["why"] == "busy"
    assert logged[2]["exception_name"] == "RuntimeError"


def test_an_answer_of_the_endpoint_is_logged_with_the_job_that_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    request = keys.request("a", "j7", "f" * 24)
    told = {
        "eventSource": "aws:sagemaker",
        "invocationStatus": "Completed",
        "requestParameters": {"inputLocation": f"s3://work/{request}"},
    }
    run(lambda _callback: None, json.dumps(told), read=callbacks_in)
    (line,) = lines(capsys)
    assert (line["correlation_id"], line["tenant"], line["request_id"]) == ("j7", "a", "f" * 24)


def test_what_is_logged_and_counted_on_the_way_names_the_job_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    name = next(_names)

    def act(message: PlanJob) -> None:
        logger_of(name).info("looking")
        count(name, {"looks": 1})

    answer_batch(sqs_event(*BODIES[:2], "nonsense"), function=name, read=expecting(PlanJob), act=act)
    count(name, {"others": 1})
    found = [(line.get("message", "counted"), line.get("correlation_id")) for line in lines(capsys)]
    steps = ("looking", "counted", "record done")
    of_jobs = [(what, job) for job in ("j0", "j1") for what in steps]
    assert found == [*of_jobs, ("record failed", None), ("counted", None)]


def test_a_line_break_in_a_record_cannot_forge_a_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    message = PlanJob(tenant="a", job_id='x\r\n{"level":"INFO","message":"forged"}\u2028\x85')
    run(lambda _message: None, message.model_dump_json())
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1


def test_counters_are_one_line_of_embedded_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    count("sweep", {"repairs": 2, "repairs_plan": 2})
    count("sweep", {})
    (line,) = lines(capsys)
    assert line["repairs"] == [2.0]
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Maskmill"
    assert line["service"] == "sweep"
