"""The clock and the ids, as the functions have them and as the simulation does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.aws.clock import SystemClock
from lambdas.aws.ids import RandomIds
from maskmill.core.ports import Clock, Ids
from tests.simulation.cloud import FixedClock
from tests.simulation.users import CountedIds
from tests.simulation.world import World

CLOCKS: dict[str, Clock] = {"machine": SystemClock(), "fixed": FixedClock(), "world": World(1)}
IDS: dict[str, Ids] = {"random": RandomIds(SystemClock()), "random, clock stands": RandomIds(FixedClock()),
                       "counted": CountedIds()}  # fmt: skip


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_the_time_is_in_utc_and_does_not_turn_back_within_a_run(clock: Clock) -> None:
    moments = [clock.now() for _ in range(100)]
    assert {moment.utcoffset() for moment in moments} == {timedelta(0)}
    assert moments == sorted(moments)


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_ids_are_new_sorted_and_fit_into_keys(ids: Ids) -> None:
    found = [name for count in (1, 100, 0, 100) for name in ids.new(count)]
    assert len(set(found)) == len(found) == 201
    assert found == sorted(found)
    assert all(len(name) == 26 and name.isascii() and name.isalnum() and name == name.lower() for name in found)
