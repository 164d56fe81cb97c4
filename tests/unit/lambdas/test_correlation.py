"""One id from the request that makes a job to its last line, and the caller's trace beside it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from lambdas.aws.telemetry import logger_of
from tests.unit.lambdas.gateway import Api

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
JOB = "0" * 26


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    kept = io.StringIO()
    monkeypatch.setattr(logger_of("serve_api").registered_handler, "stream", kept)
    return kept


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_about_a_job_is_logged_under_its_id(account: dict[str, str], log: io.StringIO) -> None:
    Api().call("POST", f"/jobs/{JOB}/cancel", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    (line,) = lines(log)
    assert (line["message"], line["correlation_id"], line["trace_id"]) == ("request refused", JOB, TRACE)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f'00-{TRACE}-00f067aa0ba902b7-01\n{{"level":"INFO"}}',
        "x" * 10_000,
    ],
)
def test_what_is_no_trace_is_not_logged(account: dict[str, str], log: io.StringIO, parent: str) -> None:
    Api().call("POST", f"/jobs/{JOB}/cancel", headers={"traceparent": parent})
    (line,) = lines(log)
    assert "trace_id" not in line


def test_the_request_that_makes_a_job_is_logged_under_the_id_that_it_makes(
    account: dict[str, str], log: io.StringIO
) -> None:
    api = Api()
    dataset, template, _ = api.ready_dataset()
    job = api.submit(dataset, template, key="k1").json["job_id"]
    made = [line for line in lines(log) if line.get("correlation_id") == job]
    assert [(line["message"], line["status"]) for line in made] == [("request answered", 202)]
