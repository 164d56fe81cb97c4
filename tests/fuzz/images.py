"""Mutated picture files through the decoder, by the million: none may crash it, hold it up, or fill the memory.

A worker decodes one mutant after the other in one process and says beforehand which one is next, so that whoever watches
it knows which mutant a dead worker died of; the next worker goes on behind it. Every mutant follows from the seed and its
number: `python -m tests.fuzz.images --seed 1 --only 4711` decodes that one again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from maskmill.core.errors import InvalidInput
from maskmill.imaging.decode import decode
from tests.fuzz.mutants import mutant, seeds

FOLDER = Path("build", "fuzz")
MANY = 10**9
SLOW_S, MEMORY_KIB_MAX, HANG_S = 1.0, 400 * 1024, 20.0
BLOCK = 2_000  # mutants between two reports of a worker
_NEXT = struct.Struct("q")


@dataclass
class Found:
    """What some mutants did: counts by outcome, the slowest, the most memory, and whatever must not happen."""

    mutants: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: int = -1
    peak_kib: int = 0
    heaviest: int = -1
    cpu_s: float = 0.0
    digest: int = 0  # of all outcomes, in any order
    faults: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.mutants += other.mutants
        self.outcomes += other.outcomes
        self.causes += other.causes
        if other.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest = other.slowest_s, other.slowest
        if other.peak_kib > self.peak_kib:
            self.peak_kib, self.heaviest = other.peak_kib, other.heaviest
        self.cpu_s += other.cpu_s
        self.digest ^= other.digest
        self.faults += other.faults


def heard(line: bytes | str) -> Found:
    """What another process found, from its line of JSON."""
    told = json.loads(line)
    return Found(**{**told, "outcomes": Counter(told["outcomes"]), "causes": Counter(told["causes"])})


def tried(seed: int, number: int, found: Found) -> None:
    """One mutant, decoded; what comes of it is added to what was found."""
    data = mutant(seed, number)
    start, held_before_kib = time.process_time(), peak_kib()
    try:
        picture, source_format, _ = decode(data)
    except InvalidInput as error:
        outcome = str(error.code)
        cause = error.__cause__
        found.causes[type(cause).__name__ if cause is not None else "our own check"] += 1
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        outcome = "escaped"
        found.faults.append(f"{number}: {type(error).__name__} escapes: {error}"[:300])
    else:
        outcome = f"a picture ({source_format})"
        if picture.rgb.shape[:2] != (picture.size.height_px, picture.size.width_px) or picture.rgb.dtype != "uint8":
            found.faults.append(f"{number}: a picture of the wrong shape")
    spent_s, held_kib = time.process_time() - start, peak_kib()
    found.mutants += 1
    found.outcomes[outcome] += 1
    found.digest ^= int.from_bytes(hashlib.blake2b(f"{number} {outcome}".encode(), digest_size=8).digest(), "big")
    if spent_s > found.slowest_s:
        found.slowest_s, found.slowest = spent_s, number
    if held_kib > found.peak_kib:
        found.peak_kib, found.heaviest = held_kib, number
    if held_kib > max(held_before_kib, MEMORY_KIB_MAX):
        found.faults.append(f"{number}: holds {held_kib // 1024} MiB")
    if spent_s > SLOW_S:
        found.faults.append(f"{number}: takes {spent_s:.2f} s")


def peak_kib() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def _work(seed: int, numbers: range, next_one: mmap.mmap, report: int) -> None:
    """Decode the mutants of these numbers, and report after each block; the watchdog ends what takes too long."""
    for start in range(0, len(numbers), BLOCK):
        found = Found()
        before = time.process_time()
        for number in numbers[start : start + BLOCK]:
            next_one[:] = _NEXT.pack(number)
            signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)
            tried(seed, number, found)
        found.cpu_s = time.process_time() - before
        os.write(report, json.dumps(vars(found)).encode() + b"\n")


def _worker(seed: int, numbers: range) -> Iterator[Found]:
    """What a worker reports, block by block; if it dies, another one goes on behind the mutant that it died of."""
    while numbers:
        next_one = mmap.mmap(-1, _NEXT.size)
        reading, writing = os.pipe()
        sys.stdout.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a test's process may have threads; none decodes
            pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(reading)
                signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # codecs talk
                _work(seed, numbers, next_one, writing)
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        with open(reading, "rb") as lines:
            for line in lines:
                yield heard(line)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if ended == 0:
            return
        (died_of,) = _NEXT.unpack(next_one[:])
        if ended > 0:
            raise RuntimeError(f"the worker itself failed at {died_of}: run this number alone")
        keep(seed, died_of)
        yield Found(faults=[f"{died_of}: ends the decoder with {signal.Signals(-ended).name}"])
        numbers = numbers[numbers.index(died_of) + 1 :]


def keep(seed: int, number: int) -> None:
    """Save a mutant, to look at it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"image-{seed}-{number}").write_bytes(mutant(seed, number))


def campaign(*, seed: int, numbers: range, cpu_s: float = math.inf) -> Found:
    """The mutants of these numbers, or as many of them as so much CPU time is enough for."""
    total = Found()
    with closing(_worker(seed, numbers)) as blocks:
        for found in blocks:
            total.add(found)
            if total.cpu_s >= cpu_s:
                break
    return total


def shared_campaign(*, seed: int, mutants: int, cpu_s: float, jobs: int) -> Found:
    """A campaign by several processes, each with every so many-th number, its CPU time shared between them."""
    command = [sys.executable, "-m", __spec__.name, "--seed", str(seed), "--seconds", str(cpu_s / jobs), "--json"]
    shares = [[*command, "--mutants", str(mutants), "--part", f"{part}/{jobs}"] for part in range(jobs)]
    running = [subprocess.Popen(share, stdout=subprocess.PIPE, text=True) for share in shares]
    total = Found()
    for process in running:
        out, _ = process.communicate()
        total.add(heard(out))
    return total


def describe(found: Found, seed: int) -> str:
    rate = found.mutants / found.cpu_s if found.cpu_s else 0
    lines = [
        f"{found.mutants:,} mutants of {len(seeds())} files, seed {seed}, in {found.cpu_s:.0f} s of CPU time ({rate:,.0f} a second)",
        f"slowest {found.slowest_s * 1000:.0f} ms (number {found.slowest}), most memory {found.peak_kib // 1024} MiB (number {found.heaviest}), digest {found.digest:016x}",
        *(f"  {count:>9,} {outcome}" for outcome, count in found.outcomes.most_common()),
        "stopped by " + ", ".join(f"{cause} {count:,}" for cause, count in found.causes.most_common()),
        *(f"FAULT {fault}" for fault in found.faults),
        "no fault" if not found.faults else f"{len(found.faults)} faults",
    ]
    return "\n".join(lines)


def main(seconds: float, seed: int, *, mutants: int = MANY, jobs: int = 1) -> int:
    """As many mutants as fit into so much CPU time; 1 when one of them did what none may do."""
    found = shared_campaign(seed=seed, mutants=mutants, cpu_s=seconds, jobs=jobs)
    print(describe(found, seed))
    return 1 if found.faults else 0


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60, help="of CPU time")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--mutants", type=int, default=MANY)
    asked.add_argument("--jobs", type=int, default=1, help="processes")
    asked.add_argument("--only", type=int, help="decode this one mutant, and keep it in build/fuzz")
    asked.add_argument("--part", default="0/1", help=argparse.SUPPRESS)
    asked.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    return asked.parse_args()


if __name__ == "__main__":
    options = _arguments()
    if options.only is not None:
        keep(options.seed, options.only)
        print(describe(campaign(seed=options.seed, numbers=range(options.only, options.only + 1)), options.seed))
    elif options.json:
        part, parts = map(int, options.part.split("/"))
        share = campaign(seed=options.seed, numbers=range(part, options.mutants, parts), cpu_s=options.seconds)
        print(json.dumps(vars(share)))
    else:
        sys.exit(main(options.seconds, options.seed, mutants=options.mutants, jobs=options.jobs))
