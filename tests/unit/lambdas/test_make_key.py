"""Pairs of keys for a deployment: the same order is answered alike, whatever was lost before; nothing is read back."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from lambdas.aws import clients
from lambdas.aws.vault import ParameterVault
from lambdas.make_key import handler as edge
from lambdas.make_key.logic import forget, make
from maskmill.core.rsa import PrivateKey, public_pem
from tests.contract import aws

DRAWS = random.Random(7)
FOLDER = "/maskmill/media-key"


@dataclass
class FakeVault:
    """What is locked away and what is shown; it dies before a write when it is told to."""

    locked: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    dies_at_show: bool = False

    def lock(self, name: str, text: str, *, again: bool) -> bool:
        if name in self.locked and not again:
            return False
        self.locked[name] = text
        return True

    def show(self, name: str, text: str) -> None:
        if self.dies_at_show:
            self.dies_at_show = False
            raise ConnectionError
        self.open[name] = text

    def shown(self, name: str) -> str | None:
        return self.open.get(name)

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            self.locked.pop(name, None)
            self.open.pop(name, None)


def fits(vault: FakeVault, public: str) -> bool:
    return public_pem(PrivateKey.model_validate_json(vault.locked["k/private"])) == public


def test_the_halves_of_a_pair_fit() -> None:
    vault = FakeVault()
    assert fits(vault, make(vault, "k", DRAWS.randrange))
    assert vault.open.keys() == {"k/public"}


def test_an_order_that_comes_again_is_answered_with_the_same_half() -> None:
    vault = FakeVault()
    first = make(vault, "k", DRAWS.randrange)
    assert make(vault, "k", DRAWS.randrange) == first and fits(vault, first)


def test_who_died_between_the_halves_is_followed_by_a_pair_that_fits() -> None:
    vault = FakeVault(dies_at_show=True)
    with pytest.raises(ConnectionError):
        make(vault, "k", DRAWS.randrange)
    assert fits(vault, make(vault, "k", DRAWS.randrange))


def test_a_pair_that_is_removed_leaves_nothing() -> None:
    vault = FakeVault()
    make(vault, "k", DRAWS.randrange)
    forget(vault, "k")
    assert (vault.locked, vault.open) == ({}, {})


# On parameters --------------------------------------------------------------------------------------------------------


def order(kind: str, **properties: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResourceProperties": {"Name": "1", **properties},
        "ResponseURL": "https://deployment.example/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Made1",
    }


def carried_out(kind: str, **properties: str) -> tuple[str, str | None, dict[str, str]]:
    answers: list[tuple[str, str | None, dict[str, str]]] = []

    def reply(_order: Any, resource: str, *, failure: str | None, told: Any) -> None:
        answers.append((resource, failure, dict(told)))

    with mock.patch.object(edge, "reply", reply):
        edge.handler(order(kind, **properties), None)
    (answer,) = answers
    return answer


def test_the_deployment_is_told_the_public_half_and_nobody_the_other() -> None:
    with aws.cloud(), mock.patch.dict(os.environ, {"KEY_FOLDER": FOLDER}):
        edge.connect.cache_clear()
        resource, failure, told = carried_out("Create")
        kept = clients.parameters().get_parameter(Name=f"{FOLDER}/1/private", WithDecryption=True)["Parameter"]
        assert (resource, failure, kept["Type"]) == ("1", None, "SecureString")
        assert told == {"PublicKey": public_pem(PrivateKey.model_validate_json(kept["Value"]))}
        assert carried_out("Update") == (resource, None, told)
        assert carried_out("Delete") == ("1", None, {})
        vault = ParameterVault(clients.parameters())
        assert vault.shown(f"{FOLDER}/1/public") is None
        edge.connect.cache_clear()


def test_a_failure_is_told_at_once_and_says_nothing_secret() -> None:
    with mock.patch.object(edge, "connect", side_effect=RuntimeError("what nobody should read")):
        assert carried_out("Create") == ("1", "RuntimeError", {})


# Words ----------------------------------------------------------------------------------------------------------------


def test_a_word_is_told_with_its_hash_and_kept_nowhere() -> None:
    with mock.patch.object(edge, "connect", side_effect=AssertionError("nothing is kept")):
        _, failure, told = carried_out("Create", Kind="word")
        assert failure is None
        assert len(told["Word"]) >= 43  # 32 bytes that nobody can guess
        assert told["Digest"] == hashlib.sha256(told["Word"].encode()).hexdigest()
        assert carried_out("Create", Kind="word")[2] != told
        assert carried_out("Delete", Kind="word") == ("1", None, {})
