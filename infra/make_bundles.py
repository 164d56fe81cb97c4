"""Makes the bundles of a stage ahead of its deployment, so that the deployment itself needs no package index.

    python -m infra.make_bundles local

It knows neither stacks nor AWS.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.bundle import CONTROL, EXPORTS, IMAGING, build
from infra.config import Stage
from infra.context import chosen


def make(stage: Stage) -> list[Path]:
    """The zips of all bundles of a stage; raises BundleFailed."""
    return [build(bundle, stage.target).path for bundle in (CONTROL, IMAGING, EXPORTS)]


def main() -> None:
    stage = chosen({"stage": sys.argv[1] if len(sys.argv) > 1 else None})
    for path in make(stage):
        print(path)


if __name__ == "__main__":
    main()
