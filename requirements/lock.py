"""Resolve every pinned requirements file again, all consistent with requirements/dev.txt; it installs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RESOLVE = [
    sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header",
    "--no-annotate", "--python-version", "3.11",
]  # fmt: skip
EXTRAS = {
    "dev": ("exports", "lambdas", "infra", "inference", "local", "dev"),
    "demo": ("lambdas", "infra", "inference", "local"),
}
LISTS = ("lambda-control", "lambda-imaging", "lambda-exports", "emulator", "inference", "lane", "transformers", "onnx")


def main() -> None:
    for name, extras in EXTRAS.items():
        chosen = [part for extra in extras for part in ("--extra", extra)]
        _resolve([*chosen, str(FOLDER.parent / "pyproject.toml")], name)
    for name in LISTS:
        _resolve(["--constraint", str(FOLDER / "dev.txt"), str(FOLDER / f"{name}.in")], name)
    _resolve([str(FOLDER / "loaders.in")], "loaders")  # in an environment of its own: it needs older libraries
    _resolve([str(FOLDER / "audit.in")], "audit")  # programs with libraries of their own choice
    _resolve([str(FOLDER / "mutants.in")], "mutants")
    _resolve(["--no-deps", str(FOLDER / "photos.in")], "photos")  # unpacked for its pictures, never imported
    _resolve(["--no-deps", str(FOLDER / "bench.in")], "bench")  # beside .venv, whose torch and OpenCV they are to use
    _resolve(["--no-deps", str(FOLDER / "openvino.in")], "openvino")  # without the package that reports its use


def _resolve(arguments: list[str], name: str) -> None:
    output = FOLDER / f"{name}.txt"
    subprocess.run([*RESOLVE, *arguments, "--output-file", str(output)], check=True)


if __name__ == "__main__":
    main()
