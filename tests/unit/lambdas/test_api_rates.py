"""How much a tenant may ask: exactly as much as the limit says for all processes together, and every answer tells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.serve_api import handler as edge
from lambdas.serve_api.rates import BLOCK_MAX, RateLimited, Rates
from maskmill.core.errors import Unavailable
from maskmill.core.table import Row, RowConflict, Write
from tests.simulation.cloud import FixedClock, MemoryTable
from tests.unit.lambdas.gateway import Api

START = datetime(2026, 11, 1, 10, 0, 0, tzinfo=UTC)


def spend(rates: Rates, tenant: str = "t", *, at_most: int = 1000) -> int:
    """How many requests are let through."""
    for number in range(at_most):
        try:
            rates.take(tenant)
        except RateLimited:
            return number
    return at_most


@pytest.mark.parametrize("limit", [1, 2, 9, 100, 205])
def test_one_process_gives_exactly_the_limit(limit: int) -> None:
    assert spend(Rates(MemoryTable(), FixedClock(), per_window=limit)) == limit


@given(st.integers(1, 300), st.lists(st.integers(0, 3), max_size=400))
def test_several_processes_never_give_more_than_the_limit(limit: int, turns: list[int]) -> None:
    table, clock = MemoryTable(), FixedClock()
    processes = [Rates(table, clock, per_window=limit) for _ in range(4)]
    given_out = sum(spend(processes[turn], at_most=1) for turn in turns)
    assert given_out <= limit
    total = given_out + sum(spend(process) for process in processes)
    assert total == limit, "what is left is still there for those who have it"


def test_a_new_minute_gives_as_much_again() -> None:
    clock = FixedClock(START)
    rates = Rates(MemoryTable(), clock, per_window=25)
    assert spend(rates) == 25
    clock.at += timedelta(seconds=59)
    assert spend(rates) == 0
    clock.at += timedelta(seconds=1)
    assert spend(rates) == 25


def test_a_refusal_says_when_the_minute_ends() -> None:
    clock = FixedClock(START + timedelta(seconds=17))
    rates = Rates(MemoryTable(), clock, per_window=1)
    assert rates.take("t").resets_in_s == 43
    with pytest.raises(RateLimited) as refusal:
        rates.take("t")
    assert refusal.value.retry_after_s == 43


def test_tenants_are_counted_apart() -> None:
    rates = Rates(MemoryTable(), FixedClock(), per_window=3)
    assert spend(rates, "a") == 3
    assert spend(rates, "b") == 3


@dataclass
class CountingTable(MemoryTable):
    writes: list[Write] = field(default_factory=list)

    def write(self, write: Write) -> Row:
        self.writes.append(write)
        return super().write(write)


def test_most_requests_write_nothing_and_refused_ones_neither() -> None:
    table = CountingTable()
    rates = Rates(table, FixedClock(), per_window=1000)
    assert spend(rates) == 1000
    writes = len(table.writes)
    assert writes <= 1000 / BLOCK_MAX + 2
    assert spend(rates) == 0
    assert len(table.writes) == writes


def test_a_process_whose_clock_is_behind_counts_in_the_newer_minute() -> None:
    table = MemoryTable()
    ahead = Rates(table, FixedClock(START + timedelta(seconds=60)), per_window=40)
    behind = Rates(table, FixedClock(START + timedelta(seconds=59)), per_window=40)
    assert spend(ahead, at_most=1) + spend(behind) <= 40
    assert spend(ahead) > 0


class FoughtOver(MemoryTable):
    def write(self, write: Write) -> Row:
        raise RowConflict(write.key, None)


def test_a_count_that_is_fought_over_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Rates(FoughtOver(), FixedClock(), per_window=1).take("t")


# At the edge -----------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    ports = edge.connect()
    few = replace(ports, rates=Rates(ports.table, FixedClock(START), per_window=4))
    monkeypatch.setattr(edge, "connect", lambda: few)
    return api


def test_every_answer_tells_what_is_left(narrow: Api) -> None:
    answers = [narrow.get("/datasets"), narrow.get("/jobs/none"), narrow.post("/datasets", "{"), narrow.get("/usage/x")]
    policy, left = ([answer.headers.get(name) for answer in answers] for name in ("RateLimit-Policy", "RateLimit"))
    assert policy == ['"requests";q=4;w=60'] * 3 + [None], "what has no route is not counted"
    assert left == ['"requests";r=3;t=60', '"requests";r=2;t=60', '"requests";r=1;t=60', None]


def test_who_asks_too_often_is_refused_until_the_minute_ends(narrow: Api, other: Api) -> None:
    for _ in range(4):
        assert narrow.get("/datasets").status == 200
    answer = narrow.post("/datasets", {"name": "x"})
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["RateLimit"] == '"requests";r=0;t=60'
    assert other.get("/datasets").status == 200


def test_public_routes_and_strangers_are_not_counted(narrow: Api) -> None:
    for _ in range(6):
        assert narrow.call("GET", "/health", claims=None).status == 200
        assert narrow.call("GET", "/datasets", claims=None).status == 401
    assert "RateLimit" not in narrow.call("GET", "/health", claims=None).headers
    assert narrow.get("/datasets").headers["RateLimit"].startswith('"requests";r=3;')
