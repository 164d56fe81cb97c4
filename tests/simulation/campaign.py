"""Plays many worlds and prints what happened: `python -m tests.simulation.campaign --seeds 2000 [--start 0]`.

Exits with 1 when an invariant was violated; the seed and the mode play the same world again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.faults import MODES, has_sweep, removals_of, world_of
from tests.simulation.pipeline import Pipeline

JOBS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    chosen = parser.parse_args()
    seeds = range(chosen.start, chosen.start + chosen.seeds)
    return max(play(mode, seeds) for mode in MODES)


def play(mode: str, seeds: range) -> int:
    """One mode (see faults.py) over all seeds."""
    met: Counter[str] = Counter()
    repairs: Counter[str] = Counter()
    failed = 0
    began = time.process_time()
    for seed in seeds:
        world = world_of(mode, seed)
        pipeline = Pipeline(world, jobs=JOBS, with_sweep=has_sweep(mode), removals=removals_of(mode))
        violations = pipeline.run()
        met.update(world.met)
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
