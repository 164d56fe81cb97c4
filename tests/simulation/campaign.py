"""Plays many worlds and prints what happened: `python -m tests.simulation.campaign --seeds 2000 [--start 0]`.

Exits with 1 when an invariant was violated; the seed and the mode play the same world again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.coverage import JOBS_MIN, shortfalls
from tests.simulation.modes import JOBS, MODES, pipeline_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--mode", action="append", choices=MODES, help="one of the modes, or several (default: all)")
    chosen = parser.parse_args()
    seeds = range(chosen.start, chosen.start + chosen.seeds)
    marks: Counter[str] = Counter()
    met = {mode: Counter[str]() for mode in chosen.mode or MODES}
    failed = max(play(mode, seeds, met[mode], marks) for mode in met)
    if met.keys() != MODES.keys() or JOBS * len(seeds) < JOBS_MIN:
        return failed
    missed = shortfalls(met["full"], marks, jobs=JOBS * len(seeds))
    print(*missed, sep="\n")
    return int(failed or bool(missed))


def play(mode: str, seeds: range, met: Counter[str], marks: Counter[str]) -> int:
    """One mode (see modes.py) over all seeds; adds to the faults that were met and the marks that were left."""
    repairs: Counter[str] = Counter()
    failed = 0
    began = time.process_time()
    for seed in seeds:
        pipeline = pipeline_of(mode, seed)
        violations = pipeline.run()
        met.update(pipeline.world.met)
        marks.update(pipeline.world.marks)
        repairs.update(pipeline.repairs)
        if violations:
            failed += 1
            print(f"{mode} seed {seed}: {violations[:3]}")
    spent_s = time.process_time() - began
    jobs = JOBS * len(seeds)
    print(
        f"{mode}: {jobs} jobs, {sum(met.values())} faults, {failed} seeds with violations, "
        f"{jobs / spent_s:.0f} jobs per CPU second\n  faults: {dict(met.most_common())}\n  repairs: {dict(repairs)}"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
