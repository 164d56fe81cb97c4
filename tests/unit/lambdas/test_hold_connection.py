"""Sockets: a ticket opens one, once and soon; who is in is known for as long as it lasts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from lambdas.hold_connection import handler as edge
from lambdas.hold_connection import logic
from lambdas.hold_connection.logic import NoEntry, Ports, admit, hear, leave
from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.limits import CONNECTION_LIFE_S, CONNECTIONS_PER_TENANT_MAX, SOCKET_MESSAGE_CHARS_MAX, TICKET_LIFE_S
from tests.contract import aws
from tests.simulation.cloud import MemorySockets
from tests.unit.lambdas.gateway import Api
from tests.unit.lambdas.scene import TENANT, Scene

TICKET = "t" * 43


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def sockets() -> MemorySockets:
    return MemorySockets()


@pytest.fixture
def ports(scene: Scene, sockets: MemorySockets) -> Ports:
    return Ports(table=scene.table, sockets=sockets, clock=scene.clock)


def issue(scene: Scene, ticket: str = TICKET, *, tenant: str = TENANT) -> str:
    scene.table.write(rows.put_ticket(tenant, ticket, now_s=scene.now_s))
    return ticket


def held(scene: Scene, tenant: str = TENANT) -> set[str]:
    keys = (key for key in scene.table.rows if key.pk == rows.tenant_pk(tenant))
    return {key.sk.removeprefix(rows.CONNECTION_PREFIX) for key in keys if key.sk.startswith(rows.CONNECTION_PREFIX)}


def test_a_ticket_lets_in_the_tenant_that_asked_for_it(scene: Scene, ports: Ports) -> None:
    assert admit(ports, "c1", issue(scene)) == TENANT
    assert held(scene) == {"c1"}


def test_a_ticket_is_good_once(scene: Scene, ports: Ports) -> None:
    ticket = issue(scene)
    admit(ports, "c1", ticket)
    with pytest.raises(NoEntry, match="used"):
        admit(ports, "c2", ticket)
    assert held(scene) == {"c1"}


def test_a_ticket_is_good_for_a_minute(scene: Scene, ports: Ports) -> None:
    """The table removes it later, at its leisure."""
    ticket = issue(scene)
    scene.wait(TICKET_LIFE_S)
    with pytest.raises(NoEntry, match="expired"):
        admit(ports, "c1", ticket)
    assert held(scene) == set()


def test_the_table_holds_no_ticket_that_could_be_used(scene: Scene) -> None:
    issue(scene)
    assert TICKET not in repr(scene.table.rows)


def test_a_connection_that_ended_is_forgotten(scene: Scene, ports: Ports) -> None:
    admit(ports, "c1", issue(scene))
    leave(ports, "c1")
    leave(ports, "c1")
    leave(ports, "never")
    assert held(scene) == set()
    assert rows.holder_key("c1") not in scene.table.rows


def test_the_newest_is_let_in_and_the_oldest_has_to_go(scene: Scene, ports: Ports, sockets: MemorySockets) -> None:
    names = [f"c{number:02d}" for number in range(CONNECTIONS_PER_TENANT_MAX + 1)]
    sockets.open(*names)
    for number, name in enumerate(names):
        admit(ports, name, issue(scene, f"{number:043d}"))
        scene.wait(1)
    assert held(scene) == set(names[1:])
    assert names[0] not in sockets.lines


def test_tenants_do_not_push_each_other_out(scene: Scene, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logic, "CONNECTIONS_PER_TENANT_MAX", 1)
    admit(ports, "c1", issue(scene))
    admit(ports, "c2", issue(scene, "u" * 43, tenant="tenant-b"))
    assert (held(scene), held(scene, "tenant-b")) == ({"c1"}, {"c2"})


def test_connections_whose_time_is_up_are_cleared_away(scene: Scene, ports: Ports) -> None:
    admit(ports, "c1", issue(scene))
    scene.wait(CONNECTION_LIFE_S)
    admit(ports, "c2", issue(scene, "u" * 43))
    assert held(scene) == {"c2"}


@pytest.mark.parametrize("text", ["ping", '{"type":"ping"}', '{ "type" : "ping" }\n'])
def test_a_ping_is_answered(ports: Ports, sockets: MemorySockets, text: str) -> None:
    sockets.open("c1")
    hear(ports, "c1", text)
    assert sockets.lines == {"c1": ['{"type":"pong"}']}


@pytest.mark.parametrize("text", ["", "pong", "{", '{"type":"job"}', "ping" + " " * SOCKET_MESSAGE_CHARS_MAX])
def test_anything_else_asks_for_nothing(ports: Ports, sockets: MemorySockets, text: str) -> None:
    sockets.open("c1")
    hear(ports, "c1", text)
    assert sockets.lines == {"c1": []}


# At the edge ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(scene: Scene, ports: Ports) -> Iterator[Scene]:
    with mock.patch.object(edge, "connect", return_value=ports):
        yield scene


def socket_event(kind: str, connection_id: str = "c1", **more: Any) -> dict[str, Any]:
    """What the gateway tells of a socket."""
    route = {"CONNECT": "$connect", "DISCONNECT": "$disconnect", "MESSAGE": "$default"}[kind]
    context = {
        "routeKey": route,
        "eventType": kind,
        "connectionId": connection_id,
        "stage": "live",
        "apiId": "api-id",
        "requestId": "r1",
        "identity": {"sourceIp": "192.0.2.1"},
    }
    return {"requestContext": context, "isBase64Encoded": False, **more}


def test_the_door_opens_for_a_ticket_and_not_for_a_second_time(door: Scene) -> None:
    event = socket_event("CONNECT", queryStringParameters={"ticket": issue(door)})
    assert edge.handler(event, None) == {"statusCode": 200}
    assert edge.handler(event, None) == {"statusCode": 403}
    assert edge.handler(socket_event("DISCONNECT"), None) == {"statusCode": 200}
    assert held(door) == set()


@pytest.mark.parametrize("query", [None, {}, {"ticket": ""}, {"token": TICKET}])
def test_without_a_ticket_the_door_stays_shut(door: Scene, query: dict[str, str] | None) -> None:
    assert edge.handler(socket_event("CONNECT", queryStringParameters=query), None) == {"statusCode": 403}


def test_no_answer_carries_a_body(door: Scene, sockets: MemorySockets) -> None:
    """A body would be sent to the client, whatever the gateway is told."""
    sockets.open("c1")
    for body in ("ping", "nonsense", None):
        assert edge.handler(socket_event("MESSAGE", body=body), None) == {"statusCode": 200}


def test_a_busy_table_is_said_to_be_busy(door: Scene) -> None:
    def busy(service: str, label: str, effect: object) -> object:
        raise Unavailable

    door.table.call = busy  # type: ignore[assignment]
    event = socket_event("CONNECT", queryStringParameters={"ticket": TICKET})
    assert edge.handler(event, None) == {"statusCode": 503}


# Tickets --------------------------------------------------------------------------------------------------------------


def test_a_ticket_is_issued_with_the_address_that_takes_it(api: Api, account: dict[str, str]) -> None:
    first, second = api.post("/live/tickets"), api.post("/live/tickets")
    assert (first.status, first.json["url"]) == (201, os.environ["LIVE_URL"])
    assert first.json["ticket"] != second.json["ticket"]
    assert len(first.json["ticket"]) == 43
    settings = {"TABLE_NAME": aws.TABLE, "SOCKETS_URL": "https://live.example/live"}
    with mock.patch.dict(os.environ, settings):
        edge.connect.cache_clear()
        event = socket_event("CONNECT", queryStringParameters={"ticket": first.json["ticket"]})
        assert edge.handler(event, None) == {"statusCode": 200}
        assert edge.handler(event, None) == {"statusCode": 403}
        edge.connect.cache_clear()
    assert json.loads(first.text).keys() == {"ticket", "url", "expires_at"}
