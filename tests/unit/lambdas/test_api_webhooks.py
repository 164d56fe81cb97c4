"""Webhooks: made for public https addresses only, their secrets shown once, and every attempt listed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.deliver_webhook import logic
from lambdas.deliver_webhook.logic import Posted
from maskmill import webhooks
from maskmill.core import rows
from maskmill.core.addresses import Destination
from maskmill.core.limits import WEBHOOK_ASKED_AGAIN_MAX, WEBHOOK_TEXT_CHARS_MAX, WEBHOOKS_PER_TENANT_MAX
from maskmill.core.messages import DeliverWebhook
from maskmill.core.table import RowConflict, Update
from maskmill.core.webhook import DisabledReason, EventType, Trouble, key_of
from tests.contract import aws
from tests.unit.lambdas.gateway import Answer, Api

URL = "https://hooks.example.com/maskmill?key=1"
ALL = [event.value for event in EventType]


def create(api: Api, **more: Any) -> Answer:
    return api.post("/webhooks", {"url": URL, **more})


@pytest.fixture
def hook(api: Api) -> dict[str, Any]:
    answer = create(api)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


class Postman:
    def __init__(self, *answers: Posted) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[dict[str, str], bytes]] = []

    def post(self, _to: Destination, headers: dict[str, str], body: bytes) -> Posted:
        self.sent.append((headers, body))
        return self.answers.pop(0)


def deliver(api: Api, account: dict[str, str], *answers: Posted) -> Postman:
    """What the function behind the queue does with what lies in it."""
    postman = Postman(*answers)
    ports = logic.Ports(api.ports.table, api.ports.queues, api.ports.clock, postman)
    for message in aws.received(account["webhook"]):
        body = DeliverWebhook.model_validate_json(message["Body"])
        if body.tenant == api.tenant:
            logic.deliver(ports, body)
    return postman


def listed(api: Api, hook: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/webhooks/{hook['webhook_id']}/deliveries").json["items"]
    return found


def test_a_webhook_is_told_of_everything_unless_it_names_events(api: Api, hook: dict[str, Any]) -> None:
    assert (hook["url"], hook["events"], hook["disabled"]) == (URL, ALL, None)
    some = create(api, events=["job.failed", "export.ready"], description="our build").json
    assert (some["events"], some["description"]) == (["job.failed", "export.ready"], "our build")


def test_a_secret_is_long_and_shown_once(api: Api, hook: dict[str, Any]) -> None:
    assert len(key_of(hook["secret"])) == 32
    path = f"/webhooks/{hook['webhook_id']}"
    for answer in (api.get(path), api.get("/webhooks"), api.post(f"{path}/test"), api.get(f"{path}/deliveries")):
        assert "whsec_" not in answer.text
    assert api.get(path).json == {name: value for name, value in hook.items() if name != "secret"}
    assert create(api).json["secret"] != hook["secret"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": 5}, "/url"),
        ({"url": "https://hooks.example.com/" + "x" * 1000}, "/url"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["job.started"]}, "/events/0"),
        ({"url": URL, "events": ["ping"]}, "/events/0"),
        ({"url": URL, "events": ["job.failed", "job.failed"]}, "/events"),
        ({"url": URL, "description": "x" * (WEBHOOK_TEXT_CHARS_MAX + 1)}, "/description"),
        ({"url": URL, "description": "a\nb"}, "/description"),
        ({"url": URL, "secret": "whsec_mine"}, "/secret"),
    ],
)
def test_a_faulty_field_is_named(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.post("/webhooks", body)
    assert (answer.status, answer.code, answer.pointers[0]) == (422, "invalid_request", pointer)


def test_a_tenant_has_so_many_webhooks_and_no_more(api: Api, other: Api) -> None:
    ids = [create(api).json["webhook_id"] for _ in range(WEBHOOKS_PER_TENANT_MAX)]
    assert (create(api).status, create(api).code) == (429, "quota_exceeded")
    assert create(other).status == 201
    assert api.call("DELETE", f"/webhooks/{ids[0]}").status == 204
    assert create(api).status == 201


def test_the_list_has_pages(api: Api) -> None:
    ids = [create(api).json["webhook_id"] for _ in range(3)]
    first = api.get("/webhooks", limit="2").json
    second = api.get("/webhooks", limit="2", cursor=first["next_cursor"]).json
    assert [item["webhook_id"] for page in (first, second) for item in page["items"]] == ids


def test_a_webhook_that_was_removed_is_not_there(api: Api, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    answer = api.call("DELETE", path)
    assert (answer.status, answer.text) == (204, "")
    delivery = "0" * 26
    for method, where in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/{delivery}/retry"),
    ):
        assert api.call(method, where).code == "not_found"


def test_nobody_reaches_the_webhooks_of_others(api: Api, other: Api, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    delivery = api.post(f"{path}/test").json["delivery_id"]
    for method, where in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/rotate"),
        ("POST", f"{path}/test"),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/{delivery}/retry"),
    ):
        assert other.call(method, where).code == "not_found"
    assert other.get("/webhooks").json["items"] == []
    assert api.get(path).status == 200


def test_a_rotation_gives_a_new_secret_and_both_sign_for_a_day(
    api: Api, account: dict[str, str], hook: dict[str, Any]
) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    rotated = api.post(f"{path}/rotate").json
    assert rotated["secret"] != hook["secret"]
    assert rotated["old_secret_until"] is not None
    api.post(f"{path}/test")
    ((headers, body),) = deliver(api, account, Posted(status=204)).sent
    now_s = int(headers["webhook-timestamp"])
    for secret in (hook["secret"], rotated["secret"]):
        assert webhooks.verify([secret], headers, body, now_s=now_s)["type"] == "ping"


def test_two_rotations_at_once_are_one(api: Api, hook: dict[str, Any]) -> None:
    """Otherwise the second would push out the secret that receivers still know."""
    table = api.ports.table
    seen = rows.webhook_of(table.get(rows.webhook_key(api.tenant, hook["webhook_id"])))
    table.write(rows.rotate_secret(seen, secret="whsec_faster", old_until_s=0))
    with pytest.raises(RowConflict):
        table.write(rows.rotate_secret(seen, secret="whsec_slower", old_until_s=0))


def test_a_test_sends_a_ping_and_is_listed_with_its_attempt(
    api: Api, account: dict[str, str], hook: dict[str, Any]
) -> None:
    answer = api.post(f"/webhooks/{hook['webhook_id']}/test")
    assert (answer.status, answer.json["type"], answer.json["state"]) == (202, "ping", "waiting")
    assert answer.json["next_attempt_at"] is not None
    ((headers, body),) = deliver(api, account, Posted(status=200, took_ms=12)).sent
    assert headers["webhook-id"] == answer.json["delivery_id"]
    assert json.loads(body)["data"] == {"webhook_id": hook["webhook_id"]}
    (delivery,) = listed(api, hook)
    assert (delivery["state"], delivery["next_attempt_at"], delivery["body"]) == ("delivered", None, body.decode())
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["trouble"], attempt["took_ms"]) == (200, None, 12)


def test_deliveries_are_listed_newest_first_in_pages(api: Api, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    made = [api.post(f"{path}/test").json["delivery_id"] for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(f"{path}/deliveries", limit="2", **cursor).json
        found += [item["delivery_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == made[::-1]
    assert api.get(f"{path}/deliveries", cursor="x").code == "invalid_cursor"


def test_what_has_expired_is_not_listed_although_the_table_still_has_it(api: Api, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    delivery = api.post(f"{path}/test").json["delivery_id"]
    key = rows.delivery_key(api.tenant, hook["webhook_id"], delivery)
    api.ports.table.write(Update(key, set={("expires_at",): 1}))
    assert listed(api, hook) == []
    assert api.post(f"{path}/deliveries/{delivery}/retry").code == "not_found"


def test_a_delivery_that_failed_is_told_once_more(api: Api, account: dict[str, str], hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    delivery = api.post(f"{path}/test").json["delivery_id"]
    deliver(api, account, Posted(trouble=Trouble.TLS_FAILED))
    (failed,) = listed(api, hook)
    assert (failed["state"], failed["attempts"][0]["trouble"]) == ("failed", "tls_failed")
    answer = api.post(f"{path}/deliveries/{delivery}/retry")
    assert (answer.status, answer.json["state"]) == (202, "waiting")
    deliver(api, account, Posted(status=200))
    (told,) = listed(api, hook)
    assert (told["state"], len(told["attempts"])) == ("delivered", 2)


def test_nobody_asks_for_the_same_delivery_for_ever(api: Api, hook: dict[str, Any]) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    delivery = api.post(f"{path}/test").json["delivery_id"]
    for _ in range(WEBHOOK_ASKED_AGAIN_MAX):
        assert api.post(f"{path}/deliveries/{delivery}/retry").status == 202
    assert api.post(f"{path}/deliveries/{delivery}/retry").code == "conflict"
    assert api.post(f"{path}/deliveries/{'0' * 26}/retry").code == "not_found"


def test_a_disabled_webhook_says_why_and_a_test_that_arrives_brings_it_back(
    api: Api, account: dict[str, str], hook: dict[str, Any]
) -> None:
    path = f"/webhooks/{hook['webhook_id']}"
    delivery = api.post(f"{path}/test").json["delivery_id"]
    deliver(api, account, Posted(status=410))
    assert api.get(path).json["disabled"] == DisabledReason.GONE
    assert api.post(f"{path}/deliveries/{delivery}/retry").code == "conflict"
    api.post(f"{path}/test")
    deliver(api, account, Posted(status=200))
    assert api.get(path).json["disabled"] is None


def test_a_webhook_that_was_made_under_a_key_is_made_once(api: Api) -> None:
    """An answer that was lost on its way would otherwise take the secret with it."""
    first, second = (api.post("/webhooks", {"url": URL}, idempotency_key="k") for _ in range(2))
    assert first.json == second.json
    assert len(api.get("/webhooks").json["items"]) == 1
