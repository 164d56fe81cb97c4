"""Who a request stands for: the tenant comes from the verified token alone.

Claims that stand for nobody are in tests/hostile. That what is another's looks as if it were not there is shown by tests/contract/api/test_api_isolation.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from tests.unit.lambdas.gateway import Api, gateway_event

MISSING = "01j0000000000000000000000z"

PUBLIC = [route for route in ROUTES if route.is_public]


@pytest.fixture
def owner(new_table: None) -> Api:
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


@pytest.mark.parametrize("route", PUBLIC, ids=lambda route: route.path)
def test_public_routes_need_nobody(api: Api, route: Any) -> None:
    answer = api.call("GET", route.path, claims=None)
    assert answer.status == 200
    assert answer.text if route.content else json.loads(answer.text)
