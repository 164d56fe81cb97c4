"""New photos of a folder, as soon as each is whole; it knows no service and no terminal.

A camera, a browser or a copy writes a file bit by bit. A file is taken once its size and time have not changed for a
while, together with the others of its burst, and once only, unless it changes again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from maskmill.client.folder import Found, LocalFile, find_files
from maskmill.core.errors import Code, MaskmillError, Unavailable
from maskmill.core.limits import UPLOADS_PER_CALL_MAX

LOOK_EVERY_S = 1.0
QUIET_S = 2.0
BURST_S_MAX = 30.0
PAUSE_S_MAX = 60.0


class _State(Enum):
    NEW = auto()
    TAKEN = auto()
    HELD = auto()  # it could not be handled; it comes again together with the next new file


@dataclass(slots=True)
class _Seen:
    size_bytes: int
    mtime_ns: int
    since_s: float
    state: _State = _State.NEW


class FolderWatch:
    """What of some folders is new since the last look."""

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        recursive: bool = False,
        quiet_s: float = QUIET_S,
        burst_s_max: float = BURST_S_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = tuple(folders)
        self._recursive = recursive
        self._quiet_s = quiet_s
        self._burst_s_max = burst_s_max
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}

    def look(self) -> Found:
        """The files to handle now, at most one call's worth; none while a burst is still coming in."""
        now_s = self._clock()
        files = {file.path: file for file in self._present(now_s)}
        self._seen = {path: seen for path, seen in self._seen.items() if path in files}
        fresh = {path: seen for path, seen in self._seen.items() if seen.state is _State.NEW and seen.size_bytes}
        whole = [path for path, seen in fresh.items() if now_s - seen.since_s >= self._quiet_s]
        if not whole or self._is_burst(fresh, whole, now_s):
            return Found()
        held = [path for path, seen in self._seen.items() if seen.state is _State.HELD]
        taken = [*whole, *held][:UPLOADS_PER_CALL_MAX]
        for path in taken:
            self._seen[path].state = _State.TAKEN
        return Found(files=[file for path, file in files.items() if path in set(taken)])

    def give_back(self, found: Found) -> None:
        """These were not handled, and may be at any time."""
        self._mark(found, _State.NEW)

    def hold(self, found: Found) -> None:
        """These cannot be handled as things are; they come again with the next new file."""
        self._mark(found, _State.HELD)

    def _mark(self, found: Found, state: _State) -> None:
        for file in found.files:
            if file.path in self._seen:
                self._seen[file.path].state = state

    def _present(self, now_s: float) -> Iterator[LocalFile]:
        for file in find_files(self._folders, recursive=self._recursive).files:
            try:
                found = file.path.stat()
            except OSError:
                continue  # it went away between two looks
            known = self._seen.get(file.path)
            if known is None or (known.size_bytes, known.mtime_ns) != (found.st_size, found.st_mtime_ns):
                self._seen[file.path] = _Seen(found.st_size, found.st_mtime_ns, now_s)
            yield file

    def _is_burst(self, fresh: dict[Path, _Seen], whole: list[Path], now_s: float) -> bool:
        """Whether it is worth waiting for the files that still grow."""
        first_s = min(fresh[path].since_s for path in whole)
        is_late = now_s - first_s > self._burst_s_max or len(whole) >= UPLOADS_PER_CALL_MAX
        return len(whole) < len(fresh) and not is_late


def follow(
    watch: FolderWatch,
    handle: Callable[[Found], None],
    *,
    failed: Callable[[MaskmillError], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Hand new files to `handle` until the caller is interrupted; raises only the error that a sign-in has ended.

    While the service is not available the same files are tried again, less and less often.
    """
    failures = 0
    while True:
        found = watch.look()
        pause_s = LOOK_EVERY_S
        if found.files:
            try:
                handle(found)
                failures = 0
            except Unavailable as error:
                watch.give_back(found)
                failed(error)
                pause_s = min(PAUSE_S_MAX, LOOK_EVERY_S * 2**failures)
                failures += 1
            except MaskmillError as error:
                if error.code is Code.UNAUTHENTICATED:
                    raise
                watch.hold(found)
                failed(error)
        sleep(pause_s)
