"""A target under a fuzzer that watches which branches an input takes (atheris), in a process of its own.

There are builds of atheris for Linux and Python 3.11 to 3.13; elsewhere tests.fuzz.mutation draws the inputs instead.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.mutation import TOKENS

TRACED = ["maskmill", "lambdas", "inference_container", "tests.fuzz.targets"]
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def is_here() -> bool:
    return importlib.util.find_spec("atheris") is not None


def run(name: str, seeds: tuple[bytes, ...], *, seconds: float, start: int, folder: Path) -> tuple[int, list[Path]]:
    """How many inputs a target was given, and the files of those that it did not stand."""
    corpus = folder / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    before = _not_stood(corpus.parent)
    words = corpus.parent / "words"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in TOKENS))
    options = [f"-max_total_time={max(1, round(seconds))}", f"-seed={start}", f"-artifact_prefix={corpus.parent}/"]
    options += [f"-dict={words}", "-reduce_inputs=0", "-timeout=10", "-max_len=4000", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(corpus), *options]
    found = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    executed = _EXECUTED.search(found.stderr)
    files = _not_stood(corpus.parent) - before
    if executed is None or (found.returncode and not files):
        raise RuntimeError(f"{name}: {found.stderr[-2000:]}")
    if files:
        print(found.stderr[-2000:], file=sys.stderr)
    return int(executed[1]), sorted(files)


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)


def _not_stood(folder: Path) -> set[Path]:
    return {path for kind in ("crash", "timeout", "oom") for path in folder.glob(f"{kind}-*")}


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=TRACED):
        from tests.fuzz.targets import TARGETS

    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
