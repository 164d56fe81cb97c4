"""Each mode shows what it promises, by a few worlds of its own; long campaigns are `make simulate MODE=…`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.coverage import LEAST, shortfalls
from tests.simulation.marks import MARKS
from tests.simulation.modes import MODES, pipeline_of
from tests.simulation.outage import SERVICES

SEEDS = {"calm": 12, "outage": 20, "overload": 1, "upgrade": 12, "adversary": 4, "realtime": 12}


@pytest.mark.parametrize("mode", SEEDS)
def test_a_mode_holds_what_it_promises(mode: str) -> None:
    for seed in range(7000, 7000 + SEEDS[mode]):
        violations = pipeline_of(mode, seed).run()
        assert not violations, f"seed {seed}: {violations[:5]}"


def test_every_service_goes_down_in_some_outage() -> None:
    down = Counter(pipeline_of("outage", seed).service for seed in range(7000, 7000 + SEEDS["outage"]))  # type: ignore[attr-defined]
    assert down.keys() == SERVICES.keys()


def test_every_kind_of_fault_has_a_least_number_and_some_mode_has_it() -> None:
    kinds = set(MODES["full"].faults.__slots__) - {"window_s"}
    assert LEAST.keys() == kinds
    assert len(kinds) >= 20
    assert all(getattr(MODES["full"].faults, kind) > 0 for kind in kinds)


def test_a_campaign_that_meets_too_little_fails() -> None:
    enough = Counter(LEAST)
    marks = Counter(dict.fromkeys(MARKS, 1))
    assert shortfalls(enough, marks, jobs=1000) == []
    assert len(shortfalls(enough - Counter({"skew": 1}), marks - Counter(["lease_race"]), jobs=1000)) == 2
