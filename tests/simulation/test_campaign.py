"""Thousands of jobs in the two modes that matter most: nothing is violated, and the campaign has really been there."""

from __future__ import annotations

import json

import pytest

from tests.simulation.campaign import campaign
from tests.simulation.coverage import LEAST
from tests.simulation.digests import differing
from tests.simulation.figures import Figures, total
from tests.simulation.marks import MARKS

FIRST_SEED = 600_000  # the same worlds at every run: `make simulate START=...` plays others
SEEDS = {"full": 800, "primary": 1_000}  # with about nine jobs each
JOBS_MIN = {"full": 6_500, "primary": 9_000}
FAULTS_PER_JOB_MIN = {"full": 30, "primary": 10}
KINDS_MIN = {"full": len(LEAST), "primary": 25}
ONLY_WITH = {"removal": "removing", "image_removal": "removing", "met_nothing": "removing"}
NEVER_WITHOUT_SWEEP = {"left", "sweep_died", "sweep_cut_short", "sweep_found_output"}


@pytest.mark.parametrize("mode", ["full", "primary"])
def test_a_campaign_finds_nothing_and_walks_every_road(mode: str) -> None:
    figures = Figures(mode)
    for _, figures in campaign(mode, range(FIRST_SEED, FIRST_SEED + SEEDS[mode]), processes=2):
        assert not figures.violations, figures.violations
    print(figures.told())
    assert figures.jobs >= JOBS_MIN[mode]
    assert figures.faults.total() >= FAULTS_PER_JOB_MIN[mode] * figures.jobs
    assert sum(figures.faults[kind] > 0 for kind in LEAST) >= KINDS_MIN[mode]
    if mode == "full":
        assert not [kind for kind, least in LEAST.items() if figures.faults[kind] < least * figures.jobs // 1000]
    expected = MARKS.keys() - ONLY_WITH.keys() - (NEVER_WITHOUT_SWEEP if mode == "primary" else set())
    assert not [mark for mark in expected if not figures.marks[mark]]


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
