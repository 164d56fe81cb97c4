"""Plays many worlds on every core and prints what happened.

    python -m tests.simulation.campaign --seeds 2000 [--start 0] [--mode full] [--json figures.json]
    python -m tests.simulation.campaign --sum figures-*.json

Exits with 1 when an invariant was violated, when a world was another one when it was played again, and when a campaign
has met too little. The seed and the mode play the same world again (`tests.simulation.replay` makes it small). A campaign
that is stopped prints what was done so far and the seed to go on from.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from tests.simulation.coverage import JOBS_MIN, shortfalls, shortfalls_of
from tests.simulation.digests import differing
from tests.simulation.figures import Figures, total
from tests.simulation.modes import MODES, pipeline_of

BLOCK = 20  # seeds that a process plays at a time
TWICE_EVERY = 100  # of this many seeds, one is played twice


def play(mode: str, seeds: range) -> Figures:
    """One mode (see modes.py) over all seeds."""
    figures = Figures(mode)
    began = time.process_time()
    gc.disable()  # a world is garbage all at once, when it has been played
    for seed in seeds:
        pipeline = pipeline_of(mode, seed)
        figures.note(seed, pipeline, pipeline.run())
    gc.enable()
    gc.collect()
    figures.cpu_s = time.process_time() - began
    return figures


def play_again(mode: str, seeds: Sequence[int]) -> Figures:
    """Worlds a second time and a third, in a process with other hashes: each must be the same world."""
    figures = Figures(mode, played_twice=len(seeds))
    figures.violations = {seed: ["plays another world every time"] for seed in differing(mode, seeds)}
    return figures


def blocks_of(seeds: range) -> list[range]:
    """The seeds in order, cut so that each process gets some."""
    return [seeds[at : at + BLOCK] for at in range(0, len(seeds), BLOCK)]


def campaign(mode: str, seeds: range, *, processes: int) -> Iterator[tuple[int, Figures]]:
    """What was counted by the end of each block, in order, with the seed to go on from; the same on any machine."""
    figures = Figures(mode)
    blocks = blocks_of(seeds)
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_begin) as pool:
        for block, played in zip(blocks, pool.imap(partial(play, mode), blocks), strict=True):
            figures.add(played)
            yield block.stop, figures
        again = [seed for seed in seeds if seed % TWICE_EVERY == 0]
        shares = [share for share in (again[number::processes] for number in range(processes)) if share]
        for played in pool.imap(partial(play_again, mode), shares):
            figures.add(played)
            yield seeds.stop, figures


def _begin() -> None:
    """Whoever started the campaign ends it; what was imported is no garbage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()


class Stopped(Exception):
    """Somebody asked the campaign to stop."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


def main() -> int:
    chosen = _arguments()
    if chosen.sum:
        found = total(path.read_text() for path in chosen.sum)
        return _tell(found)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    seeds = range(chosen.start, chosen.start + chosen.seeds)
    done: dict[str, tuple[int, Figures]] = {}
    try:
        for mode in chosen.mode or MODES:
            share = 1.0 if chosen.mode else MODES[mode].share
            some = seeds[: max(1, round(share * len(seeds)))]
            for step in campaign(mode, some, processes=chosen.processes):
                done[mode] = step
    except Stopped:
        print("stopped:", ", ".join(f"{mode} goes on from START={at}" for mode, (at, _) in done.items()))
    played = [figures for _, figures in done.values()]
    if chosen.json:
        said = {
            "commit": _commit(),
            "start": seeds.start,
            "seeds": len(seeds),
            "modes": [one.as_json() for one in played],
        }
        chosen.json.write_text(json.dumps(said, indent=1))
    return _tell(played)


def _tell(figures: list[Figures]) -> int:
    for one in figures:
        print(one.told())
    missed = _missed({one.mode: one for one in figures})
    print(*missed, sep="\n", end="\n" if missed else "")
    return int(bool(missed) or any(one.violations for one in figures))


def _missed(figures: dict[str, Figures]) -> list[str]:
    """What a campaign has met too seldom, if it was long enough to tell."""
    if figures.keys() != MODES.keys():
        return [shortfall for one in figures.values() for shortfall in shortfalls_of(one)]
    if figures["full"].jobs < JOBS_MIN:
        return []
    marks = sum((one.marks for one in figures.values()), Counter())
    return shortfalls(figures["full"].faults, marks, jobs=figures["full"].jobs)


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--mode", action="append", choices=MODES, help="one of the modes, or several (default: all)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--sum", type=Path, nargs="+", help="files of figures to add up, instead of playing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
