"""All benchmarks of a service's speed, one after the other, in a quarter of an hour; then what has become worse.

    python -m benchmarks [NAME …]

Each runs in a process of its own. Those of the models and of the browser (bench-sam, bench-server, bench-page,
bench-classic) take longer or need more than this repository, and are run by name.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.guard import guarded, losses
from benchmarks.report import ROOT

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "requests": ("--images", "1000", "--emulated", "24"),
    "plan": (),
    "init": (),
    "throughput": ("--images", "40"),
    "exports": (),
    "edits": (),
    "render": (),
    "codecs": (),
}
PEERS = ROOT / ".venv-bench" / "bin" / "python"  # .venv and the libraries that it is measured beside
BESIDE_PEERS = {"edits"}


def main(names: Sequence[str]) -> int:
    """Ends with 1 if a benchmark failed, or a guarded figure grew by more than a quarter."""
    stood, failed = guarded(), []
    for name in names or BENCHMARKS:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        python = PEERS if name in BESIDE_PEERS else sys.executable
        command = [str(python), "-m", f"benchmarks.{name}", *BENCHMARKS[name]]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(f"bench-{name} failed")
        print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
    worse = losses(stood, guarded())
    print("\n" + ("\n".join(failed + worse) or "Nothing failed, and nothing became worse by more than a quarter."))
    return 1 if failed or worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
