"""Checkpoints as files: found in a folder or in S3, and checked to be what they must be. It knows no tensor.

A package (maskmill/core/package.py) says in its manifest what each of its files must be; what the manifest must be, the
server may be told (PACKAGE_SHA256). A published file must be what the server was told (SEGMENTER_SHA256) or, under its
publisher's own name, what the catalogue says; then its version is known before it is read. Any other file is hashed to
learn its version.

No model answers before its file was hashed whole (verify). Hashing 2.5 GB takes over a second, so it runs beside the
import of torch and the loading (engines.py), and only the first answer can have to wait for it (model.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.errors import Code, NotFound, Unavailable
from maskmill.core.package import MANIFEST, MANIFEST_BYTES_MAX, PACKAGE_BYTES_MAX, Manifest, PackagedFile

_SUFFIXES = (".safetensors", ".pth")
_HELP = "`maskmill models fetch` and `make package-model` make one that fits."


class ModelStore(Protocol):
    """Where a model may lie as objects; the errors are NotFound and Unavailable."""

    def read(self, address: str, *, bytes_max: int) -> bytes:
        """A small object whole."""

    def describe(self, address: str) -> tuple[int, str]:
        """An object's size in bytes and a tag that changes with its content."""

    def download(self, address: str, path: Path, *, bytes_max: int) -> None:
        """An object into a file, piece by piece."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file of weights whose version is known. `files` still have to be hashed (verify) before anything is answered.

    A checkpoint with a `manifest` is a package: the weights lie in its folder, beside its other files.
    """

    path: Path
    version: str
    source_sha256: str
    manifest: Manifest | None = None
    files: tuple[PackagedFile, ...] = ()

    @property
    def is_published(self) -> bool:
        """Whether this is, byte for byte, what a publisher gives away."""
        known = {published.sha256 for published in PUBLISHED.values()}
        return self.manifest is None and self.source_sha256 in known


def find_checkpoint(
    engine: Engine, place: Path, *, sha256: str | None = None, package_sha256: str | None = None
) -> Checkpoint:
    """The checkpoint of an engine at a file or in a folder; raises Unavailable, with what to do, when there is none.

    In a folder it is a package, `<engine>.safetensors`, `<engine>.pth`, or the file under its publisher's name.
    `sha256` is what the published checkpoint must have been, and `package_sha256` what the package's manifest must be.
    """
    if package_sha256 is not None:
        _expect_digest(place / MANIFEST, package_sha256)
    if (place / MANIFEST).exists():
        return _packaged(engine, place, sha256)
    return _single(engine, _file_in(engine, place) if place.is_dir() else place, sha256)


def verify(checkpoint: Checkpoint) -> None:
    """Hash every file that is not hashed yet; raises Unavailable for the first that is not what it must be."""
    for file in checkpoint.files:
        _expect_digest(checkpoint.path.parent / file.name, file.sha256)


def behind_others() -> None:
    """Let this thread's work wait for that of other threads, where the platform can: loading goes before hashing."""
    if sys.platform == "linux":  # where the priority of a thread is its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def fetch_checkpoint(engine: Engine, address: str, cache: Path, store: ModelStore) -> Path:
    """A checkpoint at `s3://bucket/prefix/` or `s3://bucket/key.pth`, as a file or folder below `cache`.

    What was fetched before and has not changed is not fetched again. Raises Unavailable.
    """
    try:
        if address.endswith(_SUFFIXES):
            return _fetched(address, cache, store)
        prefix = address.rstrip("/") + "/"
        try:
            data = store.read(prefix + MANIFEST, bytes_max=MANIFEST_BYTES_MAX)
        except NotFound:
            return _fetched_first([prefix + name for name in _names(engine)], cache, store)
        return _fetched_package(prefix, data, cache, store)
    except NotFound as error:
        raise unusable(f"There is no checkpoint for {engine} at {address}. {_HELP}", error) from error
    except OSError as error:
        raise unusable(f"The checkpoint at {address} cannot be kept in {cache}: {error.strerror}.", error) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; raises Unavailable when it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def unusable(message: str, detail: object) -> Unavailable:
    """The one way in which a checkpoint fails: a state that says what to do."""
    return Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(detail)[:2000])


def _packaged(engine: Engine, folder: Path, sha256: str | None) -> Checkpoint:
    manifest = _manifest_of(folder / MANIFEST)
    if manifest.engine is not engine:
        message = f"The model folder holds {manifest.engine}, but the server is set up for {engine}."
        raise unusable(message, folder)
    if sha256 is not None and manifest.source_sha256 != sha256:
        message = f"The model folder was packaged from another checkpoint of {engine} than the expected one."
        raise unusable(message, f"{manifest.source_sha256}, not {sha256}")
    for file in manifest.files:
        _expect_size(folder / file.name, file.size_bytes)
    path = folder / manifest.weights.name
    return Checkpoint(path, manifest.version, manifest.source_sha256, manifest, manifest.files)


def _single(engine: Engine, path: Path, sha256: str | None) -> Checkpoint:
    published = PUBLISHED.get(engine)
    if sha256 is None and published is not None and path.name == published.file:
        sha256 = published.sha256
    if sha256 is None:
        sha256 = sha256_of(path)
        return Checkpoint(path, segmenter_version(engine, sha256), sha256)
    if published is not None and published.sha256 == sha256 and published.size_bytes is not None:
        _expect_size(path, published.size_bytes)
    file = PackagedFile(name=path.name, size_bytes=max(1, _size_of(path)), sha256=sha256)
    return Checkpoint(path, segmenter_version(engine, sha256), sha256, files=(file,))


def _manifest_of(path: Path) -> Manifest:
    try:
        with path.open("rb") as file:
            return Manifest.model_validate_json(file.read(MANIFEST_BYTES_MAX))
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValidationError as error:
        raise unusable(f"{path.name} of the model folder is damaged. Package the model again.", error) from error


def _names(engine: Engine) -> list[str]:
    published = PUBLISHED.get(engine)
    return [*(f"{engine}{suffix}" for suffix in _SUFFIXES), *([published.file] if published else [])]


def _file_in(engine: Engine, folder: Path) -> Path:
    found = [folder / name for name in _names(engine) if (folder / name).exists()]
    if not found:
        message = f"The checkpoint is missing: {folder} holds neither a package nor {' nor '.join(_names(engine))}."
        raise unusable(f"{message} {_HELP}", folder)
    return found[0]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _expect_size(path: Path, size_bytes: int) -> None:
    found = _size_of(path)
    if found != size_bytes:
        message = f"The file {path.name} is damaged or incomplete: {found:,} of {size_bytes:,} bytes. Copy it again."
        raise unusable(message, path)


def _expect_digest(path: Path, sha256: str) -> None:
    found = sha256_of(path)
    if found != sha256:
        message = f"The file {path.name} is damaged or is another one than expected. Copy it again."
        raise unusable(message, f"sha256 {found}, not {sha256}")


def _unreadable(path: Path, error: OSError) -> Unavailable:
    if isinstance(error, FileNotFoundError):
        return unusable(f"The file {path.name} is missing. Put it into the model folder. {_HELP}", error)
    return unusable(f"The file {path.name} cannot be read.", error)


def _fetched_first(addresses: Sequence[str], cache: Path, store: ModelStore) -> Path:
    for address in addresses[:-1]:
        try:
            return _fetched(address, cache, store)
        except NotFound:
            continue
    return _fetched(addresses[-1], cache, store)


def _fetched(address: str, cache: Path, store: ModelStore) -> Path:
    """One object, in a folder that is named by its address and its content's tag."""
    size_bytes, tag = store.describe(address)
    path = cache / _key(f"{address} {tag}".encode()) / address.rpartition("/")[2]
    _download(address, path, size_bytes, store)
    return path


def _fetched_package(prefix: str, manifest_json: bytes, cache: Path, store: ModelStore) -> Path:
    """A package, in a folder that is named by its manifest; the manifest comes last, so that it is whole or absent."""
    try:
        manifest = Manifest.model_validate_json(manifest_json)
    except ValidationError as error:
        raise unusable(f"{prefix}{MANIFEST} is damaged. Package the model again.", error) from error
    folder = cache / _key(manifest_json)
    for file in manifest.files:
        _download(prefix + file.name, folder / file.name, file.size_bytes, store)
    _put(folder / MANIFEST, lambda path: path.write_bytes(manifest_json))
    return folder


def _download(address: str, path: Path, size_bytes: int, store: ModelStore) -> None:
    if path.exists() and path.stat().st_size == size_bytes:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if size_bytes > min(free, PACKAGE_BYTES_MAX):
        raise unusable(f"{address} does not fit: it has {size_bytes:,} bytes and {free:,} are free.", path)
    _put(path, lambda part: store.download(address, part, bytes_max=size_bytes))
    _expect_size(path, size_bytes)


def _put(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _key(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]
