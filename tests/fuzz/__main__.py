"""`make fuzz`: inputs that nobody thought of, for as long as is asked, against what the product reads.

    parsers   our own parsers, under a fuzzer that watches branches where there is one (tests/fuzz/targets.py)
    images    mutated files through the decoder, in a process of its own (tests/fuzz/images.py)
    api       requests drawn from the API's description, in process (tests/contract/api/test_api_fuzz.py)
    deployed  the same requests to the deployed local stacks (tests/e2e/test_schemathesis.py)

What is found lies in build/fuzz; once it is mended, it belongs into tests/fuzz/found.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz import guided
from tests.fuzz.mutation import mutants
from tests.fuzz.targets import TARGETS, Target

FOLDER = Path("build/fuzz")
BLOCK = 2_000
CASES_PER_S = 8  # of the API, in process: more than one CPU makes


def fuzz_parsers(seconds: float, start: int) -> bool:
    """Every target for its share of the time; says whether all of them stood."""
    how = (
        "drawn, and guided by branches" if guided.is_here() else "drawn (atheris, which guides, is not installed here)"
    )
    print(f"{len(TARGETS)} parsers, {seconds:g} s, seed {start}, {how}")
    fuzzers = (_drawn, _guided) if guided.is_here() else (_drawn,)
    share, executed, found = seconds / len(TARGETS) / len(fuzzers), 0, 0
    for name, target in TARGETS.items():
        began = time.monotonic()
        told = [fuzz(name, target, share, start) for fuzz in fuzzers]
        count, files = sum(count for count, _ in told), [file for _, some in told for file in some]
        executed, found = executed + count, found + len(files)
        print(f"  {name:<16}{count:>12,} inputs {count / (time.monotonic() - began):>10,.0f} a second", flush=True)
        for file in files:
            print(f"    not stood: {file}")
    print(f"{executed:,} inputs, {found} findings")
    return found == 0


def _guided(name: str, target: Target, seconds: float, start: int) -> tuple[int, list[Path]]:
    return guided.run(name, target.seeds, seconds=seconds, start=start, folder=FOLDER)


def _drawn(name: str, target: Target, seconds: float, start: int) -> tuple[int, list[Path]]:
    files, count, end = set[Path](), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for data in mutants(target.seeds, f"{start} {name} {count}", BLOCK):
            try:
                target.run(data)
            except Exception as error:  # noqa: BLE001 - this is what is looked for
                files.add(_keep(name, data, error))
        count += BLOCK
    return count, sorted(files)


def _keep(name: str, data: bytes, error: Exception) -> Path:
    file = FOLDER / name / f"crash-{hashlib.sha256(data).hexdigest()[:16]}"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        print(f"    {name}: {data!r}: {type(error).__name__}: {error}"[:600])
    return file


def fuzz_images(seconds: float, start: int) -> bool:
    return _succeeds(["-m", "tests.fuzz.images", "--seconds", str(seconds), "--seed", str(start)])


def fuzz_api(seconds: float, start: int, *, suite: str = "tests/contract/api/test_api_fuzz.py") -> bool:
    """Requests of the seed; as many as the time is enough for, or as CASES says."""
    cases = os.environ.get("CASES") or str(max(300, round(seconds * CASES_PER_S)))
    return _succeeds(["-m", "pytest", "-q", "-s", suite], CASES=cases, START=str(start))


def _succeeds(arguments: list[str], **env: str) -> bool:
    return subprocess.run([sys.executable, *arguments], env={**os.environ, **env}, check=False).returncode == 0


def main() -> None:
    asked = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    asked.add_argument("--what", nargs="+", choices=["parsers", "images", "api", "deployed"], default=["parsers"])
    asked.add_argument("--seconds", type=float, default=60)
    asked.add_argument("--start", type=int, default=1)
    args = asked.parse_args()
    fuzzers = {
        "parsers": fuzz_parsers,
        "images": fuzz_images,
        "api": fuzz_api,
        "deployed": lambda seconds, start: fuzz_api(seconds, start, suite="tests/e2e/test_schemathesis.py"),
    }
    stood = [fuzzers[what](args.seconds, args.start) for what in args.what]
    sys.exit(0 if all(stood) else 1)


if __name__ == "__main__":
    main()
