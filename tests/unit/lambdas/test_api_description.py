"""The API's description is valid, is computed from the routes, and says all that they promise; and its manual is ours."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from lambdas.serve_api import problems
from lambdas.serve_api.description import document
from lambdas.serve_api.promises import answer_headers_of, codes_of
from lambdas.serve_api.routes import RESOURCES, ROUTES
from lambdas.serve_api.routes.call import Route
from maskmill.core.errors import Code
from tests.unit.lambdas.gateway import Api


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return json.loads(json.dumps(document(RESOURCES)))


def operation_of(described: dict[str, Any], route: Route) -> dict[str, Any]:
    found: dict[str, Any] = described["paths"][re.sub(r"<(\w+)>", r"{\1}", route.path)][route.method.lower()]
    return found


def test_the_description_is_valid_and_public(api: Api, described: dict[str, Any]) -> None:
    validate(described)
    answer = api.call("GET", "/openapi.json", claims=None)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json == described
    assert answer.headers["Cache-Control"].startswith("public")


def test_every_operation_has_a_name_of_its_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) == len(RESOURCES)
    assert all(re.fullmatch("[a-z_]+", name) for name in names)


def test_every_schema_has_a_plain_name_and_is_used(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    for name in described["components"]["schemas"]:
        assert re.fullmatch(r"[A-Za-z]+(-Input|-Output)?", name)
        assert f'"#/components/schemas/{name}"' in text, name


@pytest.mark.parametrize("route", RESOURCES, ids=lambda route: f"{route.method} {route.path}")
def test_an_operation_says_what_its_route_promises(described: dict[str, Any], route: Route) -> None:
    operation = operation_of(described, route)
    codes: dict[str, set[str]] = {}
    for code, status in codes_of(route).items():
        codes.setdefault(str(status), set()).add(code.value)
    assert set(operation["responses"]) == {str(status) for status in route.answers} | set(codes)
    for status, expected in codes.items():
        schema = operation["responses"][status]["content"][problems.MEDIA_TYPE]["schema"]
        assert set(schema["allOf"][1]["properties"]["code"]["enum"]) == expected
    for status in route.answers:
        said = operation["responses"][str(status)].get("headers", {})
        assert {name for name, header in said.items() if header.get("required")} == answer_headers_of(route, status)
    assert ("requestBody" in operation) == (route.body is not None)
    assert (operation.get("security") == []) == route.is_public


def test_what_waits_or_is_refused_for_now_says_when_to_come_back(described: dict[str, Any]) -> None:
    for path in described["paths"].values():
        for operation in path.values():
            for status in {"202", "429", "503"} & set(operation["responses"]):
                assert "Retry-After" in operation["responses"][status]["headers"]


def test_every_code_of_this_edge_is_promised_somewhere() -> None:
    promised = {code for route in ROUTES for code in codes_of(route)}
    assert set(problems.STATUS) - promised == {Code.METHOD_NOT_ALLOWED}, "which is no route's"


def test_the_manual_is_served_by_us_alone(api: Api) -> None:
    page = api.call("GET", "/docs", claims=None)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text, "nothing that the policy would refuse"
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) == 4
    for part in parts:
        answer = api.call("GET", "/" + part.partition("?")[0], claims=None)
        assert answer.status == 200, part
        if "?v=" in part:
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "SwaggerUIBundle" in api.call("GET", "/docs/swagger-ui.js", claims=None).text


def test_the_manual_is_packed_for_those_who_take_it_so(api: Api) -> None:
    packed = api.call("GET", "/docs/swagger-ui.js", claims=None, headers={"accept-encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == api.call("GET", "/docs/swagger-ui.js", claims=None).text
