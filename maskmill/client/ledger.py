"""What an earlier sync put into a folder, so that the next one fetches only what differs; it knows no service.

Without this file everything whose bytes the service does not announce (sources, masks, annotations) is fetched again.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from maskmill.client.folder import RESULT_MARK, Hashed
from maskmill.core.model import Model


class Entry(Model):
    """A file as it was fetched: which thing it is (`identity`), its bytes, and the store's name for them."""

    identity: str
    size_bytes: int
    sha256: str
    etag: str | None = None

    @property
    def hashed(self) -> Hashed:
        return Hashed(size_bytes=self.size_bytes, sha256=self.sha256)


class _Content(Model):
    version: int = 1
    files: dict[str, Entry] = {}


class Ledger:
    """The entries of one result folder; `save` writes them, complete or not at all.

    What came by different marks does not know of each other, so that one folder can hold several exports.
    """

    def __init__(self, out: Path, *, mark: str = RESULT_MARK) -> None:
        self._path = out / mark
        self._entries = self._read()

    def get(self, name: str, identity: str) -> Entry | None:
        """The entry of a file, if it is the same thing that is wanted now."""
        entry = self._entries.get(name)
        return entry if entry is not None and entry.identity == identity else None

    def put(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry

    def of(self, identity: str) -> list[tuple[str, Entry]]:
        """The files that came with one thing."""
        return [(name, entry) for name, entry in self._entries.items() if entry.identity == identity]

    def others(self, names: set[str]) -> list[tuple[str, Entry]]:
        """The files that are not among `names`."""
        return [(name, entry) for name, entry in self._entries.items() if name not in names]

    def drop(self, name: str) -> None:
        del self._entries[name]

    def save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(self._path.name + ".part")
        temporary.write_text(_Content(files=self._entries).model_dump_json(), "utf-8")
        os.replace(temporary, self._path)

    def _read(self) -> dict[str, Entry]:
        try:
            return dict(_Content.model_validate_json(self._path.read_bytes()).files)
        except (OSError, ValidationError):
            return {}  # then more is fetched than needed, and nothing is wrong
