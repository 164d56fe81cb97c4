"""Makes a world that shows a bug small, and tells what happens in it.

    python -m tests.simulation.replay --mode full --seed 5003 [--bug the_name_of_a_planted_one] [--all]

Every strike of a fault has a name that does not depend on the others, so that any set of them can be left out: first
the users go whom the bug does not need, then the strikes, then pictures and the dice of the latencies. What is left is
printed as a timeline and as a test.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from tests.simulation.modes import JOBS, MODES, pipeline_of
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import Step, Strike

RUNS_MAX = 400
PLANTED_IN = ("tests.simulation.test_planted_bugs", "tests.simulation.test_planted_in_modes")
READS = (".get", ".query", ".head")


@dataclass(frozen=True)
class Case:
    """A world, and what of it is left out."""

    mode: str
    seed: int
    only: frozenset[Strike] | None = None  # the strikes that are left; None: all
    absent: frozenset[int] = frozenset()  # users
    images: int | None = None
    is_steady: bool = False  # every call takes nearly the same time

    def play(self, trace: list[Step] | None = None) -> tuple[list[str], tuple[Strike, ...]]:
        """The violations, and the strikes in their order."""
        pipeline = self._world()
        pipeline.world.trace = trace
        try:
            violations = pipeline.run()
        except Exception as error:  # noqa: BLE001 - what escapes from a world is a finding as well
            violations = [f"{type(error).__name__}: {error}"]
        return violations, tuple(pipeline.world.struck)

    def _world(self) -> Pipeline:
        pipeline = pipeline_of(self.mode, self.seed, only=self.only)
        pipeline.absent = self.absent
        pipeline.images = self.images or pipeline.images
        pipeline.world.is_steady = self.is_steady
        return pipeline

    def as_test(self) -> str:
        """Code for a test that this case is quiet."""
        left_out = f"frozenset({sorted(self.absent)}), {self.images}, {self.is_steady}"
        lines = [
            f"def test_{self.mode}_{self.seed}_stays_quiet() -> None:",
            f"    strikes = {sorted(self.only or ())}",
            f"    case = Case({self.mode!r}, {self.seed}, frozenset(strikes), {left_out})",
            "    assert case.play()[0] == []",
        ]
        return "\n".join(lines)


@dataclass
class Shrinker:
    """Leaves out what a failing case does not need; `runs` counts the worlds that it played."""

    case: Case
    runs: int = 0
    _shown: frozenset[str] = frozenset()  # what the case violates, whatever its numbers are

    def shrunk(self) -> Case:
        self._shown = frozenset(map(_without_numbers, self.case.play()[0]))
        if not self._shown:
            raise ValueError("the case does not fail")
        self._drop_users()
        self._drop_strikes()
        self._drop_users()
        self._take(replace(self.case, images=1))
        self._take(replace(self.case, is_steady=True))
        self._drop_strikes()
        return self.case

    def _fails(self, case: Case) -> tuple[Strike, ...] | None:
        """The strikes of a case that fails in one of the ways of the first, None for one that does not."""
        self.runs += 1
        violations, struck = case.play()
        return None if self._shown.isdisjoint(map(_without_numbers, violations)) else struck

    def _take(self, case: Case) -> bool:
        """Go on with a smaller case if it fails; it keeps only the strikes that happened in it."""
        if self.runs >= RUNS_MAX:
            return False
        struck = self._fails(case)
        if struck is None:
            return False
        self.case = replace(case, only=frozenset(struck))
        return True

    def _drop_users(self) -> None:
        for number in range(JOBS):
            if number not in self.case.absent:
                self._take(replace(self.case, absent=self.case.absent | {number}))

    def _drop_strikes(self) -> None:
        """Delta debugging: without ever smaller parts of them, until each one that is left is needed."""
        self._take(replace(self.case, only=frozenset()))
        strikes, parts = self._strikes(), 2
        while strikes and self.runs < RUNS_MAX:
            size = max(1, len(strikes) // parts)
            smaller = any(self._take(replace(self.case, only=frozenset(left))) for left in _without_each(strikes, size))
            strikes = self._strikes()
            if smaller:
                parts = max(2, parts - 1)
            elif size == 1:
                return
            else:
                parts = min(len(strikes), 2 * parts)

    def _strikes(self) -> list[Strike]:
        return sorted(self.case.play()[1] if self.case.only is None else self.case.only)


def _without_numbers(violation: str) -> str:
    return re.sub(r"[0-9a-f]{6,}|[0-9]+", "#", violation)


def _without_each(strikes: Sequence[Strike], size: int) -> list[list[Strike]]:
    return [[*strikes[:at], *strikes[at + size :]] for at in range(0, len(strikes), size)]


def timeline(case: Case, *, with_reads: bool = False) -> list[str]:
    """What happens in a case: when, in which function, which call, and what came of it."""
    trace: list[Step] = []
    case.play(trace)
    told = (step for step in trace if with_reads or step[4] != "done" or not step[2].endswith(READS))
    return [
        f"{_clock(at_s)} {who:<16} {service:<20} {came_of:<12} {label}" for at_s, who, service, label, came_of in told
    ]


def _clock(at_s: float) -> str:
    minutes, seconds = divmod(at_s, 60)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{seconds:06.3f}"


def planted(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """A planted bug by its name."""
    for module in map(importlib.import_module, PLANTED_IN):
        if name in module.PLANTS:
            found: Callable[[pytest.MonkeyPatch], None] = module.PLANTS[name].plant
            return found
    raise KeyError(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", required=True, choices=MODES)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--bug", help="a bug to plant first, by its name in the tests of planted bugs")
    parser.add_argument("--all", action="store_true", help="show reads as well")
    chosen = parser.parse_args()
    with pytest.MonkeyPatch.context() as patch:
        if chosen.bug:
            planted(chosen.bug)(patch)
        return _tell(Case(chosen.mode, chosen.seed), with_reads=chosen.all)


def _tell(case: Case, *, with_reads: bool) -> int:
    violations, struck = case.play()
    if not violations:
        print(f"{case.mode} seed {case.seed} is quiet")
        return 0
    began_s = time.monotonic()
    shrinker = Shrinker(case)
    small = shrinker.shrunk()
    print(*timeline(small, with_reads=with_reads), sep="\n")
    left = sorted(small.only or ())
    print(f"\n{len(struck)} strikes shrank to {len(left)} in {shrinker.runs} runs, {time.monotonic() - began_s:.1f} s")
    print(*(f"  {fault} at {label} ({nth} before)" for fault, label, nth in left), sep="\n")
    print(*(f"  {violation}" for violation in small.play()[0]), sep="\n")
    print(f"\n{small.as_test()}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
