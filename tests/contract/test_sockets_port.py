"""The sockets port, on the gateway's client with its answers stubbed, and on the double of the simulation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from lambdas.aws import clients
from lambdas.aws.sockets import GatewaySockets
from maskmill.core.errors import MaskmillError, Unavailable
from tests.contract import aws
from tests.simulation.cloud import MemorySockets


@pytest.fixture
def client() -> Iterator[Any]:
    with aws.cloud():
        yield clients.sockets("https://live.example/live")


def test_a_line_goes_to_the_connection_that_is_named(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_response("post_to_connection", {}, {"ConnectionId": "c1=", "Data": "ä".encode()})
        stub.add_response("delete_connection", {}, {"ConnectionId": "c1="})
        assert GatewaySockets(client).send("c1=", "ä") is True
        assert GatewaySockets(client).close("c1=") is True


def test_a_connection_that_is_gone_is_told_and_not_an_error(client: Any) -> None:
    with Stubber(client) as stub:
        for call in ("post_to_connection", "delete_connection"):
            stub.add_client_error(call, "GoneException", http_status_code=410)
        assert GatewaySockets(client).send("c1", "x") is False
        assert GatewaySockets(client).close("c1") is False


def test_a_busy_gateway_may_answer_later_and_a_refusal_is_a_fault(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("post_to_connection", "LimitExceededException", http_status_code=429)
        with pytest.raises(Unavailable):
            GatewaySockets(client).send("c1", "x")
        stub.add_client_error("post_to_connection", "ForbiddenException", http_status_code=403)
        with pytest.raises(MaskmillError) as caught:
            GatewaySockets(client).send("c1", "x")
    assert not isinstance(caught.value, Unavailable)


def test_the_double_behaves_as_the_gateway_does() -> None:
    sockets = MemorySockets()
    sockets.open("c1")
    assert (sockets.send("c1", "x"), sockets.send("c2", "x")) == (True, False)
    assert sockets.lines == {"c1": ["x"]}
    assert (sockets.close("c1"), sockets.close("c1"), sockets.send("c1", "x")) == (True, False, False)
