"""Odd requests through the deployed gateway, as far as it may change them: the whole corpus is in tests/hostile."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from infra.constructs.http_api import OPEN_PATHS
from local.cloud import Laptop
from tests.e2e.conftest import User
from tests.e2e.wire import Answer, send

pytestmark = pytest.mark.integration

INSIDES = re.compile(
    rb"Traceback|arn:aws|amazonaws|maskmill-local|botocore|boto3|/var/task|/tmp/|File \"|DynamoDB|pydantic"
)
Call = Callable[..., Answer]


@pytest.fixture(scope="module")
def call(cloud: Laptop, ann: User) -> Call:
    token = json.loads(ann.profile.read_text())["token"]["access_token"]
    return partial(_call, cloud.api_url, token)


def _call(
    api_url: str,
    token: str,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    signed = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
    answer = send(f"{api_url}{path}", method, headers=signed, body=body)
    assert answer.status < 500, f"{method} {path[:80]} gave {answer.status} {answer.body[:200]!r}"
    assert not INSIDES.search(answer.body), answer.body[:400]
    return answer


@pytest.fixture(scope="module")
def dataset(call: Call) -> str:
    return str(call("POST", "/api/v1/datasets", body=b'{"name":"odd"}').values["dataset_id"])


@dataclass(frozen=True)
class Odd:
    """A body, and the status and code that it gets."""

    body: bytes | None
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)


BODIES = {
    "J1g no body": Odd(None, 400, "malformed_json"),
    "J2g not text": Odd(b"\xff\xfe{}", 400, "malformed_json"),
    "J5b deep lists": Odd(b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "malformed_json"),
    "J8a a zero byte": Odd(b'{"name":"a\\u0000"}', 422, "invalid_request"),
    "J12a too large": Odd(b'{"name":"' + b"a" * 300_000 + b'"}', 413, "body_too_large"),
    "J12c far too large": Odd(b'{"name":"' + b"a" * 7_000_000 + b'"}', 413, "body_too_large"),
    "J13a a form": Odd(b"name=x", 415, "unsupported_media_type", {"Content-Type": "application/x-www-form-urlencoded"}),
}


@pytest.mark.parametrize("kind", BODIES)
def test_an_odd_body_is_refused_by_a_stable_code(call: Call, kind: str) -> None:
    odd = BODIES[kind]
    answer = call("POST", "/api/v1/datasets", body=odd.body, headers=odd.headers)
    assert (answer.status, answer.code) == (odd.status, odd.code)


IDS = [
    "..", "%2e%2e", "%2F", "..%2F..%2Fdatasets", "%2Fetc%2Fpasswd", "a" * 41, "a" * 3000, "A", "%00", "%F0%9F%98%80",
    "%C0%AF", "%ff", "a%2Fimages", "*", "%25", "%252e%252e", "a;b", "a%20b", "%EF%BC%8E%EF%BC%8E", "%E2%80%AEa",
    "'%20OR%201=1", "$%7Bjndi:x%7D", "%7B%7D", "T%23other", "01m7ye6h59y0r3b18x4kaat3tx",
]  # fmt: skip


@pytest.mark.parametrize("odd", IDS)
def test_an_odd_id_is_simply_not_there(call: Call, dataset: str, odd: str) -> None:
    for path in (f"/datasets/{odd}", f"/datasets/{odd}/images", f"/datasets/{dataset}/images/{odd}", f"/jobs/{odd}"):
        answer = call("GET", f"/api/v1{path}")
        assert (answer.status, answer.code) == (404, "not_found"), path


def b64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


QUERIES = {
    **dict.fromkeys(
        ["limit=0", "limit=-1", "limit=1e9", "limit=99999999999", "limit=1&limit=2", "limit=", "limit=%00",
         "limit=%EF%BC%91", "limit=%FF", "limit=101", "status=x", "status="], (422, "invalid_request")),
    **dict.fromkeys(
        ["cursor=", "cursor=a", "cursor=%00", "cursor=%F0%9F%98%80", "cursor=" + "A" * 5000,
         *(f"cursor={b64(text)}" for text in (b"\xff", b"../../x", b"IMAGE#x", b"T#other#D#x", b"\0", b"a" * 65))],
        (400, "invalid_cursor")),
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_an_odd_query_is_refused_by_a_stable_code(call: Call, dataset: str, query: str) -> None:
    answer = call("GET", f"/api/v1/datasets/{dataset}/images?{query}")
    assert (answer.status, answer.code) == QUERIES[query]


def test_no_header_makes_another_request_of_one(call: Call, dataset: str) -> None:
    path = f"/api/v1/datasets/{dataset}"
    plain = call("GET", path).body
    odd = {
        "X-HTTP-Method-Override": "DELETE",
        "X-Method-Override": "POST",
        "X-Original-URL": "/api/v1/health",
        "X-Rewrite-URL": "/api/v1/health",
        "X-Forwarded-Prefix": "/../..",
        "X-Forwarded-Host": "evil.example",
        "Host": "evil.example",
        "Origin": "https://evil.example",
        "Accept": "text/html",
        "X-Long": "a" * 6000,
    }
    for name, value in odd.items():
        answer = call("GET", path, headers={name: value})
        assert (answer.status, answer.body) == (200, plain), name
        assert answer.headers.get("Access-Control-Allow-Origin") is None
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["PUT", "POST", "TRACE", "PROPFIND"])
def test_another_method_is_refused(call: Call, dataset: str, method: str) -> None:
    answer = call(method, f"/api/v1/datasets/{dataset}")
    assert (answer.status, answer.code) == (405, "method_not_allowed")


PATHS = [
    "/", "/api/v1", "/api/v2/datasets", "/API/V1/datasets", "/api/v1//datasets", "/api/v1/./datasets",
    "/api/v1/health/../datasets", "/api/v1/health/%2e%2e/datasets", "/api/v1/health%2F..%2Fdatasets",
    "/api/v1/health/datasets", "/api/v1/datasets;x=1", "/api/v1/datasets%00", "/api/v1/datasets%20",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_way_round_leads_to_data(cloud: Laptop, call: Call, path: str) -> None:
    assert call("GET", path).status == 404
    stranger = send(f"{cloud.api_url}{path}")
    assert stranger.status in {401, 404}
    assert b"items" not in stranger.body


def test_what_is_open_to_strangers_says_nothing_of_anybody(cloud: Laptop) -> None:
    for path in OPEN_PATHS:
        answer = send(f"{cloud.api_url}{path}")
        assert answer.status == 200
        assert not INSIDES.search(answer.body)
        assert send(f"{cloud.api_url}{path}", "POST", body=b"{}").status in {401, 405}
