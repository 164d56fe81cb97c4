"""What a campaign must have met to have proved anything: how often each kind of fault struck, and which marks were left.

A fault that never strikes any more, or a branch that nobody takes, makes a campaign fail as a violation does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.simulation.figures import Figures
from tests.simulation.marks import MARKS
from tests.simulation.world import Faults

JOBS_MIN = 3000  # of the full mode; a shorter campaign may miss what is rare
# How often each kind must strike in 1,000 jobs of the full mode: about a third of what was counted.
LEAST = dict.fromkeys((kind for kind in Faults.__slots__ if kind != "window_s"), 3) | {
    "crash_before": 1000,
    "crash_after": 1000,
    "ambiguous": 1000,
    "throttle": 1500,
    "slow": 500,
    "duplicate": 200,
    "delete_lost": 100,
    "late": 200,
    "repeated": 100,
    "capped": 100,
    "skew": 200,
    "stale_index": 500,
    "expiry_late": 80,
    "stream_late": 100,
    "stream_twice": 100,
}


FAULTS_PER_JOB_MIN = {"full": 30, "primary": 10}
KINDS_MIN = {"full": len(LEAST), "primary": 25}
ONLY_WITH_REMOVAL = {"removal", "image_removal", "met_nothing"}
NEVER_WITHOUT_SWEEP = {"left", "sweep_died", "sweep_cut_short", "sweep_found_output"}


def shortfalls(met: Counter[str], marks: Counter[str], *, jobs: int) -> list[str]:
    """What was met less often than it must, in a campaign of all modes with so many jobs of the full mode."""
    return [*_rare(met, jobs=jobs), *_never(marks, MARKS.keys())]


def shortfalls_of(mode: Figures) -> list[str]:
    """What a long campaign of one of the two great modes met less often than it must; nothing for others."""
    if mode.mode not in KINDS_MIN or mode.jobs < JOBS_MIN:
        return []
    kinds = sum(mode.faults[kind] > 0 for kind in LEAST)
    found = [] if kinds >= KINDS_MIN[mode.mode] else [f"{mode.mode}: {kinds} kinds of faults struck"]
    if mode.faults.total() < FAULTS_PER_JOB_MIN[mode.mode] * mode.jobs:
        found.append(f"{mode.mode}: {mode.faults.total()} faults in {mode.jobs} jobs")
    if mode.mode == "full":
        found += _rare(mode.faults, jobs=mode.jobs)
    never = NEVER_WITHOUT_SWEEP if mode.mode == "primary" else set()
    return [*found, *_never(mode.marks, MARKS.keys() - ONLY_WITH_REMOVAL - never)]


def _rare(met: Counter[str], *, jobs: int) -> list[str]:
    return [
        f"{kind} struck {met[kind]} times, {least * jobs // 1000} are the least"
        for kind, least in LEAST.items()
        if met[kind] < least * jobs // 1000
    ]


def _never(marks: Counter[str], expected: Iterable[str]) -> list[str]:
    return [f"never: {MARKS[mark]} ({mark})" for mark in sorted(expected) if not marks[mark]]
