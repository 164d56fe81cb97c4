"""A deterministic world: one seed, a virtual clock, and tasks that switch only when they touch the cloud.

A task is an ordinary function that runs in a greenlet. Each call of a simulated service sleeps in virtual time, so that
other tasks run in between, and may meet a fault before or after its effect. Every decision is a hash of the seed, a
kind and a stable label, so that leaving one fault out does not reshuffle the others.
"""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import greenlet

from maskmill.core.errors import Unavailable

Result = TypeVar("Result")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1


class Crash(BaseException):
    """The task dies here: no handler can catch it by `except Exception`."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely each fault is, from 0 to 1, while the fault window lasts."""

    crash_before: float = 0.0
    crash_after: float = 0.0
    ambiguous: float = 0.0  # the effect happened, the caller hears that the service is unavailable
    throttle: float = 0.0
    slow: float = 0.0
    duplicate: float = 0.0  # a message is delivered twice
    delete_lost: float = 0.0  # a handled message comes again
    late: float = 0.0  # a message is delivered minutes later
    backlog: float = 0.0  # a queue has a long line for a while, and all its messages wait
    request_lost: float = 0.0  # the endpoint forgets a request
    callback_lost: float = 0.0
    callback_twice: float = 0.0
    model_error: float = 0.0
    model_twice: float = 0.0  # the endpoint works on a request twice
    garbage: float = 0.0  # the endpoint writes something that is not an answer
    repeated: float = 0.0  # the SDK makes a write again that had come through
    redeploy: float = 0.0  # each of a few times, everything that runs dies at once
    part_refused: float = 0.0  # a queue takes a batch but for this message
    stale_index: float = 0.0  # an index shows what was so two seconds ago
    expiry_late: float = 0.0  # a row is still there long after its time to live
    event_lost: float = 0.0  # the store does not tell of an upload
    event_twice: float = 0.0
    stream_late: float = 0.0  # changes of rows are told minutes later
    stream_twice: float = 0.0
    socket_gone: float = 0.0  # a client's socket has gone without a word
    capped: float = 0.0  # as many functions run as may: a message is received, and goes back
    skew: float = 0.0  # the clock of an invocation is off by up to five minutes
    not_in_service: float = 0.0  # the endpoint takes no request just now
    request_expired: float = 0.0  # a request has waited too long in the endpoint's own queue
    callback_late: float = 0.0  # a callback comes hours later
    model_killed: float = 0.0  # the model dies at a request, and works on it again
    receiver_away: float = 0.0  # a webhook's receiver hears nothing
    receiver_busy: float = 0.0  # a webhook's receiver hears, and says that it is busy
    window_s: float = 2 * 3600.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which every call of the services whose names hold one of these words is refused."""

    words: tuple[str, ...]
    begin_s: float
    end_s: float

    def covers(self, service: str, now_s: float) -> bool:
        return self.begin_s <= now_s < self.end_s and any(word in service for word in self.words)


@dataclass(slots=True)
class World:
    """The clock, the heap of what happens next, and the dice."""

    seed: int
    faults: Faults = field(default_factory=Faults)
    now_s: float = 0.0
    met: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    outages: list[Outage] = field(default_factory=list)
    deploys: int = 0
    _heap: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _sequence: int = 0
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    _hub: Any = None

    def chance(self, kind: str, label: str) -> float:
        """A number in [0, 1) that depends on the seed, the kind, the label and how often both were asked for."""
        nth = self._seen[kind, label]
        self._seen[kind, label] += 1
        value = (self.seed * 0x9E3779B97F4A7C15 + zlib.crc32(f"{kind}|{label}|{nth}".encode())) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((value ^ (value >> 31)) >> 11) / 2**53

    def strikes(self, fault: str, label: str) -> bool:
        """Whether a fault happens here; never after the fault window."""
        if self.now_s > self.faults.window_s or self.chance(fault, label) >= getattr(self.faults, fault):
            return False
        self.met[fault] += 1
        return True

    def down_for_s(self, service: str) -> float:
        """For how long a service will not be there yet; 0 when it is there."""
        return max((one.end_s - self.now_s for one in self.outages if one.covers(service, self.now_s)), default=0.0)

    def redeploy(self) -> None:
        """Everything that runs now dies at its next call."""
        self.deploys += 1

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let something happen after a delay."""
        self._sequence += 1
        heapq.heappush(self._heap, (self.now_s + delay_s, self._sequence, action))

    def spawn(self, delay_s: float, task: Callable[[], None], *, limit_s: float | None = None) -> None:
        """Start a task after a delay; it dies after `limit_s` seconds."""
        self.at(delay_s, partial(self._start, task, limit_s))

    def _start(self, task: Callable[[], None], limit_s: float | None) -> None:
        started = greenlet.greenlet(task)
        started.deadline_s = None if limit_s is None else self.now_s + limit_s
        started.deploys = self.deploys
        started.switch()

    def sleep(self, seconds: float) -> None:
        """Let other tasks run for a while; outside a task it only moves the clock."""
        current = greenlet.getcurrent()
        if current is self._hub or self._hub is None:
            return
        self.at(seconds, current.switch)
        self._hub.switch()

    def work(self, seconds: float, where: str) -> None:
        """Let other tasks run while this one is busy; it dies when its time is up."""
        deadline_s = getattr(greenlet.getcurrent(), "deadline_s", None)
        if deadline_s is not None and self.now_s + seconds > deadline_s:
            self.sleep(deadline_s - self.now_s)
            self.met["timed_out"] += 1
            raise Crash(where)
        self.sleep(seconds)
        current = greenlet.getcurrent()
        if getattr(current, "deploys", self.deploys) < self.deploys:
            current.deploys = self.deploys
            self.marks["killed_by_redeploy"] += 1
            raise Crash(where)

    def call(self, service: str, label: str, effect: Callable[[], Result]) -> Result:
        """One call of a simulated service, with its latency and its faults."""
        where = f"{service}:{label}"
        if self.outages and self.down_for_s(service):
            self.met["outage"] += 1
            raise Unavailable(detail=f"down: {where}")
        latency_s = 120.0 if self.strikes("slow", where) else 0.005 + 0.05 * self.chance("latency", where)
        self.work(latency_s, where)
        if self.strikes("crash_before", where):
            raise Crash(where)
        if self.strikes("throttle", where):
            raise Unavailable(detail=f"throttled: {where}")
        result = effect()
        if self.strikes("crash_after", where):
            raise Crash(where)
        if self.strikes("ambiguous", where):
            raise Unavailable(detail=f"timed out: {where}")
        return result

    def run(self, until_s: float) -> None:
        """Let everything happen that is due before a moment."""
        self._hub = greenlet.getcurrent()
        while self._heap and self._heap[0][0] <= until_s:
            self.now_s, _, action = heapq.heappop(self._heap)
            action()
        self.now_s = max(self.now_s, until_s)

    def now(self) -> datetime:
        """The clock port."""
        return EPOCH + timedelta(seconds=self.now_s)
