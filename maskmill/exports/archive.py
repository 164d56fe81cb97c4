"""A dataset as one ZIP, written in one pass to a writer that cannot seek; it knows no store and compresses nothing.

Pictures are compressed already. Dates and permissions are fixed, so that the same members give the same bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

NAME_BYTES_MAX = 1024
_DATE = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16
_UNIX = 3


class Writer(Protocol):
    """Anything that takes bytes in order."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; `chunks` is called once, when its turn comes, and gives its bytes in bounded pieces."""

    name: str
    chunks: Callable[[], Iterable[bytes]]


def write_archive(members: Iterable[Member], out: Writer) -> int:
    """Write a ZIP of all members in their order and return how many bytes it has; sizes beyond 4 GiB are possible.

    Raises ValueError for a name that is absolute, leaves the root, has a backslash, a colon or a control character, is
    longer than NAME_BYTES_MAX, or came before.
    """
    sink = _Counting(out)
    seen: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for member in members:
            _check_name(member.name, seen)
            with archive.open(_entry(member.name), "w", force_zip64=True) as target:
                for chunk in member.chunks():
                    target.write(chunk)
    return sink.size_bytes


class _Counting:
    """The writer as a file that can only be written; it counts what went through."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self._out.write(bytes(data))
        self.size_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The writer belongs to the caller."""


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_DATE)
    entry.create_system = _UNIX
    entry.external_attr = _FILE_MODE
    return entry


def is_safe_name(name: str) -> bool:
    """Whether a name stays below the root that it is unpacked into, on every system."""
    is_odd = any(character in "\\:" or not character.isprintable() for character in name)
    is_long = len(name.encode("utf-8", "replace")) > NAME_BYTES_MAX
    return not is_odd and not is_long and all(part not in ("", ".", "..") for part in name.split("/"))


def _check_name(name: str, seen: set[str]) -> None:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} is not a safe name for a file in an archive")
    if name in seen:
        raise ValueError(f"{name!r} is in the archive twice")
    seen.add(name)
