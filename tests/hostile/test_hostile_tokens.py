"""Rows T behind the gateway: claims that stand for nobody, keys that are none, tickets that open nothing.

The gateway checks signatures, issuers and times; forged tokens meet the deployed one in tests/e2e/test_doors.py. What
the gateway lets through is checked once more here: it takes an ID token, which is no right to call.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lambdas.hold_connection.logic import NoEntry, Ports, admit
from lambdas.serve_api.routes import ROUTES
from maskmill.core import rows
from maskmill.core.limits import IDEMPOTENCY_KEY_CHARS_MAX
from tests.hostile.corpus import Bad, Shop, check, watched
from tests.hostile.judge import check_refusal
from tests.simulation.cloud import MemorySockets
from tests.unit.lambdas.gateway import Answer, claims_of, gateway_event
from tests.unit.lambdas.scene import TENANT, Scene

MISSING = "01j0000000000000000000000z"
ACCESS = {"token_use": "access", "client_id": "app", "scope": "openid maskmill/api"}
KEY = ("/Idempotency-Key",)

CLAIMS: dict[str, dict[str, Any] | None] = {
    "T1a": None,
    "T1b": {},
    "T5a": {**ACCESS, "sub": "", "exp": "1"},
    "T6a": {"sub": "a", "token_use": "access", "scope": "maskmill/api"},  # no client
    "T6b": {**ACCESS, "sub": "a", "client_id": ""},
    "T7a": {**ACCESS, "sub": "a", "token_use": "id"},
    "T7b": {"sub": "a", "token_use": "id", "aud": "app", "cognito:username": "a", "email": "a@example.com"},
    "T7c": {key: value for key, value in {**ACCESS, "sub": "a"}.items() if key != "token_use"},
    "T7d": {**ACCESS, "sub": "a", "token_use": "ACCESS"},
    "T8a": {**ACCESS, "username": "a", "custom:tenant": "b"},  # no subject, whatever else names somebody
    "T8b": {**ACCESS, "sub": "a/b"},
    "T8c": {**ACCESS, "sub": "a#b"},
    "T8d": {**ACCESS, "sub": "../t/other"},
    "T8e": {**ACCESS, "sub": "a\n"},
    "T8f": {**ACCESS, "sub": "a" * 65},
    "T8g": {**ACCESS, "sub": ["a"]},
    "T8h": {**ACCESS, "sub": None},
    "T8i": {**ACCESS, "sub": {"S": "a"}},
    "T12a": {"sub": "a", "token_use": "access", "client_id": "app"},
    "T12b": {**ACCESS, "sub": "a", "scope": "openid"},
    "T12c": {**ACCESS, "sub": "a", "scope": "other/maskmill/api"},
    "T12d": {**ACCESS, "sub": "m", "client_id": "m", "scope": ""},
    "T12e": {**ACCESS, "sub": "m", "client_id": "m", "scope": "aws.cognito.signin.user.admin"},
    "T12f": {**ACCESS, "sub": "a", "scope": "MASKMILL/API"},
}


@pytest.mark.parametrize("row", CLAIMS)
def test_claims_that_stand_for_nobody_open_no_route(shop: Shop, row: str) -> None:
    with watched() as writes:
        for route in (route for route in ROUTES if not route.is_public):
            path = re.sub("<.*?>", MISSING, route.path)
            answer = shop.api.send(gateway_event(route.method, f"/api/v1{path}", claims=CLAIMS[row]))
            check_refusal(answer, 401, "unauthenticated")
    assert writes == []


BENEATH: dict[str, Any] = {
    "T2a": None,
    "T2b": [],
    "T2c": "Bearer x",
    "T2d": {"jwt": None},
    "T2e": {"jwt": {"claims": [["sub", "a"]]}},
    "T2f": {"lambda": claims_of("a"), "iam": {"userId": "a"}},
    "T2g": {"claims": claims_of("a")},
}


@pytest.mark.parametrize("row", BENEATH)
def test_an_identity_that_the_gateway_did_not_verify_is_none(shop: Shop, row: str) -> None:
    event = gateway_event("GET", "/api/v1/datasets", claims=None)
    event["requestContext"]["authorizer"] = BENEATH[row]
    event["headers"]["authorization"] = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."
    check_refusal(shop.api.send(event), 401, "unauthenticated")


WISHES = {
    "T9a": {"custom:tenant": "{other}"},
    "T9b": {"tenant": "{other}", "tenant_id": "{other}"},
    "T9c": {"username": "{other}", "cognito:username": "{other}"},
    "T9d": {"cognito:groups": '["admin"]', "custom:role": "admin"},
    "T9e": {"client_id": "{other}"},
}


@pytest.mark.parametrize("row", WISHES)
def test_no_claim_but_the_subject_says_who_it_is(shop: Shop, row: str) -> None:
    wish = {name: value.format(other=shop.other.tenant) for name, value in WISHES[row].items()}
    claims = {**claims_of(shop.api.tenant), **wish}
    seen = shop.api.send(gateway_event("GET", "/api/v1/datasets", claims=claims))
    assert seen.json == shop.api.get("/datasets").json


# Keys ----------------------------------------------------------------------------------------------------------------


def under(what: str, key: str) -> Bad:
    def send(shop: Shop) -> Answer:
        return shop.make({"name": "x"}, idempotency_key=key)

    return Bad(what, send, 422, "invalid_request", KEY)


def job_under(what: str, key: str) -> Bad:
    def send(shop: Shop) -> Answer:
        return shop.api.submit(shop.dataset, shop.template, key=key)

    return Bad(what, send, 422, "invalid_request", KEY)


BAD_KEYS = {
    "T15a": under("nothing", ""),
    "T15b": under("10 KB", "x" * 10_000),
    "T15c": under("a character too many", "x" * (IDEMPOTENCY_KEY_CHARS_MAX + 1)),
    "T15d": under("another alphabet", "schlüssel"),
    "T15e": under("a line break", "a\nb"),
    "T15f": under("a line break at the end", "a\n"),
    "T15g": under("a delete", "\x7f"),
    "T15h": job_under("10 KB for a job", "x" * 10_000),
    "T15i": job_under("a picture for a job", "🔑"),
}


@pytest.mark.parametrize("row", BAD_KEYS)
def test_what_is_no_key_is_refused_as_a_header(shop: Shop, row: str) -> None:
    check(shop, BAD_KEYS[row])


def test_t15j_a_key_of_one_character_is_one(shop: Shop) -> None:
    answers = [shop.make({"name": "once"}, idempotency_key="!") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text


def test_t15k_the_key_of_another_tenant_is_another_key(shop: Shop) -> None:
    mine = shop.make({"name": "mine"}, idempotency_key="shared")
    theirs = shop.other.call("POST", "/datasets", {"name": "theirs"}, headers={"idempotency-key": "shared"})
    assert (mine.status, theirs.status) == (201, 201)
    assert theirs.json["name"] == "theirs"
    assert shop.api.get(f"/datasets/{theirs.json['dataset_id']}").code == "not_found"


def test_t15l_a_key_lies_in_the_table_as_a_hash_alone(shop: Shop) -> None:
    """A caller may have put something secret into it."""
    shop.make({"name": "x"}, idempotency_key="bob@example.com")
    row = shop.api.ports.table.get(rows.kept_call_key(shop.api.tenant, "bob@example.com"))
    assert "bob" not in json.dumps(row, default=str) + rows.kept_call_key(shop.api.tenant, "bob@example.com").sk


# Tickets -------------------------------------------------------------------------------------------------------------

TICKET = "t" * 43
BAD_TICKETS = {
    "T13a": "",
    "T13b": "x",
    "T13c": "u" * 43,  # of the right shape, and never issued
    "T13d": "t" * 44,
    "T13e": "../" + "t" * 40,
    "T13f": "é" * 43,
    "T13g": "t" * 42 + "\n",
    "T13h": "T" * 43,
    "T13i": "t" * 1_000_000,
}


@pytest.mark.parametrize("row", BAD_TICKETS)
def test_what_is_no_ticket_opens_no_socket(row: str) -> None:
    scene = Scene()
    scene.table.write(rows.put_ticket(TENANT, TICKET, now_s=scene.now_s))
    ports = Ports(scene.table, MemorySockets(), scene.clock)
    with pytest.raises(NoEntry):
        admit(ports, "c1", BAD_TICKETS[row])
    assert len(scene.table.rows) == 1, "and the ticket that was issued is still good"
    admit(ports, "c2", TICKET)
