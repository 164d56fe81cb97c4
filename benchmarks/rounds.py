"""Two or more ways of doing the same, measured in turns: every round runs each once, and the order turns by one.

What slows the machine down slows the ways of one round alike, so a ratio is taken within each round, and the median of
the rounds counts. CPU time is the figure on a machine that does other things as well. It knows no benchmark.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.machine import faults


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several measurements with the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of each way in each round, by processors and by the clock, and the pages that its last run was given."""

    cpu_s: Mapping[str, Sequence[float]]
    wall_s: Mapping[str, Sequence[float]]
    faults: Mapping[str, int]

    def ratio(self, reference: str, ours: str) -> Spread:
        """How many times as much CPU time the reference takes."""
        return _ratio(self.cpu_s, reference, ours)

    def wall_ratio(self, reference: str, ours: str) -> Spread:
        """How many times as long the reference takes by the clock."""
        return _ratio(self.wall_s, reference, ours)

    def seconds(self, name: str) -> Spread:
        """CPU seconds of one run."""
        return Spread.of(self.cpu_s[name])

    def told(self) -> dict[str, dict[str, float]]:
        """Everything, for the file of results: medians in milliseconds, and faults."""
        return {
            name: {
                "cpu_ms": round(1000 * median(self.cpu_s[name]), 3),
                "wall_ms": round(1000 * median(self.wall_s[name]), 3),
                "faults": self.faults[name],
            }
            for name in self.cpu_s
        }


def _ratio(times: Mapping[str, Sequence[float]], reference: str, ours: str) -> Spread:
    return Spread.of([theirs / mine for theirs, mine in zip(times[reference], times[ours], strict=True)])


def interleaved(works: Mapping[str, Callable[[], object]], *, rounds: int, is_warmed: bool = True) -> Rounds:
    """Run every way `rounds` times, in turns; `is_warmed`: once before that, uncounted."""
    if is_warmed:
        for work in works.values():
            work()
    names = list(works)
    cpu_s: dict[str, list[float]] = {name: [] for name in names}
    wall_s: dict[str, list[float]] = {name: [] for name in names}
    pages: dict[str, int] = {}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            before, began_s, began = faults(), spent_s(), time.perf_counter()
            works[name]()
            wall_s[name].append(time.perf_counter() - began)
            cpu_s[name].append(spent_s() - began_s)
            pages[name] = faults() - before
    return Rounds(cpu_s, wall_s, pages)


def spent_s() -> float:
    """The CPU time of this process, and of all that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
