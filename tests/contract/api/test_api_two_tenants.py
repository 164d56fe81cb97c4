"""Two tenants do whatever comes to their minds: neither ever reads, changes or is told a byte of the other's.

The judge looks at every call of a port and at all that is kept. That it sees what it should is shown by planted bugs.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.serve_api import handler as edge
from maskmill.core import rows
from maskmill.core.table import Key
from tests.contract.api.cases import GOOD, MISSING, World
from tests.contract.api.memory import MemoryCloud, tenants_in
from tests.contract.api.operations import Operation, operations
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.gateway import Answer, Api

PAIRS, STEPS = 10, 40  # of each pair: what they remove is there again for the next
CALLS = [operation for operation in operations() if not operation.is_public]
_KINDS = ("dataset", "image", "template", "job", "webhook", "delivery")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A good request of one call as text, with the kinds of things in place of their ids."""

    operation: Operation
    body: str | None
    format: str

    def filled(self, ids: Mapping[str, str]) -> tuple[str, str | None]:
        path = self.operation.path.replace("{format}", self.format)
        return _filled(path, ids), None if self.body is None else _filled(self.body, ids)


def _filled(text: str, ids: Mapping[str, str]) -> str:
    return re.sub(r"\{(" + "|".join(_KINDS) + r")\}", lambda found: ids[found[1]], text)


def pattern_of(operation: Operation, world: World) -> Pattern:
    request = GOOD[operation.name](world)
    body = None if request.body is None else json.dumps(request.body)
    things = {**world.everything(), **request.ids}
    for kind in _KINDS:
        body = body and body.replace(things[kind], f"{{{kind}}}")
    return Pattern(operation, body, things["format"])


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tenants and the ids of what they have, one thing of every kind."""

    tenants: tuple[Api, Api]
    things: Mapping[str, Mapping[str, str]]


@dataclass
class Play:
    """A cloud with pairs of tenants, one after the other at play; `faults` says who touched what of whom."""

    cloud: MemoryCloud
    patch: pytest.MonkeyPatch
    seed: int
    faults: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.patterns = [pattern_of(operation, self._world(Api())) for operation in CALLS]
        self.pairs = [self._pair() for _ in range(PAIRS)]

    def run(self) -> list[str]:
        """Play with one pair after the other until somebody touched something."""
        rng = random.Random(self.seed)
        for pair in self.pairs:
            if self.faults:
                break
            for _ in range(STEPS):
                who, other = rng.sample(pair.tenants, 2)
                own, foreign = pair.things[who.tenant], pair.things[other.tenant]
                pools = rng.choices((own, foreign, dict.fromkeys(_KINDS, MISSING)), (3, 2, 1), k=len(_KINDS))
                ids = {kind: pool[kind] for kind, pool in zip(_KINDS, pools, strict=True)}
                self._step(who, other, rng.choice(self.patterns), ids)
        return self.faults

    def _pair(self) -> Pair:
        tenants = (Api(), Api())
        return Pair(tenants, {api.tenant: self._world(api).everything() for api in tenants})

    def _world(self, api: Api) -> World:
        return World(api, self.cloud.lane, self.patch)

    def _step(self, who: Api, other: Api, pattern: Pattern, ids: Mapping[str, str]) -> None:
        before = self.cloud.kept_of(other.tenant)
        self.cloud.asked.clear()
        path, body = pattern.filled(ids)
        claims_another = {"x-tenant": other.tenant, "x-user-id": other.tenant}
        answer = who.call(pattern.operation.method, path, body, headers=claims_another, query={"tenant": other.tenant})
        self.answers[answer.status // 100] += 1
        told = _told(answer, json.dumps([path, body]), before)
        named = {tenant for _, label in self.cloud.asked for tenant in tenants_in(label)} - {who.tenant}
        for kind, found in (("names", named), ("tells", told)):
            if found:
                self.faults.append(f"{pattern.operation.name} {kind} {sorted(found)}")
        if self.cloud.kept_of(other.tenant) != before:
            self.faults.append(f"{pattern.operation.name} changes what is {other.tenant}'s")


def _told(answer: Answer, asked: str, kept: Mapping[str, Any]) -> set[str]:
    """Ids of another's things in an answer, other than those that the caller named itself."""
    ids = set(re.findall(r"\b(?:[0-9a-z]{26}|j[0-9a-f]{24})\b", answer.text))
    known = " ".join(kept)
    return {one for one in ids if one in known and one not in asked}


@pytest.fixture
def play_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Play]:
    def make(seed: int) -> Play:
        cloud = MemoryCloud()
        monkeypatch.setattr(edge, "connect", lambda: cloud.ports)
        return Play(cloud, monkeypatch, seed)

    return make


@pytest.mark.parametrize("seed", range(3))
def test_neither_touches_what_is_the_others(play_of: Callable[[int], Play], seed: int) -> None:
    play = play_of(seed)
    assert play.run() == []
    assert min(play.answers[2], play.answers[4]) > PAIRS * STEPS / 5, "hardly anything was let in, or refused"
    assert play.answers[5] == 0


# Planted bugs --------------------------------------------------------------------------------------------------------


def _from_header(_play: Play) -> tuple[object, str, Any]:
    def tenant_of(event: Mapping[str, Any]) -> str:
        return str(event["headers"].get("x-tenant", event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]))

    return edge, "tenant_of", tenant_of


def _from_query(_play: Play) -> tuple[object, str, Any]:
    def tenant_of(event: Mapping[str, Any]) -> str:
        own = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
        return str(event.get("queryStringParameters", {}).get("tenant", own))

    return edge, "tenant_of", tenant_of


def _by_id_alone(play: Play) -> tuple[object, str, Any]:
    """Whoever knows the id of a dataset is taken for its owner."""

    def dataset_key(tenant: str, dataset_id: str) -> Key:
        owners = [key.pk for key in play.cloud.table.rows if key.sk == f"DATASET#{dataset_id}"]
        return Key(owners[0] if owners else f"T#{tenant}", f"DATASET#{dataset_id}")

    return rows, "dataset_key", dataset_key


def _kept_for_all(_play: Play) -> tuple[object, str, Any]:
    """A process remembers what it read, by the name of the row without its tenant."""
    seen: dict[str, Any] = {}
    get = MemoryTable.get

    def remembered(table: MemoryTable, key: Key) -> Any:
        found = get(table, key)
        if found is None or key.sk.startswith("KEY#"):
            return seen.get(key.sk)
        seen[key.sk] = found
        return found

    return MemoryTable, "get", remembered


@pytest.mark.parametrize("plant", [_from_header, _from_query, _by_id_alone, _kept_for_all])
def test_a_planted_leak_is_found(
    play_of: Callable[[int], Play], plant: Callable[[Play], tuple[object, str, Any]]
) -> None:
    play = play_of(1)
    play.patch.setattr(*plant(play))
    assert play.run()
