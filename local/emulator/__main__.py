"""Start the patched emulator in this process. It knows the order of the start, not what a patch does.

Run it with the interpreter of `.venv-emulator` and the environment of `local.emulator.environment`.
"""

import os
import sys
from pathlib import Path

from local.emulator.environment import DEPLOYED_FILE, STATE_VARIABLE
from local.emulator.internals import internal, require_pinned_version
from local.emulator.patches import apply_all


def main() -> int:
    state = os.environ.get(STATE_VARIABLE)
    if not state:
        print(f"{STATE_VARIABLE} must name the state folder; see local/emulator/environment.py", file=sys.stderr)
        return 2
    require_pinned_version()
    apply_all(deployed_file=Path(state) / DEPLOYED_FILE)
    sys.argv = ["ministack"]  # its main() reads the command line
    internal("app").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
