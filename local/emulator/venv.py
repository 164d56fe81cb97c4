"""Make the minimal environment that runs the emulator. It does not start it.

Lambda handlers run with the emulator's interpreter and can import whatever is installed next to it. So this
environment holds the emulator and what it needs, nothing of Maskmill: a dependency that a function's package forgot
is missing here as well.
"""

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "emulator.txt"
STAMP = "installed"


class VenvFailed(RuntimeError):
    """The environment could not be made; the message carries the installer's output."""


def ensure_venv(folder: Path) -> Path:
    """Make or refresh the environment in `folder` (`.venv-emulator`) and give its interpreter."""
    python = folder / "bin" / "python"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / STAMP
    if python.exists() and stamp.exists() and stamp.read_text() == digest:
        return python
    if importlib.util.find_spec("uv") is not None:
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        install = [*uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        install = [str(python), "-m", "pip", "install", "--quiet"]
    _run([*install, "--require-hashes", "--requirement", str(REQUIREMENTS)])
    stamp.write_text(digest)
    return python


def _run(command: list[str]) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise VenvFailed(f"{' '.join(command)} failed:\n{(answer.stdout + answer.stderr).strip()[-2000:]}")
