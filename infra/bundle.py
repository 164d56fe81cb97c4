"""What the functions run from: a zip of installed wheels and our own sources, made without Docker; it knows no stack.

A bundle is `build/bundles/<name>-<target>-<hash>.zip`. Its wheels are installed by uv for the target platform from a
lock with hashes, once for each lock; its sources are laid on top, once for each change of them. The same inputs give
the same bytes.

Only what is deployed is bundled: under `cdk synth` and `cdk deploy` of a stack the wheels are installed, which needs
the package index unless they are in uv's cache. When the app is synthesized with the context
`aws:cdk:bundling-stacks=[]`, as the tests do, the functions' code is the folder `lambdas/` alone, and nothing
is installed. `python -m infra.make_bundles <stage>` makes the bundles of a stage ahead of a deployment.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra import bytecode
from infra.slimming import SERVICES, slim

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("build", "bundles")
BYTES_MAX = 250 * 1024 * 1024  # what Lambda accepts, unzipped
KEPT = 4
FORMAT = "6"  # change it when the rules below, or those of what wheels shed, change what a bundle holds
DATE = (1980, 1, 1, 0, 0, 0)


class BundleFailed(RuntimeError):
    """A bundle could not be made; the message says which command failed and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a bundle runs: the Python version, the machine, and uv's name of the platform (None: this machine)."""

    name: str
    python: str
    machine: str
    platform: str | None = None

    @property
    def runs_here(self) -> bool:
        return self.platform is None


AWS = Target(name="arm64-py3.13", python="3.13", machine="arm64", platform="aarch64-manylinux_2_28")
_MACHINE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
HOST = Target(name=f"{sys.platform}-{_MACHINE}-py{bytecode.RUNNING}", python=bytecode.RUNNING, machine=_MACHINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A lock of wheels and the parts of maskmill/ that its functions never import.

    `strips` are patterns of files in the wheels that nobody imports, relative to where they are installed.
    """

    name: str
    lock: str
    leaves_out: tuple[str, ...]
    strips: tuple[str, ...] = ()


_NOT_OF_FUNCTIONS = ("maskmill/cli", "maskmill/client", "maskmill/ops")

CONTROL = Bundle(
    name="control",
    lock="requirements/lambda-control.txt",
    leaves_out=("maskmill/imaging", *_NOT_OF_FUNCTIONS),
)
IMAGING = Bundle(
    name="imaging",
    lock="requirements/lambda-imaging.txt",
    leaves_out=_NOT_OF_FUNCTIONS,
)
EXPORTS = Bundle(
    name="exports",
    lock="requirements/lambda-exports.txt",
    leaves_out=IMAGING.leaves_out,
    strips=(  # pyarrow: only its tables and Parquet are used
        "pyarrow/include/*",
        "pyarrow/includes/*",
        "pyarrow/src/*",
        "pyarrow/*.p[xy][dix]",
        "pyarrow/*flight*",
        "pyarrow/libarrow_s3.*",
        "pyarrow/_s3fs.*",
        "pyarrow/_gcsfs.*",
        "pyarrow/_azurefs.*",
        "pyarrow/_hdfs.*",
        "pyarrow/_orc.*",
    ),
)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished bundle and the hash of everything that went into it."""

    path: Path
    digest: str


@cache
def build(bundle: Bundle, target: Target, *, root: Path = ROOT) -> Built:
    """The bundle's zip, made now or found as it was made before; raises BundleFailed.

    Asked again, a process gets the same zip, even if a source has changed since.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    wheels = _wheels(bundle, target, root=root)
    sources = dict(_sources(root, bundle))
    digest = _digest([wheels.stem, *(f"{name}\0{text}" for name, text in sources.items())])
    path = folder / f"{bundle.name}-{target.name}-{digest}.zip"
    if not path.exists():
        _lay_sources(wheels, sources, target, path)
        _forget_old(folder, f"{bundle.name}-{target.name}-*.zip")
    return Built(path, digest)


def _wheels(bundle: Bundle, target: Target, *, root: Path) -> Path:
    """The zip of the installed wheels of a lock, without what nobody imports."""
    lock, folder = root / bundle.lock, root / FOLDER
    kept = [*sorted(SERVICES), *bundle.strips]
    has_byte_code = bytecode.interpreter(target.python) is not None
    digest = _digest([FORMAT, target.name, str(target.platform), str(has_byte_code), *kept, lock.read_text()])
    path = folder / f"wheels-{bundle.name}-{target.name}-{digest}.zip"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=folder, prefix="installing-") as unfinished:
        installed = Path(unfinished)
        _install(lock, target, installed)
        slim(installed)
        for entry in stripped(installed, bundle):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
        bytecode.compile_all(installed, target.python)
        _write(path, ((entry.relative_to(installed).as_posix(), entry) for entry in _files(installed)))
    return path


def stripped(installed: Path, bundle: Bundle) -> list[Path]:
    """What a bundle leaves out of its wheels, where they are installed."""
    return [entry for pattern in bundle.strips for entry in installed.glob(pattern)]


def _install(lock: Path, target: Target, folder: Path) -> None:
    where = ["--python", sys.executable]
    if target.platform is not None:
        where = ["--python-platform", target.platform, "--python-version", target.python]
    command = [_uv(), "pip", "install", "--quiet", "--target", str(folder), *where]
    command += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(lock)]
    command += [
        "--link-mode",
        "copy",
    ]  # files are made smaller here, which must not reach the cache and what it is linked to
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BundleFailed(f"{' '.join(command)}\n{answer.stderr.strip()}")


def _uv() -> str:
    found = bytecode.uv()
    if found is None:
        raise BundleFailed("uv is needed to install the functions' packages: pip install uv")
    return found


def _sources(root: Path, bundle: Bundle) -> Iterator[tuple[str, str]]:
    for package in ("lambdas", "maskmill"):
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not any(name == part or name.startswith(f"{part}/") for part in bundle.leaves_out):
                yield name, path.read_text()


def _lay_sources(wheels: Path, sources: dict[str, str], target: Target, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="laying-") as folder:
        for name, text in sources.items():
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)
        bytecode.compile_all(Path(folder), target.python)
        _write(path, ((entry.relative_to(folder).as_posix(), entry) for entry in _files(Path(folder))), base=wheels)


def _forget_old(folder: Path, pattern: str) -> None:
    """Every change of a source makes a bundle: keep the last few, for a deployment that is still on its way."""
    made = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in made[KEPT:]:
        path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(entry for entry in folder.rglob("*") if entry.is_file())


def _write(path: Path, files: Iterable[tuple[str, Path]], *, base: Path | None = None) -> None:
    """A zip of the files, after those of `base`; it appears when it is complete."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(descriptor)
    unfinished = Path(name)
    try:
        if base is not None:
            shutil.copyfile(base, unfinished)
        with zipfile.ZipFile(unfinished, "a" if base else "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for entry, source in files:
                info = zipfile.ZipInfo(entry, DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (0o755 if ".so" in source.suffixes else 0o644) << 16
                archive.writestr(info, source.read_bytes())
            size_bytes = sum(info.file_size for info in archive.infolist())
        if size_bytes > BYTES_MAX:
            raise BundleFailed(f"{path.name} holds {size_bytes} bytes; Lambda accepts {BYTES_MAX}")
        unfinished.chmod(0o644)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]
