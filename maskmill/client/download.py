"""One file from an address of the service's to its place on disk, checked and then renamed; it knows no jobs.

A file is complete or absent under its name: bytes go to a hidden name first. A large file can go on where an earlier
try stopped, provided that the store still has the same one (ETag).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from maskmill.client.folder import Hashed, hash_file
from maskmill.client.retry import Backoff
from maskmill.core.errors import Code, MaskmillError, NotFound, Unavailable

FILE_BYTES_MAX = 2 * 1024**3  # for a file whose size is not announced
_PIECE_BYTES = 256 * 1024
_NO_CODING = {"Accept-Encoding": "identity"}


class AddressExpired(Exception):
    """The address is not accepted any more; the service hands out another one."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file in the store and, where it is known, what it must be."""

    url: str
    size_bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None  # of the copy on disk: do not send the same one again


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies on disk now; `is_new` is False when the store said that the copy on disk is the same."""

    hashed: Hashed | None
    etag: str | None
    is_new: bool


def fetch(storage: httpx.Client, remote: Remote, path: Path, *, backoff: Backoff) -> Fetched:
    """Download a file; raises AddressExpired, NotFound, Unavailable, MaskmillError `checksum_mismatch`, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    for attempt in range(backoff.attempts_max):
        try:
            return _fetch_once(storage, remote, path, part)
        except httpx.TransportError as exc:
            failure: MaskmillError = _broken(path, repr(exc))
        except (Unavailable, _Differs) as error:
            failure = error
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        if backoff.is_last(attempt):
            raise failure
        backoff.pause(attempt)
    raise Unavailable(detail="downloaded too often")


def fetch_resumable(
    storage: httpx.Client,
    url: str,
    path: Path,
    *,
    size_bytes: int,
    tag: str,
    backoff: Backoff,
    check: Callable[[Path], None] = lambda _: None,
) -> Iterator[int]:
    """Download a large file, going on where an earlier try of the same `tag` stopped; yields the bytes on disk so far.

    Tries are counted from the last one that brought something new. `check` looks at the whole file before it gets its
    name; when it raises, nothing is kept. Raises what `fetch` and `check` raise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part, note = path.with_name(f".{path.name}.{tag}.part"), path.with_name(f".{path.name}.{tag}.etag")
    attempt, reached = 0, 0
    while True:
        try:
            for so_far in _go_on(storage, url, path, (part, note), size_bytes=size_bytes):
                attempt, reached = (0, so_far) if so_far > reached else (attempt, reached)
                yield so_far
            break
        except httpx.TransportError as exc:
            failure: MaskmillError = _broken(path, repr(exc))
        except (Unavailable, _Differs) as error:
            failure = error
        if backoff.is_last(attempt):
            raise failure
        backoff.pause(attempt)
        attempt += 1
    try:
        check(part)
        os.replace(part, path)
        note.unlink(missing_ok=True)
    except MaskmillError:
        part.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        raise


class _Differs(MaskmillError):
    default_code = Code.CHECKSUM_MISMATCH


def _fetch_once(storage: httpx.Client, remote: Remote, path: Path, part: Path) -> Fetched:
    headers = _NO_CODING | ({"If-None-Match": remote.etag} if remote.etag else {})
    with storage.stream("GET", remote.url, headers=headers) as answer:
        if answer.status_code == httpx.codes.NOT_MODIFIED and remote.etag:
            return Fetched(hashed=None, etag=remote.etag, is_new=False)
        _refuse_failure(answer, path)
        digest, size_bytes = hashlib.sha256(), 0
        bytes_max = FILE_BYTES_MAX if remote.size_bytes is None else remote.size_bytes
        with part.open("wb") as file:
            for piece in answer.iter_bytes(_PIECE_BYTES):
                size_bytes += len(piece)
                if size_bytes > bytes_max:
                    raise _differs(path, "it is larger than announced")
                digest.update(piece)
                file.write(piece)
    found = Hashed(size_bytes=size_bytes, sha256=digest.hexdigest())
    if remote.size_bytes is not None and found.size_bytes != remote.size_bytes:
        raise _differs(path, f"{found.size_bytes} bytes instead of {remote.size_bytes}")
    if remote.sha256 is not None and found.sha256 != remote.sha256:
        raise _differs(path, f"sha256 {found.sha256}")
    os.replace(part, path)
    return Fetched(hashed=found, etag=answer.headers.get("etag"), is_new=True)


def _go_on(storage: httpx.Client, url: str, path: Path, kept: tuple[Path, Path], *, size_bytes: int) -> Iterator[int]:
    part, note = kept
    start = part.stat().st_size if part.exists() else 0
    etag = note.read_text("utf-8") if note.exists() else ""
    if start > size_bytes or not etag:
        start = 0
    if start == size_bytes:
        return
    headers = _NO_CODING | ({"Range": f"bytes={start}-", "If-Match": etag} if start else {})
    with storage.stream("GET", url, headers=headers) as answer:
        if answer.status_code in (httpx.codes.PRECONDITION_FAILED, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE):
            part.unlink(missing_ok=True)  # another file lies there now: begin again
            raise _broken(path, "another file lies there now")
        _refuse_failure(answer, path)
        if not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
            start = 0  # the whole file comes
        note.write_text(answer.headers.get("etag", ""), "utf-8")
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            for piece in answer.iter_bytes():
                start += len(piece)
                if start > size_bytes:
                    break
                file.write(piece)
                yield start
    if start != size_bytes:
        part.unlink(missing_ok=True)
        raise _differs(path, f"{start} bytes instead of {size_bytes}")


def _refuse_failure(answer: httpx.Response, path: Path) -> None:
    if answer.is_success:
        return
    status = answer.status_code
    if status in (httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED):
        raise AddressExpired
    words = f"{path.name} could not be downloaded: the store answered {status}."
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise NotFound(message=words)
    if status >= 500 or status in (408, 429):
        raise Unavailable(message=words)
    raise MaskmillError(Code.INTERNAL, message=words)


def _broken(path: Path, detail: str) -> Unavailable:
    return Unavailable(message=f"{path.name} could not be downloaded: the connection broke.", detail=detail)


def _differs(path: Path, detail: str) -> _Differs:
    return _Differs(message=f"{path.name} is not what the service announced: {detail}.", detail=detail)


def has_content(path: Path, hashed: Hashed) -> bool:
    """Whether the file on disk has exactly these bytes; the size is looked at first, because that is cheap."""
    try:
        return path.stat().st_size == hashed.size_bytes and hash_file(path) == hashed
    except OSError:
        return False
