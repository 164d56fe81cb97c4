"""How many planted mistakes the unit tests notice: a drawn sample of the mutants of the core and the functions' logic.

    make mutants SAMPLE=300 START=1

mutmut changes one thing at a time (a comparison, a number, an argument, a word) and runs the tests that reach it. What is
mutated, and by which tests it must be noticed, stands in pyproject.toml. The same sources, seed and size draw the same
mutants. Those that survive are printed with what they changed and written to build/mutants.json; docs/mutants.md says
what those of the last sample mean.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

FOUND = Path("mutants")  # where mutmut works
REPORT = Path("build", "mutants.json")
MUTANT = "__mutmut_"  # how mutmut names the changed twins of a function
NONE = f"nothing.of.this.name{MUTANT}*"
SURVIVED, UNTESTED, UNCHECKED = 0, 33, (None, 5)  # what mutmut notes of a mutant: the exit status of its tests


def mutmut(*arguments: str, check: bool = True) -> str:
    """What a command of mutmut prints."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=check, text=True, stdout=subprocess.PIPE).stdout


def noted() -> dict[str, int | None]:
    """Every mutant by its name, and what became of it."""
    pages = sorted(FOUND.rglob("*.meta"))
    return {name: status for page in pages for name, status in json.loads(page.read_text())["exit_code_by_key"].items()}


def kind_of(status: int | None) -> str:
    if status in UNCHECKED:
        return "unchecked"
    return {SURVIVED: "survived", UNTESTED: "untested"}.get(status or 0, "noticed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.85, help="the share that must be noticed")
    chosen = parser.parse_args()
    mutmut("run", NONE, check=False)  # makes the mutants, learns which tests reach which function, and finds nothing
    names = sorted(noted())
    if not Path(FOUND, "mutmut-stats.json").exists():
        raise SystemExit("the tests do not pass where nothing is changed: see `mutmut run`")
    drawn = sorted(random.Random(chosen.seed).sample(names, min(chosen.sample, len(names))))
    mutmut("run", *drawn)
    became = {name: kind_of(status) for name, status in noted().items() if name in set(drawn)}
    counts = Counter(became.values())
    left = {name: mutmut("show", name) for name, kind in became.items() if kind in ("survived", "untested")}
    for name, change in left.items():
        print(f"\n{name}: {became[name]}\n{change}")
    share = counts["noticed"] / max(1, counts.total() - counts["unchecked"])
    told = {"mutants": len(names), "drawn": len(drawn), "seed": chosen.seed, **counts, "noticed_share": round(share, 3)}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**told, "left": left}, indent=1) + "\n")
    print(json.dumps(told))
    return int(share < chosen.least)


if __name__ == "__main__":
    sys.exit(main())
