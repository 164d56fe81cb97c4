"""Published checkpoints from their publishers' addresses into a folder; it knows no service and no model.

A checkpoint whose digest the catalogue knows is kept only if it has that digest. For any other the first download is
trusted: its digest is written beside it (`<file>.sha256`), and from then on nothing else is taken for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx
from pydantic import ValidationError

from maskmill.client.calls import STORAGE_TIMEOUT, open_http, unreachable
from maskmill.client.download import AddressExpired, fetch_resumable
from maskmill.client.folder import hash_file
from maskmill.client.retry import Backoff
from maskmill.core.catalogue import Published
from maskmill.core.engines import segmenter_version
from maskmill.core.errors import Code, MaskmillError, NotFound, Unavailable
from maskmill.core.package import PACKAGE_BYTES_MAX, Manifest

_SPARE_BYTES = 64 * 1024**2  # what a disk should have left
_HASH_DIGITS = 64

Report = Callable[[int, int], None]  # bytes on disk so far, bytes in all


class State(StrEnum):
    """What lies on the disk."""

    MISSING = "missing"
    WHOLE = "whole"  # it is what it must be
    UNKNOWN = "unknown"  # nobody has written down what it must be
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint or a file of a package on the disk; `sha256` is what it has, `expected` what it should have."""

    path: Path
    state: State
    sha256: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A checkpoint on the disk; `is_new` when it came just now, `is_first` when nothing was known to check it by."""

    path: Path
    sha256: str
    version: str
    is_new: bool
    is_first: bool


def fetch_checkpoint(
    published: Published,
    folder: Path,
    *,
    mirror: str | None = None,
    backoff: Backoff,
    report: Report = lambda _done, _total: None,
    transport: httpx.BaseTransport | None = None,
) -> Fetched:
    """Download a checkpoint unless it is there, going on where an earlier try stopped.

    `mirror` is the address of a folder that holds the file under its name. Raises NotFound, Unavailable, OSError, or a
    MaskmillError `checksum_mismatch` (for a file that is not the published one; nothing of it is kept) or
    `quota_exceeded` (for a disk without room).
    """
    path = folder / published.file
    expected = expected_of(published, folder)
    present = look(published, folder)
    if present.state is State.WRONG:
        raise _mismatch(f"{path} is not what it should be", present.sha256, expected, "Move it away and fetch again.")
    if present.state in (State.WHOLE, State.UNKNOWN):
        return _kept(published, present, is_new=False)
    url = f"{mirror.rstrip('/')}/{published.file}" if mirror else published.url
    folder.mkdir(parents=True, exist_ok=True)
    with open_http(STORAGE_TIMEOUT, transport=transport, follow_redirects=True) as http:
        size_bytes = published.size_bytes or _size_at(http, url, published.file)
        _expect_room(path, size_bytes)
        _download(http, url, path, size_bytes, expected, backoff, report)
    return _kept(published, look(published, folder), is_new=True)


def expected_of(published: Published, folder: Path) -> str | None:
    """The digest that a checkpoint must have: the catalogue's, or the one of the first download into this folder."""
    if published.sha256 is not None:
        return published.sha256
    try:
        text = _note_of(folder / published.file).read_text("ascii")[:_HASH_DIGITS]
    except FileNotFoundError:
        return None
    return text if len(text) == _HASH_DIGITS else None


def look(published: Published, folder: Path) -> Found:
    """What lies in the folder under the checkpoint's name, looked at whole."""
    path = folder / published.file
    expected = expected_of(published, folder)
    if not path.exists():
        return Found(path, State.MISSING, expected=expected)
    return _compared(path, expected)


def look_at_package(manifest_path: Path) -> list[Found]:
    """Every file of a package, looked at whole, or the manifest alone when it is none; raises OSError."""
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
    except ValidationError:
        return [Found(manifest_path, State.WRONG)]
    paths = {manifest_path.parent / file.name: file.sha256 for file in manifest.files}
    return [
        _compared(path, sha256) if path.exists() else Found(path, State.MISSING, expected=sha256)
        for path, sha256 in paths.items()
    ]


def _compared(path: Path, expected: str | None) -> Found:
    sha256 = hash_file(path).sha256
    if expected is None:
        return Found(path, State.UNKNOWN, sha256)
    return Found(path, State.WHOLE if sha256 == expected else State.WRONG, sha256, expected)


def _download(
    http: httpx.Client,
    url: str,
    path: Path,
    size_bytes: int,
    expected: str | None,
    backoff: Backoff,
    report: Report,
) -> None:
    def check(part: Path) -> None:
        sha256 = hash_file(part).sha256
        if expected is not None and sha256 != expected:
            what = f"{path.name} from {url} is not the published checkpoint, and nothing of it was kept"
            raise _mismatch(what, sha256, expected, "Try again; if it stays, that address serves another file.")

    tag = expected[:12] if expected else "first"
    try:
        for so_far in fetch_resumable(http, url, path, size_bytes=size_bytes, tag=tag, backoff=backoff, check=check):
            report(so_far, size_bytes)
    except AddressExpired as error:
        message = f"{url} refuses to give {path.name} away without an account. Download it yourself into {path.parent}."
        raise Unavailable(message=message) from error


def _kept(published: Published, found: Found, *, is_new: bool) -> Fetched:
    """What is on the disk now; the digest of a first download is written down."""
    sha256 = found.sha256 or ""
    if found.state is State.UNKNOWN:
        _note_of(found.path).write_text(f"{sha256}  {found.path.name}\n", "ascii")
    version = segmenter_version(published.engine, sha256)
    return Fetched(found.path, sha256, version, is_new=is_new, is_first=found.state is State.UNKNOWN)


def _size_at(http: httpx.Client, url: str, name: str) -> int:
    try:
        answer = http.head(url, headers={"Accept-Encoding": "identity"})
    except httpx.TransportError as exc:
        raise unreachable(url, exc) from exc
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(message=f"There is no {name} at {url}.")
    length = answer.headers.get("content-length", "")
    if not answer.is_success or not length.isdigit() or not 0 < int(length) <= PACKAGE_BYTES_MAX:
        message = f"{url} does not say how large {name} is (status {answer.status_code}). Download it yourself."
        raise Unavailable(message=message)
    return int(length)


def _expect_room(path: Path, size_bytes: int) -> None:
    free = shutil.disk_usage(path.parent).free
    begun = sum(part.stat().st_size for part in path.parent.glob(f".{path.name}.*.part"))
    wanted = size_bytes - begun + _SPARE_BYTES
    if wanted > free:
        message = f"There is no room for {path.name}: {wanted:,} bytes are needed in {path.parent}, {free:,} are free."
        raise MaskmillError(Code.QUOTA_EXCEEDED, message=message)


def _mismatch(what: str, found: str | None, expected: str | None, advice: str) -> MaskmillError:
    message = f"{what}: its SHA-256 is {found}, not {expected}. {advice}"
    return MaskmillError(Code.CHECKSUM_MISMATCH, message=message)


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
