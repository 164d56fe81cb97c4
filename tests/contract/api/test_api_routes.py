"""Every route keeps its word: each status and each code that it promises is made, and every answer is as described.

A promise without a case fails, and so does an answer that nobody promised: cases.py says how each comes about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lambdas import spending
from lambdas.serve_api import handler as edge
from lambdas.serve_api import problems
from lambdas.serve_api.description import document
from lambdas.serve_api.promises import answer_headers_of, codes_of
from lambdas.serve_api.rates import Rates
from lambdas.serve_api.routes import RESOURCES, ROUTES
from lambdas.serve_api.routes.call import CURSOR, Param, Route
from maskmill.core import rows
from maskmill.core.errors import Code, Unavailable
from maskmill.core.table import Update
from tests.contract import aws
from tests.contract.api.cases import CASES, GOOD, MISSING, Request, World
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.gateway import Answer, Api, claims_of

BY_NAME = {route.name: route for route in ROUTES}
Outcome = int | Code
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(RESOURCES)))


@pytest.fixture
def world(api: Api, lane: aws.LaneFunction, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(api, lane, monkeypatch)


def send(world: World, route: Route, request: Request, **more: Any) -> Answer:
    path = re.sub(r"<(\w+)>", lambda found: request.ids[found[1]], route.path)
    headers = {**request.headers, **more.pop("headers", {})}
    query = {**request.query, **more.pop("query", {})}
    if route.is_for_admins and world.is_admin:
        more.setdefault("claims", claims_of(world.api.tenant, "admin"))
    return world.api.call(route.method, path, more.pop("body", request.body), headers=headers, query=query, **more)


# What follows from the kind of a route ----------------------------------------------------------------------------


def _unauthenticated(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, request, claims=None)


def _rate_limited(world: World, route: Route, request: Request) -> Answer:
    ports = edge.connect()
    spent = Rates(MemoryTable(), ports.clock, per_window=1)
    spent.take(world.api.tenant)
    world.patch.setattr(edge, "connect", lambda: replace(ports, rates=spent))
    return send(world, route, request)


def _stopped(world: World, route: Route, request: Request) -> Answer:
    ports, table = edge.connect(), MemoryTable()
    spending.stop(table, "A drill.", now_s=1)
    world.patch.setattr(edge, "connect", lambda: replace(ports, spending=spending.Switch(table, ports.clock)))
    return send(world, route, request)


def _unavailable(world: World, route: Route, request: Request) -> Answer:
    def busy(*_: Any) -> Any:
        raise Unavailable(detail="the table is busy")

    for method in ("get", "query", "write"):
        world.patch.setattr(type(world.api.ports.table), method, busy)
    return send(world, route, request)


def _internal(world: World, route: Route, request: Request) -> Answer:
    def broken() -> Any:
        raise RuntimeError("a fault of ours")

    world.patch.setattr(edge, "connect", broken)
    return send(world, route, request)


def _not_found(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, replace(request, ids=dict.fromkeys(request.ids, MISSING)))


def _malformed(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, request, body="{")


def _too_large(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, request, body=json.dumps({"name": "x" * 300_000}))


def _media_type(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, request, headers={"content-type": "text/plain"})


def _bad_cursor(world: World, route: Route, request: Request) -> Answer:
    return send(world, route, request, query={"cursor": "of-nobody"})


def _invalid(world: World, route: Route, request: Request) -> Answer:
    if route.body is not None:
        return send(world, route, request, body={"no such field": 1})
    param = next((param for param in route.query if param.most or param.choices), None)
    if param is None:
        return send(world, route, request, headers={"Idempotency-Key": ""})
    return send(world, route, request, query={param.name: "beyond"})


def _mismatch(world: World, route: Route, request: Request) -> Answer:
    other = {"name": "of another call"} if route.path == "/datasets" else {"name": "x"}
    world.api.post("/datasets", other, Idempotency_Key="k")
    return send(world, route, request, headers={"Idempotency-Key": "k"})


def _still_running(world: World, route: Route, request: Request) -> Answer:
    under = {"Idempotency-Key": "k"}
    assert send(world, route, request, headers=under).status in route.answers
    lease = {("status",): 0, ("lease_until_s",): int(datetime.now(UTC).timestamp()) + 30}
    world.api.ports.table.write(Update(rows.kept_call_key(world.api.tenant, "k"), set=lease))
    return send(world, route, request, headers=under)


COMMON: dict[Code, Callable[[World, Route, Request], Answer]] = {
    Code.UNAUTHENTICATED: _unauthenticated,
    Code.RATE_LIMITED: _rate_limited,
    Code.SPENDING_STOPPED: _stopped,
    Code.UNAVAILABLE: _unavailable,
    Code.INTERNAL: _internal,
    Code.NOT_FOUND: _not_found,
    Code.MALFORMED_JSON: _malformed,
    Code.BODY_TOO_LARGE: _too_large,
    Code.UNSUPPORTED_MEDIA_TYPE: _media_type,
    Code.INVALID_REQUEST: _invalid,
    Code.INVALID_CURSOR: _bad_cursor,
    Code.IDEMPOTENCY_MISMATCH: _mismatch,
    Code.STILL_RUNNING: _still_running,
}


# What was described -----------------------------------------------------------------------------------------------


def described(route: Route, status: int) -> dict[str, Any]:
    path = DOCUMENT["paths"][re.sub(r"<(\w+)>", r"{\1}", route.path)]
    found: dict[str, Any] = path[route.method.lower()]["responses"][str(status)]
    return found


def check(route: Route, answer: Answer, status: int) -> None:
    """The answer is what the description says of this status: its headers, its media type and its body."""
    assert answer.status == status, answer.text
    assert answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if route in RESOURCES:
        _check_against(described(route, status), answer)
    if status in route.answers:
        assert answer_headers_of(route, status) <= set(answer.headers)
    if status in {202, 429, 503}:
        assert int(answer.headers["Retry-After"]) > 0


def _check_against(response: dict[str, Any], answer: Answer) -> None:
    for name, header in response.get("headers", {}).items():
        if header.get("required"):
            Draft202012Validator(header["schema"]).validate(answer.headers[name])
    if "content" not in response:
        assert answer.text == ""
        return
    schema = response["content"][answer.headers["Content-Type"]]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(answer.json)


# The promises -----------------------------------------------------------------------------------------------------


def promises() -> Iterator[Any]:
    for route in ROUTES:
        for outcome in (*route.answers, *codes_of(route)):
            yield pytest.param(route, outcome, id=f"{route.name}-{outcome}")


def main_answer(route: Route) -> int:
    return next(iter(route.answers))


@pytest.mark.parametrize(("route", "outcome"), list(promises()))
def test_a_route_keeps_what_it_promises(world: World, route: Route, outcome: Outcome) -> None:
    assert route.name in GOOD, f"say in tests/contract/api/cases.py what a good request of {route.name} is"
    if (route.name, outcome) in CASES:
        answer = send(world, route, CASES[route.name, outcome](world))
    elif outcome == main_answer(route):
        answer = send(world, route, GOOD[route.name](world))
    elif isinstance(outcome, Code) and outcome in COMMON:
        answer = COMMON[outcome](world, route, GOOD[route.name](world))
    else:
        pytest.fail(f'add @case("{route.name}", {outcome!r}) to tests/contract/api/cases.py, or do not promise it')
    if isinstance(outcome, Code):
        assert answer.status == problems.STATUS[outcome], answer.text
        assert answer.code == outcome.value, answer.text
        check(route, answer, problems.STATUS[outcome])
    else:
        check(route, answer, outcome)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.is_creating], ids=lambda route: route.name)
def test_a_creating_route_makes_one_thing_of_one_key(world: World, route: Route) -> None:
    request = GOOD[route.name](world)
    first, again = (send(world, route, request, headers={"Idempotency-Key": "k"}) for _ in range(2))
    check(route, first, main_answer(route))
    check(route, again, main_answer(route))
    assert again.headers["Idempotent-Replayed"] == "true"
    if not route.is_made_again:
        assert again.text == first.text


def ranges() -> Iterator[Any]:
    for route in ROUTES:
        for param in route.query:
            if param is not CURSOR and (param.most or param.choices):
                yield pytest.param(route, param, id=f"{route.name}-{param.name}")


@pytest.mark.parametrize(("route", "param"), list(ranges()))
def test_a_query_parameter_is_checked_and_named_as_one(world: World, route: Route, param: Param) -> None:
    for value in ("", "beyond", "-1", *([str(param.most + 1)] if param.most else [])):
        answer = send(world, route, GOOD[route.name](world), query={param.name: value})
        assert (answer.status, answer.code) == (422, "invalid_request"), value
        fault = {key: text for key, text in answer.json["errors"][0].items() if key != "detail"}
        assert fault == {"pointer": f"/{param.name}", "where": "query"}


def test_no_case_is_of_a_route_or_an_outcome_that_is_not_there() -> None:
    assert set(GOOD) == set(BY_NAME)
    for name, outcome in CASES:
        route = BY_NAME[name]
        assert outcome in route.answers or outcome in codes_of(route), f"{name} does not promise {outcome}"
