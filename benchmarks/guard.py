"""Whether a change has made worse what is the same on every machine: requests, bytes, sizes; never a time.

    BENCH_RESULTS=build/bench make bench-requests
    python -m benchmarks.guard build/bench

Guarded figures are better the smaller they are. One that has grown by more than a quarter over what stands in
`benchmarks/results` is a loss; one that is new, or is not there any more, is none.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import RESULTS

GROWTH_MAX = 1.25

Guarded = Mapping[str, Mapping[str, float]]


def guarded(folder: Path = RESULTS) -> dict[str, dict[str, float]]:
    """The guarded figures by benchmark of a folder of results."""
    found = {path.stem: json.loads(path.read_text()).get("guarded", {}) for path in sorted(folder.glob("*.json"))}
    return {name: figures for name, figures in found.items() if figures}


def losses(stored: Guarded, fresh: Guarded) -> list[str]:
    """What has grown too much, in words."""
    return [
        f"bench-{name}: {figure} is {value:g}, and was {stored[name][figure]:g}"
        for name, figures in fresh.items()
        for figure, value in figures.items()
        if figure in stored.get(name, {}) and value > stored[name][figure] * GROWTH_MAX
    ]


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    fresh = guarded(Path(arguments[0]))
    found = losses(guarded(), fresh)
    print("\n".join(found) or f"{sum(map(len, fresh.values()))} figures, none worse by more than a quarter")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
