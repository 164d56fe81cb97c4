"""Events of the gateway as requests, and answers as it takes them."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from lambdas.aws.events import ForeignEvent
from lambdas.serve_api.gateway import Response, request_of, sent
from lambdas.serve_api.media import MediaCookie
from tests.unit.lambdas.gateway import gateway_event


def event(**changes: Any) -> dict[str, Any]:
    return gateway_event("get", "/api/v1/jobs", claims=None, headers={"Accept-Encoding": "br, gzip"}) | changes


def test_a_request_has_lower_case_headers_and_no_stage() -> None:
    request = request_of(event())
    assert (request.method, request.path, request.query) == ("GET", "/api/v1/jobs", {})
    assert request.headers["accept-encoding"] == "br, gzip"
    staged = event(rawPath="/dev/api/v1/jobs")
    staged["requestContext"]["stage"] = "dev"
    assert request_of(staged).path == "/api/v1/jobs"


def test_what_an_event_may_leave_out_is_empty() -> None:
    request = request_of(event(headers=None, queryStringParameters=None))
    assert (request.headers, request.query) == ({}, {})


@pytest.mark.parametrize(
    "foreign", [{}, {"Records": []}, {"rawPath": "/"}, {"rawPath": "/", "requestContext": {"requestId": "r"}}]
)
def test_an_event_of_another_source_is_none_of_ours(foreign: dict[str, Any]) -> None:
    with pytest.raises(ForeignEvent):
        request_of(foreign)


def test_a_large_body_goes_packed_to_those_who_take_it() -> None:
    response = Response(200, "é" * 1000, {"Content-Type": "text/css"}, packs=True)
    packed = sent(response, request_of(event()))
    assert packed["isBase64Encoded"]
    assert packed["headers"] == {"Content-Type": "text/css", "Content-Encoding": "gzip"}
    assert gzip.decompress(base64.b64decode(packed["body"])).decode() == response.body
    plain = sent(response, request_of(event(headers={})))
    assert (plain["body"], plain["isBase64Encoded"]) == (response.body, False)


def test_a_cookie_is_hidden_from_scripts_and_other_sites() -> None:
    cookie = MediaCookie(name="n", value="v", path="/media/t/", life_s=60)
    found = sent(Response(204, "", {}, cookies=(cookie,)), request_of(event()))
    assert found["cookies"] == ["n=v; Path=/media/t/; Max-Age=60; HttpOnly; Secure; SameSite=Strict"]
