"""Routes are found by their parts, and nothing but a whole path finds one."""

from __future__ import annotations

import pytest

from lambdas.serve_api.router import MethodNotAllowed, Router
from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import PREFIX, Reply, Route
from maskmill.core.errors import NotFound


def route(method: str, path: str) -> Route:
    return Route(method=method, path=path, run=lambda _call: Reply(200), about=path, answers={200: None})


ONE, LATEST, CHANGE = route("GET", "/jobs/<job>"), route("GET", "/jobs/latest"), route("PATCH", "/jobs/<job>")
ROUTER = Router([ONE, LATEST, CHANGE])


def test_a_path_finds_its_route_and_its_ids() -> None:
    assert ROUTER.find("GET", f"{PREFIX}/jobs/j1") == (ONE, {"job": "j1"})
    assert ROUTER.find("PATCH", f"{PREFIX}/jobs/j1") == (CHANGE, {"job": "j1"})


def test_a_word_goes_before_an_id() -> None:
    assert ROUTER.find("GET", f"{PREFIX}/jobs/latest") == (LATEST, {})


def test_a_method_that_nothing_takes_is_told_which_are_taken() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.find("DELETE", f"{PREFIX}/jobs/j1")
    assert caught.value.methods == ("GET", "PATCH")


@pytest.mark.parametrize(
    "path", ["", "/", "jobs/j1", "/jobs/j1", f"{PREFIX}/jobs/", f"{PREFIX}/jobs//", f"{PREFIX}/jobs/a/b"]
)
def test_no_other_path_finds_one(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("GET", path)


def test_every_route_of_the_api_is_found_by_its_own_path() -> None:
    router = Router(ROUTES)
    for wanted in ROUTES:
        found, ids = router.find(wanted.method, PREFIX + wanted.path.replace("<", "i").replace(">", ""))
        assert found is wanted
        assert set(ids) == {part[1:-1] for part in wanted.path.split("/") if part.startswith("<")}
