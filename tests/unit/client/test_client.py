"""The typed client: pages, problems as errors, and repeating only what may be repeated."""

from __future__ import annotations

import pytest

from maskmill.client import Client
from maskmill.client.calls import FixedToken, base_of
from maskmill.client.problems import code_of, request_id_of
from maskmill.client.retry import Backoff
from maskmill.core.api import SubmitJob
from maskmill.core.errors import (
    Code,
    Conflict,
    InvalidInput,
    MaskmillError,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from maskmill.core.prompt import Placement, Template
from maskmill.core.recipe import Recipe
from tests.unit.client.fake_service import FakeService, problem
from tests.unit.client.fake_store import Answer


def test_lists_are_read_to_their_last_page(service: FakeService, client: Client) -> None:
    made = [client.create_dataset(f"set {number}").dataset_id for number in range(7)]
    assert [dataset.dataset_id for dataset in client.datasets()] == made
    assert service.calls.count("GET /api/v1/datasets") == 3


def test_fields_of_a_newer_service_are_ignored(client: Client) -> None:
    assert client.health().segmenter == "classic"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (422, "invalid_recipe", InvalidInput),
        (400, "malformed_json", InvalidInput),
        (404, "not_found", NotFound),
        (409, "conflict", Conflict),
        (422, "idempotency_mismatch", Conflict),
        (429, "quota_exceeded", QuotaExceeded),
        (500, "internal", MaskmillError),
        (503, "unavailable", Unavailable),
        (401, "unauthenticated", InvalidInput),
    ],
)
def test_a_problem_becomes_the_matching_error(
    service: FakeService, client: Client, status: int, code: str, kind: type[MaskmillError]
) -> None:
    fault = {"pointer": "/name", "detail": "too long"}
    service.faults = [("POST /api/v1/datasets", problem(status, code, errors=[fault]))] * 9
    with pytest.raises(MaskmillError) as raised:
        client.create_dataset("x")
    assert type(raised.value) is kind
    assert (raised.value.code, raised.value.message) == (Code(code), f"words of {code}")
    assert [(one.pointer, one.detail) for one in raised.value.faults] == [("/name", "too long")]
    assert request_id_of(raised.value) == "req-7"


def test_a_code_that_this_client_does_not_know_is_kept_as_text(service: FakeService, client: Client) -> None:
    service.faults = [("POST /api/v1/datasets", problem(422, "too_beautiful"))]
    with pytest.raises(InvalidInput) as raised:
        client.create_dataset("x")
    assert raised.value.code is Code.INVALID_REQUEST
    assert code_of(raised.value) == "too_beautiful"


def test_an_answer_of_the_gateway_is_an_error_too(service: FakeService) -> None:
    with Client(service.url, FixedToken("wrong")) as client, pytest.raises(InvalidInput) as raised:
        list(client.datasets())
    assert raised.value.code is Code.UNAUTHENTICATED
    assert request_id_of(raised.value) == "gw-1"


def test_reads_are_repeated_while_the_service_is_busy(service: FakeService) -> None:
    waits: list[float] = []
    backoff = Backoff(sleep=waits.append, fraction=lambda: 1.0)
    busy = problem(503, "unavailable", **{"Retry-After": "7"})
    service.faults = [("GET /api/v1/datasets", busy), ("GET /api/v1/datasets", problem(429, "unavailable"))]
    with Client(service.url, FixedToken(service.token), backoff=backoff) as client:
        assert list(client.datasets()) == []
    assert waits == [7.25, 0.5]


def test_repeating_has_an_end(service: FakeService, client: Client) -> None:
    service.faults = [("GET /api/v1/datasets", problem(503, "unavailable"))] * 20
    with pytest.raises(Unavailable):
        list(client.datasets())
    assert service.calls.count("GET /api/v1/datasets") == client.backoff.attempts_max


def test_what_is_made_is_asked_for_under_one_key_however_often_it_is_sent(service: FakeService, client: Client) -> None:
    service.faults = [("POST /api/v1/datasets", problem(503, "unavailable"))] * 2
    client.create_dataset("x")
    assert service.calls == ["POST /api/v1/datasets"] * 3
    assert len(set(service.keys_sent)) == 1
    client.create_dataset("y")
    assert len(set(service.keys_sent)) == 2


def test_a_call_whose_first_try_still_runs_is_asked_for_again(service: FakeService, client: Client) -> None:
    service.faults = [("POST /api/v1/datasets", problem(409, "still_running", **{"Retry-After": "1"}))]
    assert client.create_dataset("x").name == "x"


def test_a_quota_is_not_hammered(service: FakeService, client: Client) -> None:
    service.faults = [("GET /api/v1/datasets", problem(429, "quota_exceeded"))]
    with pytest.raises(QuotaExceeded):
        list(client.datasets())
    assert len(service.calls) == 1


def test_a_job_under_a_key_is_repeated_and_made_once(service: FakeService, client: Client) -> None:
    dataset = client.create_dataset("x").dataset_id
    template = client.create_template(dataset, Template(name="all", placement=Placement.WHOLE))
    service.faults = [("POST /api/v1/datasets/d0/jobs", problem(503, "unavailable"))]
    body = SubmitJob(recipe=Recipe(templates=(template.template_id,)))
    first = client.submit_job(dataset, body, key="k")
    assert client.submit_job(dataset, body, key="k").job_id == first.job_id
    assert len(service.jobs) == 1


def test_a_broken_connection_is_unavailable(client: Client) -> None:
    with Client("http://127.0.0.1:9", backoff=client.backoff) as nobody, pytest.raises(Unavailable) as raised:
        nobody.health()
    assert "cannot be reached" in raised.value.message


def test_something_else_at_the_address_is_said(service: FakeService, client: Client) -> None:
    service.faults = [("GET /api/v1/health", Answer(200, b"<html>"))]
    with pytest.raises(Unavailable) as raised:
        client.health()
    assert "not understood" in raised.value.message


def test_an_unchanged_job_is_not_sent_again(service: FakeService, client: Client) -> None:
    dataset = client.create_dataset("x").dataset_id
    template = client.create_template(dataset, Template(name="all", placement=Placement.WHOLE))
    job = client.submit_job(dataset, SubmitJob(recipe=Recipe(templates=(template.template_id,))), key="k")
    service.script.clear()
    service.jobs[job.job_id]["script"].clear()
    assert client.job(job.job_id) is client.job(job.job_id)


@pytest.mark.parametrize("text", ["https://x.example/api/v1/", " https://x.example/ ", "https://x.example"])
def test_the_address_may_be_given_with_or_without_the_path(text: str) -> None:
    assert base_of(text) == "https://x.example"


@pytest.mark.parametrize("text", ["", "x.example", "ftp://x", "http://", "http://[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not an address"):
        base_of(text)


def test_ids_cannot_climb_in_the_path(service: FakeService, client: Client) -> None:
    with pytest.raises(NotFound):
        client.job("../datasets")
    assert service.calls == ["GET /api/v1/jobs/../datasets"]  # unquoted by the fake; it came as one segment
