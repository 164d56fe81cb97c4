"""Which files of a folder are photos, and their hashes; it knows no service and never decodes.

A file is taken by its extension, because reading every file of a folder would be slow; what it really is is decided by
its bytes, after the upload. Files that are named one by one are taken whatever they are called.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from maskmill.core.limits import FILENAME_BYTES_MAX, NAME_CHARS_MAX

_READ = ("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff")
_REFUSED_WITH_A_HINT = ("heic", "heif", "avif", "gif", "jp2", "ppm", "pgm")  # rather than passed over
EXTENSIONS = frozenset(f".{name}" for name in (*_READ, *_REFUSED_WITH_A_HINT))
RESULT_MARK = ".maskmill-sync.json"
_RESULT_MARKS = ".maskmill-*.json"  # a folder that holds one of these is a result, not a source
_CHUNK_BYTES = 1024 * 1024
_UNPRINTED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OF_NO_WIDTH = frozenset("\u200b\u2060\ufeff")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to send: where it is and the name under which the dataset will know it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not sent, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Found:
    """What a search found, in order."""

    files: list[LocalFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hashed:
    """The identity of a file's bytes."""

    size_bytes: int
    sha256: str


def find_files(paths: Iterable[Path], *, recursive: bool = False) -> Found:
    """The photos among files and in folders; hidden files and folders are passed over without a word."""
    found = Found()
    for path in paths:
        if path.is_dir():
            for entry in _entries(path, recursive=recursive, found=found):
                _sort_out(entry, name=_name(entry.relative_to(path)), found=found)
        else:
            found.files.append(LocalFile(path, _name(Path(path.name))))
    return found


def folder_name(source: Path) -> str:
    """The name of a folder, or of a single photo's folder, as a dataset may have it."""
    place = source.resolve()
    name = (place if place.is_dir() else place.parent).name
    return name.encode("utf-8", "replace").decode("utf-8").strip()[:NAME_CHARS_MAX].strip() or "photos"


def hash_file(path: Path) -> Hashed:
    """SHA-256 and size of a file, read in pieces; raises OSError."""
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
            size_bytes += len(piece)
    return Hashed(size_bytes=size_bytes, sha256=digest.hexdigest())


def _entries(folder: Path, *, recursive: bool, found: Found) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        kept = [name for name in folders if not name.startswith(".") and not _is_result(Path(place, name))]
        folders[:] = sorted(kept, key=_order) if recursive else []
        if not recursive:
            found.left_out += [LeftOut(_name(Path(name)), "a folder (--recursive looks into it)") for name in kept]
        yield from (Path(place, name) for name in sorted(names, key=_order) if not name.startswith("."))


def _is_result(folder: Path) -> bool:
    return next(folder.glob(_RESULT_MARKS), None) is not None


def _sort_out(path: Path, *, name: str, found: Found) -> None:
    if path.name.lower().endswith(".mask.png"):
        found.left_out.append(LeftOut(name, "a mask"))
    elif path.suffix.lower() not in EXTENSIONS:
        found.left_out.append(LeftOut(name, "not a picture by its name"))
    elif reason := _unusable(path):
        found.left_out.append(LeftOut(name, reason))
    else:
        found.files.append(LocalFile(path, name))


def _unusable(path: Path) -> str | None:
    try:
        return None if stat.S_ISREG(path.stat().st_mode) else "not a regular file"
    except OSError as exc:
        return f"cannot be read: {exc.strerror}"


def _order(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _name(relative: Path) -> str:
    """A name that the service takes: UTF-8, printable, within the limit; the end, with its extension, is kept."""
    decoded = os.fsencode(relative.as_posix()).decode("utf-8", "replace")
    text = "".join(char if _is_plain(char) else "\N{REPLACEMENT CHARACTER}" for char in decoded)
    encoded = text.encode()
    text = text if len(encoded) <= FILENAME_BYTES_MAX else encoded[-FILENAME_BYTES_MAX:].decode("utf-8", "ignore")
    return text if text.strip(" .") else "unnamed"


def _is_plain(char: str) -> bool:
    """Whether a character shows what it is: no control, line break, space of no width or mark that turns it round."""
    return unicodedata.category(char) not in _UNPRINTED and char not in _DIRECTION_MARKS | _OF_NO_WIDTH
