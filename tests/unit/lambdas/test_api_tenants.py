"""Who may see what: the tenant comes from the verified token alone, and a foreign thing looks like a missing one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lambdas.serve_api.routes import ROUTES
from lambdas.serve_api.routes.call import Route
from tests.unit.lambdas.gateway import Answer, Api, claims_of, gateway_event, recipe

MISSING = "01j0000000000000000000000z"
MALFORMED = ["A" * 26, "x" * 41, "a b", "..", "%2e%2e", "a%2Fb", "ä", "a#b", "null", "٣"]  # "null" is a shape but no id

WITH_IDS = sorted((route for route in ROUTES if "<" in route.path), key=lambda route: route.method == "DELETE")
PUBLIC = [route for route in ROUTES if route.is_public]


@pytest.fixture(scope="module")
def owned(account: dict[str, str]) -> dict[str, str]:
    return things()


def things() -> dict[str, str]:
    """What another tenant has: one thing of every kind."""
    owner = Api()
    dataset, template, (image,) = owner.ready_dataset()
    wanted = {"recipe": recipe(template, exports=["coco"])}
    job = str(owner.post(f"/datasets/{dataset}/jobs", wanted).json["job_id"])
    owner.plan(job, items=1, chunk_items=1)
    owner.result(job, 0)
    webhook = str(owner.post("/webhooks", {"url": "https://hooks.example.com/"}).json["webhook_id"])
    delivery = str(owner.post(f"/webhooks/{webhook}/test").json["delivery_id"])
    things = {"dataset": dataset, "template": template, "image": image, "job": job}
    return {**things, "format": "coco", "webhook": webhook, "delivery": delivery, "owner": owner.tenant}


def body_for(route: Route, ids: dict[str, str]) -> Any:
    if route.method not in {"POST", "PATCH"}:
        return None
    file = {"name": "a.jpg", "size_bytes": 1, "sha256": "0" * 64}
    return {
        "/datasets/<dataset>": {},
        "/datasets/<dataset>/uploads": {"files": [file]},
        "/datasets/<dataset>/templates": {"name": "x", "placement": "centre"},
        "/datasets/<dataset>/templates/<template>": {},
        "/datasets/<dataset>/jobs": {"recipe": recipe(ids["template"])},
        "/datasets/<dataset>/jobs/estimate": {"recipe": recipe(ids["template"])},
        "/datasets/<dataset>/images/<image>/segment": {"prompt": {"points": [{"x": 0.5, "y": 0.5}]}},
        "/datasets/<dataset>/images/<image>/automask": {},
    }.get(route.path)


def ask(api: Api, route: Route, ids: dict[str, str]) -> Answer:
    path = re.sub(r"<(\w+)>", lambda found: ids[found[1]], route.path)
    return api.call(route.method, path, body_for(route, ids))


def without_request_id(answer: Answer) -> tuple[int, dict[str, str], dict[str, Any]]:
    problem = answer.json
    assert problem.pop("request_id").startswith("request-")
    headers = {
        name: text for name, text in answer.headers.items() if "RateLimit" not in name
    }  # counts what has a route
    return answer.status, headers, problem


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", WITH_IDS, ids=name_of)
def test_the_owner_is_answered(route: Route, owned: dict[str, str]) -> None:
    owned = things() if route.method == "DELETE" else owned
    assert ask(Api(owned["owner"]), route, owned).status in {200, 201, 202, 204, 409}


@pytest.mark.parametrize("route", WITH_IDS, ids=name_of)
def test_a_foreign_id_and_a_missing_id_are_answered_alike(api: Api, route: Route, owned: dict[str, str]) -> None:
    missing = without_request_id(ask(api, route, dict.fromkeys(owned, MISSING)))
    assert missing[0] == 404
    assert missing[2]["code"] == "not_found"
    assert without_request_id(ask(api, route, owned)) == missing
    for malformed in MALFORMED:
        assert without_request_id(ask(api, route, dict.fromkeys(owned, malformed))) == missing, malformed


@pytest.mark.parametrize("kind", ["image", "template"])
def test_a_foreign_thing_in_ones_own_dataset_is_missing_too(api: Api, kind: str, owned: dict[str, str]) -> None:
    mine = {**owned, "dataset": api.dataset()}
    route = next(route for route in ROUTES if route.path.endswith(f"<{kind}>"))
    assert ask(api, route, mine).status == 404


def test_a_list_holds_ones_own_things_only(api: Api, owned: dict[str, str]) -> None:
    for path in ("/datasets", "/jobs"):
        assert api.get(path).json == {"items": [], "next_cursor": None}
        assert Api(owned["owner"]).get(path).json["items"]


def test_a_foreign_template_or_image_in_a_recipe_is_as_unknown_as_a_missing_one(
    api: Api, owned: dict[str, str]
) -> None:
    dataset, template, _ = api.ready_dataset()

    def refusal(template_id: str, image_id: str) -> list[dict[str, Any]]:
        answer = api.submit(dataset, template_id, image_ids=[image_id])
        assert answer.status == 422
        return [answer.json["code"], answer.json["errors"]]

    assert refusal(owned["template"], owned["image"]) == refusal(MISSING, MISSING)
    assert refusal(template, owned["image"]) == refusal(template, MISSING)
    cutout = {"background": "image", "image_id": owned["image"]}
    body = {"recipe": {"templates": [template], "layers": [{"region": template, "edits": {"cutout": cutout}}]}}
    foreign = api.post(f"/datasets/{dataset}/jobs", body)
    cutout["image_id"] = MISSING
    missing = api.post(f"/datasets/{dataset}/jobs", body)
    assert without_request_id(foreign) == without_request_id(missing)
    assert foreign.code == "invalid_recipe"
    assert foreign.pointers == ["/recipe/layers/0/edits/cutout/image_id"]


def test_the_same_key_of_two_tenants_names_two_jobs(api: Api, other: Api) -> None:
    jobs = set()
    for tenant in (api, other):
        dataset, template, _ = tenant.ready_dataset()
        jobs.add(tenant.submit(dataset, template, key="same").json["job_id"])
    assert len(jobs) == 2


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
def test_nothing_else_in_a_request_can_name_a_tenant(api: Api, place: str, owned: dict[str, str]) -> None:
    claim = {"tenant": owned["owner"], "sub": owned["owner"], "x-tenant": owned["owner"]}
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
