"""A creating call under an Idempotency-Key makes one thing, whatever is repeated, crashes or comes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.serve_api import handler as edge
from lambdas.serve_api import once
from lambdas.serve_api.once import Answer, SeededIds
from lambdas.serve_api.routes import ROUTES
from maskmill.core import rows
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.limits import IDEMPOTENCY_LEASE_S, IDEMPOTENCY_LIFE_S
from maskmill.core.ports import Ids
from maskmill.core.table import Update
from tests.simulation.cloud import FixedClock
from tests.unit.lambdas.gateway import PROMPT, SHA256, Api

FILE = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256}
SEED = "01j0000000" + "z" * 16


def row_of(api: Api, key: str) -> dict[str, Any]:
    return dict(api.ports.table.get(rows.kept_call_key(api.tenant, key)))


def change(api: Api, key: str, **values: Any) -> None:
    write = Update(rows.kept_call_key(api.tenant, key), set={(name,): value for name, value in values.items()})
    api.ports.table.write(write)


def test_the_same_key_and_body_make_one_dataset(api: Api) -> None:
    first = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    again = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    assert (first.status, again.status) == (201, 201)
    assert again.text == first.text
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.get("/datasets").json["items"]) == 1


def test_the_same_body_in_other_words_is_the_same(api: Api) -> None:
    dataset = api.dataset()
    path = f"/datasets/{dataset}/templates"
    api.post(path, '{"name":"x","placement":"centre"}', idempotency_key="k")
    again = api.post(path, ' {"placement": "centre", "name": "\\u0078"} ', idempotency_key="k")
    assert again.headers["Idempotent-Replayed"] == "true"


def test_without_a_key_every_call_makes_a_thing(api: Api) -> None:
    for _ in range(2):
        assert "Idempotent-Replayed" not in api.post("/datasets", {"name": "a"}).headers
    assert len(api.get("/datasets").json["items"]) == 2


def test_another_body_or_another_address_under_the_key_is_refused(api: Api) -> None:
    dataset = api.dataset()
    api.post("/datasets", {"name": "a"}, idempotency_key="k")
    for path, body in (
        ("/datasets", {"name": "b"}),
        (f"/datasets/{dataset}/templates", {"name": "a"}),
        (f"/datasets/{dataset}/uploads", {"files": [FILE]}),
    ):
        answer = api.post(path, body, idempotency_key="k")
        assert (answer.status, answer.code) == (422, "idempotency_mismatch"), path
    assert len(api.get("/datasets").json["items"]) == 2


def test_a_call_that_still_runs_is_told_of(api: Api) -> None:
    api.post("/datasets", {"name": "a"}, idempotency_key="k")
    change(api, "k", status=0, lease_until_s=int(datetime.now(UTC).timestamp()) + 30)
    answer = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    assert (answer.status, answer.code) == (409, "still_running")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(api.get("/datasets").json["items"]) == 1


def test_a_call_that_crashed_goes_on_after_its_lease_and_makes_no_second_thing(api: Api) -> None:
    first = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    change(api, "k", status=0, lease_until_s=int(datetime.now(UTC).timestamp()) - 1)
    again = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    assert again.status == 201
    assert again.json == first.json
    assert len(api.get("/datasets").json["items"]) == 1
    assert api.post("/datasets", {"name": "a"}, idempotency_key="k").headers["Idempotent-Replayed"] == "true"


def test_a_key_is_new_again_when_it_has_expired(api: Api) -> None:
    first = api.post("/datasets", {"name": "a"}, idempotency_key="k")
    assert row_of(api, "k")["expires_at"] == pytest.approx(datetime.now(UTC).timestamp() + IDEMPOTENCY_LIFE_S, abs=60)
    change(api, "k", expires_at=int(datetime.now(UTC).timestamp()) - 1)
    second = api.post("/datasets", {"name": "b"}, idempotency_key="k")
    assert second.status == 201
    assert second.json["dataset_id"] != first.json["dataset_id"]
    assert api.post("/datasets", {"name": "b"}, idempotency_key="k").json == second.json


def test_a_refused_call_leaves_its_key_free(api: Api) -> None:
    for body, status in (({"name": ""}, 422), ("{", 400), ({"name": "good"}, 201)):
        assert api.post("/datasets", body, idempotency_key="k").status == status


def test_a_repeated_announcement_gives_new_forms_for_the_same_images(api: Api) -> None:
    dataset = api.dataset()
    body = {"files": [FILE, FILE]}
    first, again = (api.post(f"/datasets/{dataset}/uploads", body, idempotency_key="k") for _ in range(2))
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    ids = [[ticket["image_id"] for ticket in answer.json["items"]] for answer in (first, again)]
    assert ids[0] == ids[1] == sorted(set(ids[0]))
    assert len(api.get(f"/datasets/{dataset}/images").json["items"]) == 2
    assert "text" not in row_of(api, "k")
    assert api.ports.table.get(rows.dataset_key(api.tenant, dataset))["images_reserved"] == 2


def test_every_creating_route_takes_keys_and_no_other_does() -> None:
    """Tickets for sockets and sessions for media are kept nowhere: a repeated call is worth another one."""
    creating = {route.path for route in ROUTES if route.is_creating}
    assert {"/datasets", "/datasets/<dataset>/uploads", "/datasets/<dataset>/templates"} <= creating
    assert {route.method for route in ROUTES if route.is_creating} == {"POST"}
    for route in ROUTES:
        if 201 in route.answers and route.method == "POST" and route.path not in {"/live/tickets", "/media-session"}:
            assert route.is_creating, route.path


def test_a_stored_answer_has_a_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "KEPT_ANSWER_BYTES_MAX", 10)
    dataset = api.dataset()
    body = {"name": "x", "prompt": PROMPT}
    first, again = (api.post(f"/datasets/{dataset}/templates", body, idempotency_key="k") for _ in range(2))
    assert "text" not in row_of(api, "k")
    assert again.json == first.json
    assert len(api.get(f"/datasets/{dataset}/templates").json["items"]) == 1


# The lease, one step at a time -----------------------------------------------------------------------------------


@pytest.fixture
def still(api: Api, monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    clock = FixedClock()
    ports = replace(edge.connect(), clock=clock)
    monkeypatch.setattr(edge, "connect", lambda: ports)
    return clock


def call(api: Api, run: Callable[[Ids], Answer], *, key: str = "k", asked: str = "a") -> Answer:
    return once.once(api.ports, api.tenant, key, asked, run, is_made_again=False)


def made(ids: Ids) -> Answer:
    return Answer(201, ids.new(1)[0], {"Location": "/x"})


def failing(error: Exception) -> Callable[[Ids], Answer]:
    def run(_ids: Ids) -> Answer:
        raise error

    return run


@pytest.mark.parametrize("error", [Unavailable(), MaskmillError(), RuntimeError("crash")])
def test_a_call_that_failed_on_our_side_may_be_sent_again_at_once(
    api: Api, still: FixedClock, error: Exception
) -> None:
    drawn: list[str] = []

    def half(ids: Ids) -> Answer:
        drawn.extend(ids.new(2))
        raise error

    with pytest.raises(type(error)):
        call(api, half)
    with pytest.raises(MaskmillError) as refusal:
        call(api, made, asked="something else")
    assert refusal.value.code is Code.IDEMPOTENCY_MISMATCH
    with pytest.raises(type(error)):
        call(api, half)
    assert drawn[:2] == drawn[2:]


def test_a_kept_answer_comes_back_with_its_headers(api: Api, still: FixedClock) -> None:
    first = call(api, made)
    again = call(api, failing(AssertionError("it must not run")))
    assert again == replace(first, headers={"Location": "/x", "Idempotent-Replayed": "true"})


def test_two_calls_at_once_make_one_thing(api: Api, still: FixedClock) -> None:
    def meanwhile(ids: Ids) -> Answer:
        with pytest.raises(MaskmillError) as refusal:
            call(api, made)
        assert refusal.value.code is Code.STILL_RUNNING
        return made(ids)

    assert call(api, meanwhile).text == call(api, made).text


def test_a_run_that_lost_its_lease_does_not_answer_for_the_other(api: Api, still: FixedClock) -> None:
    answers: list[Answer] = []

    def slow(ids: Ids) -> Answer:
        still.at += timedelta(seconds=IDEMPOTENCY_LEASE_S + 1)
        answers.append(call(api, made))
        return replace(made(ids), status=299)

    late = call(api, slow)
    assert late.text == answers[0].text, "both draw the same ids"
    assert call(api, made).status == 201


def test_a_call_that_cannot_say_that_it_ended_is_held_by_its_lease_only(
    api: Api, still: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = type(api.ports.table)
    write = table.write

    def deaf(self: Any, change: Any) -> Any:
        if isinstance(change, Update) and change.key.sk.startswith("KEY#"):
            raise Unavailable
        return write(self, change)

    with monkeypatch.context() as patch:
        patch.setattr(table, "write", deaf)
        first = call(api, made)
    with pytest.raises(MaskmillError):
        call(api, made)
    still.at += timedelta(seconds=IDEMPOTENCY_LEASE_S)
    assert call(api, made).text == first.text


def test_seeded_ids_are_ids(api: Api) -> None:
    ids = SeededIds(SEED)
    first, second = ids.new(100), ids.new(3)
    assert list(first) == sorted(set(first))
    assert max(first) < min(second)
    assert all(len(one) == 26 for one in (*first, *second))
    assert first[0].startswith(SEED[:10])
    again = SeededIds(SEED)
    assert [again.new(100), again.new(3)] == [first, second]
    assert set(SeededIds("01j0000000" + "y" * 16).new(100)).isdisjoint(first)
