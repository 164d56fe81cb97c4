"""Errors at the edge: one table, one shape, nothing that leaks; and a test that makes every code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lambdas.serve_api import about, problems
from lambdas.serve_api import handler as edge
from lambdas.serve_api.routes import ROUTES
from maskmill import __version__
from maskmill.core import limits
from maskmill.core.api import Problem
from maskmill.core.errors import Code, MaskmillError, Unavailable
from tests.unit.lambdas.gateway import Api, gateway_event

ITEM_CODES = set(Code) - set(problems.STATUS)


def test_a_problem_has_every_member_of_its_shape(api: Api) -> None:
    answer = api.get("/datasets/01j0000000000000000000000z")
    problem = Problem.model_validate(answer.json)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem.type == "urn:maskmill:error:not_found"
    assert (problem.title, problem.status, problem.code) == ("Not found", 404, "not_found")
    assert problem.detail == "There is nothing here under that name."
    assert problem.request_id.startswith("request-")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/datasets/", "/jobs/x/y/z", "/datasets//images", "/health/x"])
def test_an_unknown_path_is_not_found(api: Api, path: str) -> None:
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_path_outside_of_the_api_is_not_found(api: Api) -> None:
    assert api.send(gateway_event("GET", "/datasets", claims=None)).status == 404


def test_a_wrong_method_is_told_which_are_right(api: Api) -> None:
    known: dict[str, set[str]] = {}
    for method, path in ((route.method, route.path) for route in ROUTES):
        known.setdefault(path, set()).add(method)
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = api.call(method, re.sub("<.*?>", "01j0000000000000000000000z", path))
            assert (answer.status, answer.code) == (405, "method_not_allowed"), (method, path)
            assert answer.headers["Allow"] == ", ".join(sorted(methods))


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def get(_self: Any, _key: Any) -> Any:
        raise error

    monkeypatch.setattr(type(edge.connect().table), "get", get)


def test_a_busy_table_is_unavailable_with_a_pause(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, Unavailable(detail="GetItem: ThrottlingException"))
    answer = api.get("/jobs/j0")
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "Throttling" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("arn:aws:dynamodb:us-east-1:1:table/secret"),
        KeyError("secret"),
        MaskmillError(detail="secret"),
        MaskmillError(Code.RENDER_FAILED, message="secret"),
        RecursionError("secret"),
    ],
)
def test_an_unexpected_error_is_internal_and_says_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing(monkeypatch, error)
    answer = api.get("/jobs/j0")
    assert (answer.status, answer.code) == (500, "internal")
    assert "secret" not in answer.text + str(answer.headers)


def test_every_answer_is_kept_out_of_caches_and_of_sniffing(api: Api) -> None:
    for path in ("/datasets", "/health", "/nothing", "/jobs/x"):
        headers = api.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_health_and_limits_say_what_is_true(api: Api) -> None:
    assert api.get("/health").json == {"status": "ok", "version": __version__, "segmenter": "classic-1"}
    bounds = api.get("/limits").json
    for name, value in bounds.items():
        assert value == getattr(limits, name.upper()), name
    assert set(bounds) == set(type(about.bounds(api.ports)).model_fields)


def test_every_code_is_a_code_of_this_edge_or_of_an_item_or_an_export() -> None:
    assert {code.value for code in ITEM_CODES} == {
        "animated_not_supported",
        "budget_exceeded",
        "cancelled",
        "checksum_mismatch",
        "corrupt_image",
        "empty_file",
        "export_failed",
        "export_too_large",
        "gave_up",
        "image_removed",
        "invalid_mask",
        "no_object_found",
        "render_failed",
        "too_complex",
        "too_many_pixels",
        "too_small",
        "unsupported_format",
        "upload_missing",
        "wrong_segmenter",
    }


@pytest.mark.parametrize("code", sorted(problems.STATUS))
def test_every_code_of_this_edge_is_made_by_a_test(code: Code) -> None:
    here, hostile = Path(__file__).parent, Path(__file__).parents[2] / "hostile"
    paths = (*here.glob("test_api_*.py"), here / "test_spending.py", *hostile.glob("*.py"))
    tests = "".join(path.read_text() for path in paths)
    assert f'"{code.value}"' in tests


@pytest.mark.parametrize("code", sorted(problems.STATUS))
def test_every_problem_says_what_to_do_in_plain_words(code: Code) -> None:
    problem = problems.problem_of(MaskmillError(code), "r")
    assert problem.status == problems.STATUS[code]
    assert problem.detail.endswith(".")
