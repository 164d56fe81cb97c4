"""How often and how patiently a call is repeated; it knows no HTTP and no reason why a call failed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

RETRY_AFTER_S_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: before try n + 1, a random part of `first_s` · 2ⁿ, at most `longest_s`."""

    attempts_max: int = 5
    first_s: float = 0.25
    longest_s: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    fraction: Callable[[], float] = random.random

    def is_last(self, attempt: int) -> bool:
        """Whether no further try follows the try number `attempt`, counted from 0."""
        return attempt + 1 >= self.attempts_max

    def pause(self, attempt: int, *, retry_after_s: float | None = None) -> None:
        """Wait before the try that follows `attempt`, at least as long as the other side asked for (within bounds)."""
        jitter_s = self.fraction() * min(self.longest_s, self.first_s * 2**attempt)
        self.sleep(min(retry_after_s or 0.0, RETRY_AFTER_S_MAX) + jitter_s)


@dataclass(slots=True)
class Pace:
    """Pauses between looks at something that changes by itself: short after a change, longer while nothing moves."""

    shortest_s: float
    longest_s: float
    sleep: Callable[[float], None] = time.sleep
    next_s: float = 0.0

    def wait(self) -> None:
        """Sleep once, and longer the next time."""
        self.next_s = min(max(self.shortest_s, self.next_s * 1.5), self.longest_s)
        self.sleep(self.next_s)

    def quicken(self) -> None:
        """Start again with short pauses, because something moved."""
        self.next_s = 0.0
