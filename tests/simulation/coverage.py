"""What a campaign must have met to have proved anything: how often each kind of fault struck, and which marks were left.

A fault that never strikes any more, or a branch that nobody takes, makes a campaign fail as a violation does.
"""

from __future__ import annotations

from collections import Counter

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


def shortfalls(met: Counter[str], marks: Counter[str], *, jobs: int) -> list[str]:
    """What was met less often than it must, in a campaign of so many jobs of the full mode."""
    found = [
        f"{kind} struck {met[kind]} times, {least * jobs // 1000} are the least"
        for kind, least in LEAST.items()
        if met[kind] < least * jobs // 1000
    ]
    return [*found, *(f"never: {about} ({mark})" for mark, about in MARKS.items() if not marks[mark])]
