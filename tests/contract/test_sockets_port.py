"""The sockets port on every cloud, and on the gateway's client what only a busy gateway answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from botocore.stub import Stubber
from moto.apigatewaymanagementapi.models import apigatewaymanagementapi_backends
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from lambdas.aws import clients
from lambdas.aws.sockets import GatewaySockets
from local.emulator.environment import EmulatorSettings
from maskmill.core.errors import MaskmillError, Unavailable
from maskmill.core.ports import Sockets
from tests.contract.clouds import Cloud
from tests.contract.emulated import telling_sockets
from tests.simulation.cloud import MemorySockets

PATIENCE_S = 10.0
ON_MOTO = "https://abcdefghij.execute-api.us-east-1.amazonaws.com/live"


class Gateway(Protocol):
    """Both sides of a gateway: the port, and those who hold a socket."""

    port: Sockets

    def open(self) -> str: ...
    def lines(self, connection_id: str, count: int) -> list[str]: ...


@dataclass(slots=True)
class MemoryGateway:
    port: MemorySockets = field(default_factory=MemorySockets)

    def open(self) -> str:
        name = f"c{len(self.port.lines)}"
        self.port.open(name)
        return name

    def lines(self, connection_id: str, count: int) -> list[str]:
        return self.port.lines.get(connection_id, [])


@dataclass(slots=True)
class MotoGateway:
    """Any id is a connection there; what was sent to one stands behind one another."""

    port: Sockets
    opened: int = 0

    def open(self) -> str:
        self.opened += 1
        return f"c{self.opened}"

    def lines(self, connection_id: str, count: int) -> list[str]:
        told = apigatewaymanagementapi_backends["123456789012"]["us-east-1"].get_connection(connection_id).data
        return [told.decode()] if told else []


@dataclass(slots=True)
class EmulatorGateway:
    """Real sockets of a real client."""

    port: Sockets
    address: str
    held: ExitStack
    sockets: dict[str, ClientConnection] = field(default_factory=dict)

    def open(self) -> str:
        socket = self.held.enter_context(connect(self.address, proxy=None))
        socket.send("who am I?")
        name = str(socket.recv(timeout=PATIENCE_S))
        self.sockets[name] = socket
        return name

    def lines(self, connection_id: str, count: int) -> list[str]:
        """What came until the socket was closed, or as many lines as are expected."""
        found: list[str] = []
        try:
            while len(found) < count:
                found.append(str(self.sockets[connection_id].recv(timeout=PATIENCE_S)))
        except ConnectionClosed:
            pass
        return found


@pytest.fixture(scope="module")
def gateway(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    if cloud.name == "memory":
        yield MemoryGateway()
    elif cloud.name == "moto":
        yield MotoGateway(GatewaySockets(clients.sockets(ON_MOTO)))
    else:
        settings: EmulatorSettings = request.getfixturevalue("emulator")
        below = f"_aws/execute-api/{telling_sockets()}/live"
        client = clients.sockets(f"{settings.url}/{below}")
        with ExitStack() as held:
            held.callback(client.close)
            yield EmulatorGateway(GatewaySockets(client), f"ws://127.0.0.1:{settings.port}/{below}", held)


def test_a_line_reaches_the_socket_that_is_named_and_no_other(gateway: Gateway) -> None:
    one, other = gateway.open(), gateway.open()
    assert gateway.port.send(one, "ä 日本 🖼") is True
    assert gateway.port.send(other, "other") is True
    assert gateway.lines(one, 1) == ["ä 日本 🖼"]
    assert gateway.lines(other, 1) == ["other"]


def test_a_socket_that_was_never_there_is_told_and_is_no_error(gateway: Gateway) -> None:
    assert gateway.port.send("AbCdEfGhIjKlMnO=", "x") is False


def test_a_socket_that_is_closed_hears_nothing_any_more(gateway: Gateway) -> None:
    one = gateway.open()
    assert gateway.port.close(one) is True
    assert gateway.port.send(one, "x") is False


def test_of_two_that_close_a_socket_one_is_told_that_it_had_ended(gateway: Gateway) -> None:
    one = gateway.open()
    assert [gateway.port.close(one), gateway.port.close(one)] == [True, False]


@pytest.mark.parametrize("cloud", ["moto"], indirect=True)
def test_a_busy_gateway_may_answer_later_and_a_refusal_is_a_fault(cloud: Cloud) -> None:
    client: Any = clients.sockets("https://live.example/live")
    with Stubber(client) as stub:
        stub.add_client_error("post_to_connection", "LimitExceededException", http_status_code=429)
        with pytest.raises(Unavailable):
            GatewaySockets(client).send("c1", "x")
        stub.add_client_error("post_to_connection", "ForbiddenException", http_status_code=403)
        with pytest.raises(MaskmillError) as caught:
            GatewaySockets(client).send("c1", "x")
    assert not isinstance(caught.value, Unavailable)
