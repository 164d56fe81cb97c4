"""Calls that do not come through the distribution are refused, whoever makes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.make_key.logic import told_of_word
from lambdas.serve_api import handler as edge
from tests.unit.lambdas.gateway import Api, claims_of, gateway_event

OLD, NEW = "an-old-word", "the-new-word"


@pytest.fixture
def guarded(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    digests = frozenset(told_of_word(word)["Digest"] for word in (OLD, NEW))
    ports = replace(edge.connect(), door_digests=digests)
    monkeypatch.setattr(edge, "connect", lambda: ports)
    return api


@pytest.mark.parametrize("path", ["/datasets", "/health", "/limits", "/openapi.json", "/docs"])
@pytest.mark.parametrize(
    "said", [{}, {"X-Origin-Verify": ""}, {"X-Origin-Verify": "a guess"}, {"X-Origin-Verify": "é"}]
)
def test_a_valid_token_by_another_road_opens_nothing(guarded: Api, path: str, said: dict[str, str]) -> None:
    answer = guarded.call("GET", path, headers=said)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert "page's address" in answer.json["detail"]


def test_the_hash_that_may_be_read_is_no_word(guarded: Api) -> None:
    said = {"X-Origin-Verify": told_of_word(NEW)["Digest"]}
    assert guarded.call("GET", "/health", headers=said).status == 403


@pytest.mark.parametrize("word", [OLD, NEW])
def test_any_word_that_is_taken_lets_a_call_in(guarded: Api, word: str) -> None:
    said = {"x-origin-verify": word}
    assert guarded.call("GET", "/datasets", headers=said).status == 200
    assert guarded.call("GET", "/health", headers=said, claims=None).status == 200
    assert guarded.call("GET", "/datasets", headers=said, claims=None).code == "unauthenticated"


def test_a_refused_call_counts_for_nobody(guarded: Api) -> None:
    event = gateway_event("GET", "/api/v1/datasets", claims=claims_of(guarded.tenant))
    assert "RateLimit" not in guarded.send(event).headers


def test_no_word_is_asked_where_there_is_none(api: Api) -> None:
    assert api.get("/health").status == 200
