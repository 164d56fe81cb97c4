"""Events over REST: all that happened after a number, or the job as it is where events are gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.serve_api import handler as edge
from maskmill.core import rows
from maskmill.core.event import Event, ItemChange
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import EVENT_LIFE_S
from maskmill.core.table import Delete
from tests.unit.lambdas.gateway import Api


@pytest.fixture
def job_id(api: Api) -> str:
    return api.job()


def tell(api: Api, job_id: str, count: int, *, first: int = 1, age: timedelta = timedelta()) -> None:
    for seq in range(first, first + count):
        event = Event(
            seq=seq,
            at=datetime.now(UTC) - age,
            status=JobStatus.RUNNING,
            counts=Counts(pending=count - seq, done=seq),
            items=(ItemChange(index=seq, status=ItemStatus.DONE),),
        )
        edge.connect().table.write(rows.put_event(api.tenant, job_id, event))


def events(api: Api, job_id: str, **query: str) -> Any:
    answer = api.call("GET", f"/jobs/{job_id}/events", query=query)
    assert answer.status == 200, answer.text
    return answer.json


def test_events_come_in_order_and_say_what_changed(api: Api, job_id: str) -> None:
    tell(api, job_id, 3)
    body = events(api, job_id)
    assert [event["seq"] for event in body["items"]] == [1, 2, 3]
    assert (body["next_since"], body["is_complete"], body["job"]) == (3, True, None)
    assert body["items"][1]["items"] == [{"index": 2, "status": "done"}]
    assert body["items"][1]["counts"]["done"] == 2
    assert body["items"][1]["status"] == "running"


def test_a_client_goes_on_where_it_was(api: Api, job_id: str) -> None:
    tell(api, job_id, 5)
    first = events(api, job_id, limit="2")
    second = events(api, job_id, since=str(first["next_since"]), limit="2")
    third = events(api, job_id, since=str(second["next_since"]), limit="2")
    last = events(api, job_id, since=str(third["next_since"]))
    assert [[event["seq"] for event in page["items"]] for page in (first, second, third, last)] == [
        [1, 2],
        [3, 4],
        [5],
        [],
    ]
    assert all(page["is_complete"] for page in (first, second, third, last))
    assert last["next_since"] == 5


def test_a_client_that_was_away_too_long_gets_the_job_as_it_is(api: Api, job_id: str) -> None:
    week = timedelta(seconds=EVENT_LIFE_S)
    tell(api, job_id, 3, age=week)  # the table has not removed them yet
    tell(api, job_id, 2, first=4)
    body = events(api, job_id, since="1")
    assert (body["is_complete"], body["items"], body["next_since"]) == (False, [], 5)
    assert body["job"]["job_id"] == job_id
    assert events(api, job_id, since="3")["is_complete"] is True


def test_events_that_were_removed_are_missed(api: Api, job_id: str) -> None:
    tell(api, job_id, 4)
    for seq in (1, 2):
        edge.connect().table.write(Delete(rows.event_key(api.tenant, job_id, seq)))
    assert events(api, job_id, since="1")["is_complete"] is False
    assert events(api, job_id, since="2")["is_complete"] is True


@pytest.mark.parametrize("since", [0, 7])
def test_without_events_the_job_itself_is_given(api: Api, job_id: str, since: int) -> None:
    body = events(api, job_id, since=str(since))
    assert (body["is_complete"], body["items"], body["next_since"]) == (False, [], 0)
    assert body["job"]["status"] == "accepted"


@pytest.mark.parametrize("query", ["since=-1", "since=x", "since=123456789", "since=", "limit=0", "limit=101"])
def test_a_number_of_another_shape_is_named(api: Api, job_id: str, query: str) -> None:
    name, _, text = query.partition("=")
    answer = api.get(f"/jobs/{job_id}/events", **{name: text})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", [f"/{name}"])


def test_events_of_a_foreign_job_are_not_found(api: Api, job_id: str) -> None:
    tell(api, job_id, 1)
    answer = Api().get(f"/jobs/{job_id}/events")
    assert (answer.status, answer.code) == (404, "not_found")
