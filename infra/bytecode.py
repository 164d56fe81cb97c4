"""Byte code for the Python that functions run on, made by a Python of that version; it knows no bundle.

Byte code is taken as it is (PEP 552, `unchecked-hash`), because what unpacks a bundle changes dates, and a function's
folder can only be read: without it every cold start compiles all that it imports.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def uv() -> str | None:
    """The uv that is installed with this interpreter, else the one on the PATH."""
    beside = Path(sys.prefix) / "bin" / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


@cache
def interpreter(version: str) -> str | None:
    """A Python of a version such as `3.13`: this one, one of this machine, or one that uv fetches; None: none."""
    if version == RUNNING:
        return sys.executable
    command = uv()
    if command is None:
        return None
    found = _answer(command, "python", "find", version)
    if found is None and _answer(command, "python", "install", version) is not None:
        found = _answer(command, "python", "find", "--managed-python", version)
    if found is None:
        print(
            f"There is no Python {version} here, and uv could not fetch it: the functions are bundled without byte code"
            " and begin three times as slowly.",
            file=sys.stderr,
        )
    return found


def _answer(*command: str) -> str | None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def compile_all(folder: Path, version: str) -> None:
    """Lay byte code beside every source below a folder, the same for the same sources; nothing without a Python."""
    python = interpreter(version)
    if python is None:
        return
    command = [
        python,
        "-I",
        "-m",
        "compileall",
        "-qq",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        str(folder),
        str(folder),
    ]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
    subprocess.run(command, env=environment, check=False)  # some wheels hold templates that are no Python
