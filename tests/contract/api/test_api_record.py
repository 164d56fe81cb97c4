"""Who did what: every call that may change something leaves one line, with its ids and without its content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.aws.telemetry import logger_of
from lambdas.serve_api import handler as edge
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from tests.contract.api.cases import GOOD, Request, World
from tests.contract.api.memory import MemoryCloud
from tests.contract.api.test_api_routes import send
from tests.unit.lambdas.gateway import Api

CHANGING = [route for route in ROUTES if route.method != "GET"]
READING = [route for route in ROUTES if route.method == "GET" and not route.is_public]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    cloud = MemoryCloud()
    monkeypatch.setattr(edge, "connect", lambda: cloud.ports)
    return World(Api(), cloud.lane, monkeypatch)


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was written since the last look, as it is written."""
    found = [json.loads(logger_of(edge.FUNCTION).registered_formatter.format(record)) for record in log.records]
    log.clear()
    return found


def words(value: Any) -> Iterator[str]:
    """All text in a body that somebody wrote, and not the service."""
    if isinstance(value, dict):
        for one in value.values():
            yield from words(one)
    elif isinstance(value, list):
        for one in value:
            yield from words(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.name)
def test_what_changes_something_is_recorded_with_its_ids_alone(
    world: World, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    request = GOOD[route.name](world)
    lines(caplog)
    answer = send(world, route, request, headers={"Authorization": "Bearer canary"})
    (line,) = lines(caplog)
    assert line["message"] == "request answered"
    assert (line["route"], line["tenant"], line["status"]) == (route.name, world.api.tenant, answer.status)
    assert line["ids"] == request.ids
    assert line.get("made") == answer.headers.get("Location")
    assert line["request_id"].startswith("request-")
    ours = {*request.ids.values(), world.template}
    told = [
        word for word in words(request.body) if word not in ours and len(word) > 2 and f'"{word}"' in json.dumps(line)
    ]
    assert told == []
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: route.name)
def test_what_is_refused_is_recorded_with_who_tried(
    world: World, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    request = Request(dict.fromkeys(GOOD[route.name](world).ids, "none"), body={"secret": "canary"})
    lines(caplog)
    answer = send(world, route, request, headers={"Idempotency-Key": ""} if route.body is None else {})
    found = lines(caplog)
    if answer.status < 400:  # there is nothing in this call that could be wrong
        assert not request.ids
        return
    (line,) = found
    assert (line["message"], line["tenant"], line["code"]) == ("request refused", world.api.tenant, answer.code)
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("route", READING, ids=lambda route: route.name)
def test_what_only_reads_leaves_no_line(world: World, route: Route, caplog: pytest.LogCaptureFixture) -> None:
    """The gateway's log has those."""
    request = GOOD[route.name](world)
    lines(caplog)
    send(world, route, request)
    assert lines(caplog) == []
