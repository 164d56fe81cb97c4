"""Thousands of jobs in the two modes that matter most: nothing is violated, and the campaign was where it must be."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from tests.simulation.campaign import campaign
from tests.simulation.coverage import JOBS_MIN, LEAST, shortfalls_of
from tests.simulation.digests import differing
from tests.simulation.figures import Figures, total
from tests.simulation.marks import MARKS

FIRST_SEED = 600_000  # the same worlds at every run, with about nine jobs each; `make campaign` plays ten times as many
SEEDS = {"full": 350, "primary": 320}


@pytest.mark.parametrize("mode", SEEDS)
def test_a_campaign_finds_nothing_and_meets_what_it_must(mode: str) -> None:
    figures = Figures(mode)
    for _, figures in campaign(mode, range(FIRST_SEED, FIRST_SEED + SEEDS[mode]), processes=2):
        assert not figures.violations, figures.violations
    print(figures.told())
    assert figures.jobs >= JOBS_MIN
    assert shortfalls_of(figures) == []


def test_a_mode_that_met_too_little_is_no_proof() -> None:
    enough = Figures("full", jobs=JOBS_MIN, marks=Counter(dict.fromkeys(MARKS, 1)))
    enough.faults = Counter({kind: max(least, 1000) * JOBS_MIN // 1000 for kind, least in LEAST.items()})
    assert shortfalls_of(enough) == []
    assert shortfalls_of(replace(enough, marks=enough.marks - Counter(["lease_race"]))) == [
        f"never: {MARKS['lease_race']} (lease_race)"
    ]
    rare = replace(enough, faults=enough.faults - Counter(dict.fromkeys(["skew"], 10**6)))
    assert len(shortfalls_of(rare)) == 2  # it never struck, so a kind is missing
    few = replace(enough, faults=Counter({kind: least * JOBS_MIN // 1000 for kind, least in LEAST.items()}))
    assert [text for text in shortfalls_of(few) if "faults in" in text]
    assert shortfalls_of(replace(few, jobs=JOBS_MIN - 1)) == shortfalls_of(replace(few, mode="calm")) == []


def test_the_same_seed_plays_the_same_world_in_a_process_with_other_hashes() -> None:
    assert differing("full", [7, 100, 109]) == []
    assert differing("primary", [7]) == []


def test_a_campaign_in_two_parts_counts_what_one_counts() -> None:
    *_, (_, whole) = campaign("crowded", range(40), processes=2)
    parts = Figures("crowded")
    for seeds in (range(20), range(20, 40)):
        *_, (_, part) = campaign("crowded", seeds, processes=1)
        parts.add(part)
    (read,) = total([_written(parts)])
    whole.cpu_s = parts.cpu_s = read.cpu_s = 0.0
    assert whole.as_json() == parts.as_json() == read.as_json()


def _written(figures: Figures) -> str:
    return json.dumps({"modes": [figures.as_json()]})
