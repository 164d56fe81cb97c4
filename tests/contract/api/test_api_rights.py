"""Every right of the API's function is needed by some call of the API, and every call misses it when it is gone.

A signed address or form opens no more than the role that signed it may do: it is weighed where it is made.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from lambdas.serve_api import handler as edge
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from maskmill.core.errors import Code
from tests.contract.api.cases import CASES, GOOD, Maker, Request, World
from tests.contract.api.memory import MemoryCloud
from tests.contract.api.test_api_routes import send
from tests.simulation.judge import Judge, Right, acting, judged
from tests.unit.infra.test_access import RIGHTS
from tests.unit.lambdas.gateway import Answer, Api
from tests.unit.lambdas.test_api_exports import end, job_with, make

ROLE = "ServeApi"
TRIED_MAX = 3  # calls that are tried without a right that many need
Asking = tuple[Route, Maker]


def askings() -> list[Asking]:
    """A good request of every call, and the others that are answered with something."""
    routes = {route.name: route for route in ROUTES if not route.is_public}
    good = [(routes[name], make) for name, make in GOOD.items() if name in routes]
    ready: Asking = (routes["exports_read"], ready_export)
    more = [(routes[name], make) for (name, outcome), make in CASES.items() if not isinstance(outcome, Code)]
    long: Asking = (routes["jobs_list_variants"], long_result)
    return [*good, *more, ready, long]


def ready_export(world: World) -> Request:
    job = job_with(world.api, "coco")
    end(world.api, job)
    assert world.api.post(f"/jobs/{job}/exports/coco").status == 202
    make(world.api, job)
    return Request({"job": job, "format": "coco"})


def long_result(world: World) -> Request:
    """What an item left behind that is too long for a row lies in an object."""
    job = world.api.job()
    world.api.plan(job, items=1, chunk_items=1)
    world.api.result(job, 0, variants=1000)
    return Request({"job": job})


def asked(patch: pytest.MonkeyPatch, asking: Asking, judge: Judge) -> Answer:
    """The answer to a request whose things were made before the judge came."""
    route, make = asking
    cloud = MemoryCloud()
    patch.setattr(edge, "connect", lambda: cloud.ports)
    world = World(Api(), cloud.lane, patch)
    request = make(world)
    cloud.judge = judge
    with judged(judge), acting(ROLE):
        answer = send(world, route, request)
    patch.undo()
    return answer


def test_every_right_of_the_api_is_needed_and_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    needing: dict[Right, list[tuple[Asking, int]]] = defaultdict(list)
    for asking in askings():
        judge = Judge(RIGHTS)
        status = asked(monkeypatch, asking, judge).status
        assert status < 400, asking[0].name
        for _, *right in judge.alone:
            needing[right[0], right[1]].append((asking, status))
    assert set(needing) == RIGHTS[ROLE]
    for right, found in needing.items():
        for asking, _ in found[:TRIED_MAX]:
            judge = Judge(RIGHTS, missing=(ROLE, *right))
            assert asked(monkeypatch, asking, judge).status >= 500, (right, asking[0].name)
            assert judge.refused
