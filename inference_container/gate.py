"""How many invocations run and wait at once, and when none is left; it knows no HTTP and no model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maskmill.core.errors import Code, Unavailable


class Gate:
    """Lets `running_max` callers through at once, `waiting_max` wait, refuses others and, once closed, all new."""

    def __init__(self, *, running_max: int, waiting_max: int, clock: Callable[[], float]) -> None:
        self._places = running_max + waiting_max
        self._slots = threading.Semaphore(running_max)
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._is_open = True

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def is_empty(self) -> bool:
        return self._inside == 0

    def close(self) -> None:
        """Refuse everything new from now on; those inside finish. Safe in a signal handler: it takes no lock."""
        self._is_open = False

    @contextmanager
    def passage(self, deadline: float) -> Iterator[None]:
        """Wait for a slot until `deadline` (a reading of the clock); raises Unavailable when there is none."""
        self._enter()
        try:
            if not self._slots.acquire(timeout=max(0.0, deadline - self._clock())):
                raise Unavailable(Code.UNAVAILABLE, message="The model server was busy for too long. Try again.")
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if not self._is_open:
                raise Unavailable(Code.UNAVAILABLE, message="The model server is shutting down. Try again.")
            if self._inside >= self._places:
                raise Unavailable(Code.UNAVAILABLE, message="The model server is busy. Try again in a moment.")
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
