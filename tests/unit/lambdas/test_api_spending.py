"""The switch through the API: everybody sees it, administrators alone turn it, and it opens nobody's data."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas import spending
from tests.unit.lambdas.gateway import PROMPT, Answer, Api, claims_of


def turn(api: Api, *groups: str, **body: Any) -> Answer:
    return api.call("PATCH", "/spending", body, claims=claims_of(api.tenant, *groups))


@pytest.fixture
def table(api: Api) -> Any:
    """What the switch is a row of; it lets everything run again afterwards."""
    yield api.ports.table
    spending.resume(api.ports.table, now_s=2)


def test_an_admin_stops_new_work_with_a_reason_and_lets_it_go_on(api: Api, table: Any) -> None:
    stopped = turn(api, "admin", is_stopped=True, reason="The  bill is looked at")
    assert (stopped.status, stopped.json["is_stopped"]) == (200, True)
    assert stopped.json["reason"] == "The bill is looked at."
    assert stopped.json["changed_at"].endswith("Z")
    assert spending.read(table).is_stopped
    again = turn(api, "admin", "member", is_stopped=True, reason="Another")
    assert again.json == stopped.json  # the first reason stays
    assert turn(api, "admin", is_stopped=False).json["is_stopped"] is False
    assert not spending.read(table).is_stopped


@pytest.mark.parametrize("groups", [(), ("member",), ("administrators",), ("not-admin", "member"), ("Admin",)])
def test_nobody_else_turns_it(api: Api, table: Any, groups: tuple[str, ...]) -> None:
    answer = turn(api, *groups, is_stopped=True, reason="Mine")
    assert (answer.status, answer.code) == (403, "forbidden")
    assert not spending.read(table).is_stopped


def test_a_machine_is_never_an_admin(api: Api, table: Any) -> None:
    """Its tokens name no group; a scope or a name of the same sound is none."""
    machine = {
        "sub": "robot",
        "client_id": "robot",
        "token_use": "access",
        "scope": "maskmill/api",
        "username": "admin",
    }
    answer = api.call("PATCH", "/spending", {"is_stopped": True, "reason": "Mine"}, claims=machine)
    assert answer.code == "forbidden"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"is_stopped": True},
        {"is_stopped": True, "reason": ""},
        {"is_stopped": True, "reason": " \n "},
        {"is_stopped": True, "reason": "x" * 201},
        {"is_stopped": False, "reason": "why not"},
    ],
)
def test_who_stops_says_why(api: Api, table: Any, body: dict[str, Any]) -> None:
    answer = api.call("PATCH", "/spending", body, claims=claims_of(api.tenant, "admin"))
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert not spending.read(table).is_stopped


def test_everybody_sees_what_it_says_and_not_who_said_it(api: Api, table: Any) -> None:
    assert api.get("/spending").json == {"is_stopped": False, "reason": None, "changed_at": None}
    turn(api, "admin", is_stopped=True, reason="A drill.")
    shown = turn(Api(), "admin", is_stopped=True, reason="x").json
    assert set(shown) == {"is_stopped", "reason", "changed_at"}
    assert api.tenant not in str(shown)


def test_an_admin_sees_no_data_but_its_own(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    admin = claims_of("somebody-else", "admin")
    for path in (f"/datasets/{dataset}", f"/datasets/{dataset}/images", f"/datasets/{dataset}/templates/{template}"):
        assert api.call("GET", path, claims=admin).status == 404
    assert (
        api.call("POST", f"/datasets/{dataset}/templates", {"name": "x", "prompt": PROMPT}, claims=admin).status == 404
    )
