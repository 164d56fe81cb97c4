"""Who a request stands for: the tenant comes from the verified token alone.

That what is another's looks as if it were not there is shown by tests/contract/api/test_api_isolation.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from tests.unit.lambdas.gateway import Api, claims_of, gateway_event

MISSING = "01j0000000000000000000000z"

PUBLIC = [route for route in ROUTES if route.is_public]


@pytest.fixture(scope="module")
def owner(account: dict[str, str]) -> Api:
    """Another tenant, who has a dataset and a job."""
    owner = Api()
    owner.job()
    return owner


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_a_list_holds_ones_own_things_only(api: Api, owner: Api) -> None:
    for path in ("/datasets", "/jobs"):
        assert api.get(path).json == {"items": [], "next_cursor": None}
        assert owner.get(path).json["items"]


@pytest.mark.parametrize(
    "claims",
    [
        None,
        {},
        {"sub": "a", "token_use": "id"},
        {"sub": "a"},
        {"token_use": "access"},
        {"sub": "", "token_use": "access"},
        {"sub": "a/b", "token_use": "access"},
        {"sub": "a#b", "token_use": "access"},
        {"sub": "a" * 65, "token_use": "access"},
        {"sub": "a\n", "token_use": "access"},
        {"sub": ["a"], "token_use": "access"},
        {"sub": None, "token_use": "access"},
        {"username": "a", "custom:tenant": "b", "token_use": "access"},
        {"sub": "a", "token_use": "access", "client_id": "app"},
        {"sub": "a", "token_use": "access", "client_id": "app", "scope": "openid"},
        {"sub": "a", "token_use": "access", "client_id": "app", "scope": "other/maskmill/api"},
        {"sub": "a", "token_use": "access", "scope": "maskmill/api"},
        {"sub": "m", "token_use": "access", "client_id": "m", "scope": ""},
        {"sub": "m", "token_use": "access", "client_id": "m", "scope": "aws.cognito.signin.user.admin"},
    ],
)
def test_without_a_verified_access_token_nothing_is_answered(api: Api, claims: dict[str, Any] | None) -> None:
    for route in (route for route in ROUTES if not route.is_public):
        event = gateway_event(route.method, f"/api/v1{re.sub('<.*?>', MISSING, route.path)}", claims=claims)
        answer = api.send(event)
        assert (answer.status, answer.code) == (401, "unauthenticated"), name_of(route)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "{}", "client_id": "app", "scope": "aws.cognito.signin.user.admin", "username": "u"},  # by a password
        {"sub": "{}", "client_id": "app", "scope": "openid maskmill/api", "username": "u"},  # by the hosted pages
        {"sub": "{}", "client_id": "{}", "scope": "maskmill/api"},  # a machine
    ],
)
def test_people_and_machines_see_what_is_theirs(api: Api, claims: dict[str, str]) -> None:
    mine = {name: value.format(api.tenant) for name, value in claims.items()} | {"token_use": "access"}
    dataset = api.dataset()
    answer = api.send(gateway_event("GET", "/api/v1/datasets", claims=mine))
    assert [found["dataset_id"] for found in answer.json["items"]] == [dataset]


@pytest.mark.parametrize("place", ["headers", "query", "body"])
def test_nothing_else_in_a_request_can_name_a_tenant(api: Api, place: str, owner: Api) -> None:
    claim = dict.fromkeys(("tenant", "sub", "x-tenant"), owner.tenant)
    if place == "body":
        answer = api.post("/datasets", {"name": "x", **claim})
        assert answer.status == 422
        return
    answer = api.call("GET", "/datasets", **{place: claim})
    assert answer.json["items"] == []


def test_an_authorizer_of_another_kind_is_no_identity(api: Api) -> None:
    event = gateway_event("GET", "/api/v1/datasets", claims=None)
    event["requestContext"]["authorizer"] = {"lambda": claims_of("a"), "iam": {"userId": "a"}}
    assert api.send(event).status == 401


@pytest.mark.parametrize("route", PUBLIC, ids=lambda route: route.path)
def test_public_routes_need_nobody(api: Api, route: Any) -> None:
    answer = api.call("GET", route.path, claims=None)
    assert answer.status == 200
    assert answer.text if route.content else json.loads(answer.text)
