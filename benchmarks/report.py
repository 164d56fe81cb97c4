"""Where a benchmark's figures go: one line, `benchmarks/results/NAME.json`, and its own part of docs/performance.md.

With the variable BENCH_RESULTS naming a folder, the file goes there and the page stays as it is: for figures that are
to be compared with what stands (`benchmarks/guard.py`). It knows no benchmark.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
FOLDER_VARIABLE = "BENCH_RESULTS"
_END = "<!-- end of what is written -->"

Figure = float | int | str


def keep(
    name: str,
    figures: Mapping[str, Figure],
    *,
    text: str,
    machine: Mapping[str, Any],
    guarded: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write a run of bench-NAME down and print its line.

    `text` is what the page says between its marks; `guarded` are those of the figures that are the same on every
    machine, and better the smaller they are.
    """
    found = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": dict(machine),
        "figures": dict(figures),
        "guarded": {figure: figures[figure] for figure in guarded},
        "details": dict(details or {}),
    }
    elsewhere = os.environ.get(FOLDER_VARIABLE)
    folder = Path(elsewhere) if elsewhere else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    if not elsewhere:
        PAGE.write_text(rewritten(PAGE.read_text(), f"bench-{name}", text))
    print(f"bench-{name} " + " ".join(f"{figure}={value}" for figure, value in figures.items()), flush=True)


def rewritten(page: str, target: str, text: str) -> str:
    """The page with what `make TARGET` writes on it anew; raises KeyError where it has no place."""
    before, marked, rest = page.partition(f"<!-- written by make {target} -->\n")
    _, end, after = rest.partition(_END)
    if not (marked and end):
        raise KeyError(target)
    return f"{before}{marked}{text.strip()}\n{end}{after}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
