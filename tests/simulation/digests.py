"""The same seed plays the same world: a digest of every call, in this process and in one with other hashes.

`python -m tests.simulation.digests full 7 107` prints the digests of these worlds.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable

from tests.simulation.modes import pipeline_of

OTHER_HASHES = "77"


def digest_of(mode: str, seed: int) -> str:
    """The digest of every call of a world, with its time, its fault and the state in which the table ended."""
    pipeline = pipeline_of(mode, seed)
    pipeline.world.trace = []
    violations = pipeline.run()
    digest = hashlib.sha256("\n".join(violations).encode())
    for step in pipeline.world.trace:
        digest.update(repr(step).encode())
    for key in sorted(pipeline.table.rows):
        digest.update(repr(key).encode())
    return digest.hexdigest()


def digests_elsewhere(mode: str, seeds: Iterable[int]) -> dict[int, str]:
    """What another process makes of these worlds, in which sets and maps of texts are in another order."""
    asked = [sys.executable, "-m", "tests.simulation.digests", mode, *map(str, seeds)]
    environment = {**os.environ, "PYTHONHASHSEED": OTHER_HASHES}
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
    return {int(seed): digest for seed, digest in (line.split() for line in told.splitlines())}


def differing(mode: str, seeds: Iterable[int]) -> list[int]:
    """The seeds that played another world the second time."""
    elsewhere = digests_elsewhere(mode, seeds)
    return [seed for seed, digest in elsewhere.items() if digest_of(mode, seed) != digest]


if __name__ == "__main__":
    for number in sys.argv[2:]:
        print(number, digest_of(sys.argv[1], int(number)))
