"""What the model server has done since it started, as numbers; it knows no request, no picture and no name of one.

Counters only grow. Phases are seconds of work added up over all threads, so that together they may exceed the uptime.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

_PROCESS = Path("/proc/self")


class Count(StrEnum):
    """What is counted."""

    INVOCATIONS = "invocations"
    IMAGES = "images"
    PROMPTS = "prompts"
    MASKS = "masks"
    EMBEDS = "embeds"
    HITS_MEMORY = "embedding_hits_memory"
    HITS_STORE = "embedding_hits_store"
    STORED = "embeddings_stored"
    UNSTORED = "embeddings_not_stored"
    UNUSABLE = "embeddings_unusable"


class Phase(StrEnum):
    """What takes time, in the order in which an image goes through it."""

    DOWNLOAD = "download"
    DECODE = "decode"
    EMBED = "embed"
    SEGMENT = "segment"
    ENCODE = "encode"


class Telemetry:
    """Counters of one server; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._lock = threading.Lock()
        self._started_s = clock()
        self._counts: Counter[Count] = Counter()
        self._failures: Counter[str] = Counter()
        self._phases_s: dict[Phase, float] = dict.fromkeys(Phase, 0.0)
        self._running = 0
        self._busy_since_s = 0.0
        self._busy_s = 0.0

    def add(self, count: Count, number: int = 1) -> None:
        with self._lock:
            self._counts[count] += number

    def fail(self, code: str) -> None:
        """Count an image or a request that ended with this code."""
        with self._lock:
            self._failures[code] += 1

    def spend(self, phase: Phase, seconds: float) -> None:
        with self._lock:
            self._phases_s[phase] += seconds

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Add the time of the block to a phase, also when it fails."""
        began = self._clock()
        try:
            yield
        finally:
            self.spend(phase, self._clock() - began)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """The block is an invocation at work."""
        with self._lock:
            self._running += 1
            if self._running == 1:
                self._busy_since_s = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    self._busy_s += self._clock() - self._busy_since_s

    def snapshot(self) -> dict[str, Any]:
        """Everything as JSON's own types: counts, seconds by phase, failures by code, and the process itself."""
        with self._lock:
            now = self._clock()
            uptime_s = now - self._started_s
            busy_s = self._busy_s + (now - self._busy_since_s if self._running else 0.0)
            return {
                "uptime_s": round(uptime_s, 3),
                "busy_share": round(busy_s / uptime_s, 4) if uptime_s > 0 else 0.0,
                "running": self._running,
                **{count.value: self._counts[count] for count in Count},
                "failures": dict(sorted(self._failures.items())),
                "seconds": {phase.value: round(seconds, 6) for phase, seconds in self._phases_s.items()},
                "process": process_facts(),
            }


def process_facts() -> dict[str, int]:
    """Memory in bytes, threads and open files of this process; empty where the system has no /proc."""
    try:
        status = (_PROCESS / "status").read_text()
        files = sum(1 for _ in (_PROCESS / "fd").iterdir())
    except OSError:
        return {}
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {
        "rss_bytes": int(fields["VmRSS"].split()[0]) * 1024,
        "rss_most_bytes": int(fields["VmHWM"].split()[0]) * 1024,
        "threads": int(fields["Threads"]),
        "files": files,
    }
