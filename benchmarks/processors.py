"""How much processor time each function of the local stack takes, read from its processes; it knows no request.

Elapsed time grows with whatever else a machine does; processor time does not.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.emulated import descendants, function_of, repeatedly

LOOK_S = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # fields of stat after the command's name; times: own and of ended children


@dataclass
class Processors:
    """Seconds by function below a process, from one look to the next; a process that has ended keeps its last ones."""

    root: int
    _last: dict[int, tuple[str, float]] = field(default_factory=dict)
    _taken: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watched(self) -> AbstractContextManager[None]:
        return repeatedly(self._look, every_s=LOOK_S)

    def take(self) -> dict[str, float]:
        """Seconds of each function since the last time that they were taken."""
        total = self.total()
        found = {name: max(0.0, seconds - self._taken.get(name, 0.0)) for name, seconds in total.items()}
        self._taken = total
        return found

    def total(self) -> dict[str, float]:
        """Seconds of each function since it was first seen."""
        self._look()
        with self._lock:
            total: dict[str, float] = {}
            for name, seconds in self._last.values():
                total[name] = total.get(name, 0.0) + seconds
        return total

    def _look(self) -> None:
        """A function's children work for it; what those took that have ended is their parents'."""
        named = {pid: name for pid in descendants(self.root) if (name := function_of(pid)) is not None}
        for pid, name in named.items():
            stat = _stat(pid)
            if stat is not None and int(stat[_PARENT]) not in named:
                stats = [stat, *filter(None, map(_stat, descendants(pid)[1:]))]
                ticks = sum(sum(map(int, one[_TIMES])) for one in stats)
                with self._lock:
                    self._last[pid] = (name, ticks / _TICKS)


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
