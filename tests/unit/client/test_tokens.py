"""Tokens of machines and of functions: asked for in time, kept, and asked for again when they are refused."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import httpx
import pytest

from maskmill.client import Client
from maskmill.client.oauth import Door
from maskmill.client.retry import Backoff
from maskmill.client.tokens import ClientCredentials
from maskmill.core.errors import Code, InvalidInput, Unavailable
from tests.unit.client.fake_service import FakeService

PATIENCE = Backoff(sleep=lambda seconds: None, fraction=lambda: 0.0)


class TokenEndpoint(httpx.BaseTransport):
    """An authorization server that numbers its tokens."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answers:
            return self.answers.pop(0)
        return httpx.Response(200, json={"access_token": f"token-{len(self.asked)}", "expires_in": 3600})


def machine(endpoint: TokenEndpoint, now: list[float]) -> ClientCredentials:
    door = Door("https://pool.example/oauth2/token", backoff=PATIENCE, transport=endpoint)
    return ClientCredentials(door, client_id="robot", client_secret="s3cret", clock=lambda: now[0])


def test_a_machine_proves_who_it_is_by_its_secret_and_keeps_the_token() -> None:
    endpoint = TokenEndpoint()
    token = machine(endpoint, [0.0])
    assert token.access_token() == token.access_token() == "token-1"
    (asked,) = endpoint.asked
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"robot:s3cret").decode()
    assert parse_qs(asked.content.decode()) == {"grant_type": ["client_credentials"], "scope": ["maskmill/api"]}


def test_a_machines_token_is_renewed_a_minute_before_it_ends() -> None:
    now = [0.0]
    token = machine(TokenEndpoint(), now)
    token.access_token()
    now[0] = 3600 - 61
    assert token.access_token() == "token-1"
    now[0] = 3600 - 59
    assert token.access_token() == "token-2"


def test_wrong_credentials_are_said_and_not_tried_again() -> None:
    endpoint = TokenEndpoint(httpx.Response(400, json={"error": "invalid_client"}))
    with pytest.raises(InvalidInput, match="invalid_client") as raised:
        machine(endpoint, [0.0]).access_token()
    assert raised.value.code is Code.UNAUTHENTICATED
    assert len(endpoint.asked) == 1


def test_a_busy_token_endpoint_is_asked_again() -> None:
    endpoint = TokenEndpoint(httpx.Response(503), httpx.Response(429))
    assert machine(endpoint, [0.0]).access_token() == "token-3"
    with pytest.raises(Unavailable):
        machine(TokenEndpoint(*[httpx.Response(503)] * 9), [0.0]).access_token()


def test_a_page_that_is_no_token_endpoint_is_said() -> None:
    with pytest.raises(InvalidInput, match="token endpoint"):
        machine(TokenEndpoint(httpx.Response(200, text="<html>")), [0.0]).access_token()


def test_a_function_is_asked_for_the_token_and_again_when_it_is_refused(service: FakeService) -> None:
    tokens = iter(["old", service.token, service.token])
    with Client(service.url, lambda: next(tokens), backoff=PATIENCE) as client:
        assert list(client.datasets()) == []
    with Client(service.url, lambda: "wrong", backoff=PATIENCE) as client, pytest.raises(InvalidInput):
        list(client.datasets())


def test_a_token_may_be_given_as_it_is(service: FakeService) -> None:
    with Client(service.url, service.token) as client:
        assert list(client.datasets()) == []
