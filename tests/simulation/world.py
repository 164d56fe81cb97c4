"""A deterministic world: one seed, a virtual clock, and tasks that switch only when they touch the cloud.

A task is an ordinary function that runs in a greenlet. Each call of a simulated service sleeps in virtual time, so that
other tasks run in between, and may meet a fault before or after its effect. Every decision is a hash of the seed, a
kind and a stable label, so that leaving one fault out does not reshuffle the others.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any, TypeVar

import greenlet

from lambdas import read_ahead
from maskmill.core.errors import Unavailable

Result = TypeVar("Result")
SLOW_S = 120.0
LATENCY_MIN_S = 0.005
LATENCY_S = 0.05  # more, at most
STEADY_S = 0.0005  # … in a world in which every call takes nearly the same time, but no two end in the same microsecond
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1
# What may happen to a call of a service, in the order of its share of one throw of the dice: at most one of them.
AT_A_CALL = ("crash_before", "throttle", "crash_after", "ambiguous", "slow")
Step = tuple[float, str, str, str, str]  # the time, who calls, the service, the label, and what came of it
Strike = tuple[str, str, int]  # a fault, the label of where it struck, and how often that had been asked for before


class _AtOnce(Executor):
    """Does at once what is asked of it: threads would play another world every time."""

    def __init__(self, _most: int) -> None:
        super().__init__()

    def submit(self, act: Callable[..., Result], /, *given: Any, **named: Any) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(act(*given, **named))
        except Exception as error:  # noqa: BLE001 - as a thread would keep it until somebody asks
            future.set_exception(error)
        return future


@contextmanager
def _without_threads() -> Iterator[None]:
    real = read_ahead.ThreadPoolExecutor
    read_ahead.ThreadPoolExecutor = _AtOnce  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        read_ahead.ThreadPoolExecutor = real  # type: ignore[misc]


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


class Task(greenlet.greenlet):
    """A function that runs in the world, the moment at which it dies, and how often was deployed before it began."""

    deadline_s = math.inf
    deploys = 0
    name = ""


@dataclass(slots=True)
class World:
    """The clock, the heap of what happens next, and the dice; with `only`, no other fault than these strikes."""

    seed: int
    faults: Faults = field(default_factory=Faults)
    only: frozenset[Strike] | None = None
    now_s: float = 0.0
    met: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    struck: list[Strike] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    left: set[str] = field(default_factory=set)  # the jobs whose users left before an answer
    deploys: int = 0
    calls: int = 0
    invocations: int = 0  # of functions
    trace: list[Step] | None = None  # every call, where somebody wants to know
    is_steady: bool = False  # every call takes nearly the same time
    _heap: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _sequence: int = 0
    _asked: dict[tuple[str, Hashable], int] = field(default_factory=dict)
    _tasks: list[Task] = field(default_factory=list)
    _until_s: float = -math.inf
    _hub: Any = None
    _shares: tuple[tuple[float, str], ...] = ()  # the upper ends of what each fault of a call takes of [0, 1)
    _hindered: float = 0.0
    _salt: int = 0

    def __post_init__(self) -> None:
        shares = accumulate(getattr(self.faults, fault) for fault in AT_A_CALL)
        self._shares = tuple(zip(shares, AT_A_CALL, strict=True))
        self._hindered = self._shares[-1][0]
        self._salt = (self.seed * 0x9E3779B97F4A7C15) & _MASK

    # Dice

    def chance(self, kind: str, label: Hashable) -> float:
        """A number in [0, 1) that depends on the seed, the kind, the label and how often both were asked for."""
        return (self._draw(kind, label)[0] >> 11) / 2**53

    def strikes(self, fault: str, label: Hashable) -> bool:
        """Whether a fault happens here; never after the fault window."""
        likely: float = getattr(self.faults, fault)
        if likely == 0.0:
            return False
        drawn, nth = self._draw(fault, label)
        return (drawn >> 11) / 2**53 < likely and self.now_s <= self.faults.window_s and self._strike(fault, label, nth)

    def _draw(self, kind: str, label: Hashable) -> tuple[int, int]:
        """64 bits of chance (splitmix64), and how often this label was asked for before."""
        where = (kind, label)
        asked = self._asked.get(where)
        if asked is None:
            asked = zlib.crc32(f"{kind}|{label}".encode()) << 20
        self._asked[where] = asked + 1
        value = self._salt + asked
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return value ^ (value >> 31), asked & 0xFFFFF

    def _strike(self, fault: str, label: Hashable, nth: int) -> bool:
        strike = (fault, str(label), nth)
        if self.only is not None and strike not in self.only:
            return False
        self.met[fault] += 1
        self.struck.append(strike)
        return True

    def down_for_s(self, service: str) -> float:
        """For how long a service will not be there yet; 0 when it is there."""
        return max((one.end_s - self.now_s for one in self.outages if one.covers(service, self.now_s)), default=0.0)

    def invokes(self, name: str) -> None:
        """What runs now is a function of this name."""
        self.invocations += 1
        greenlet.getcurrent().name = name

    def redeploy(self) -> None:
        """Everything that runs now dies at its next call."""
        self.deploys += 1

    # Time

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let something happen after a delay."""
        self._sequence += 1
        heapq.heappush(self._heap, (self.now_s + delay_s, self._sequence, action))

    def spawn(self, delay_s: float, task: Callable[[], None], *, limit_s: float = math.inf) -> None:
        """Start a task after a delay; it dies after `limit_s` seconds."""
        self.at(delay_s, partial(self._start, task, limit_s))

    def _start(self, task: Callable[[], None], limit_s: float) -> None:
        started = Task(task)
        started.deadline_s = self.now_s + limit_s
        started.deploys = self.deploys
        self._tasks.append(started)
        started.switch()

    def sleep(self, seconds: float) -> None:
        """Let other tasks run for a while; outside a task it takes no time."""
        task = greenlet.getcurrent()
        if not isinstance(task, Task) or self._hub is None:
            return
        due_s = self.now_s + seconds
        if due_s <= self._until_s and (not self._heap or self._heap[0][0] > due_s):
            self.now_s = due_s  # nobody else has anything to do until then
        else:
            self.at(seconds, task.switch)
            self._hub.switch()

    def doze(self, seconds: float, alarm: Alarm) -> None:
        """Sleep for a while, or until the alarm wakes the sleeper."""
        alarm.sleeper = greenlet.getcurrent()
        alarm.naps += 1
        self.at(seconds, partial(alarm.wake, alarm.naps))
        self._hub.switch()

    def work(self, seconds: float, where: str) -> None:
        """Let other tasks run while this one is busy; it dies when its time is up."""
        task = greenlet.getcurrent()
        if not isinstance(task, Task) or self._hub is None:
            return  # outside a task it takes no time
        due_s = self.now_s + seconds
        if due_s > task.deadline_s:
            self.sleep(task.deadline_s - self.now_s)
            self.met["timed_out"] += 1
            raise Crash(where)
        if due_s <= self._until_s and (not self._heap or self._heap[0][0] > due_s):
            self.now_s = due_s  # nobody else has anything to do until then
        else:
            self.at(seconds, task.switch)
            self._hub.switch()
        if task.deploys < self.deploys:
            task.deploys = self.deploys
            self.marks["killed_by_redeploy"] += 1
            raise Crash(where)

    def call(self, service: str, label: Hashable, effect: Callable[[], Result]) -> Result:
        """One call of a simulated service, with its latency and at most one fault."""
        self.calls += 1
        if self.outages and self.down_for_s(service):
            self.met["outage"] += 1
            raise Unavailable(detail=f"down: {service}:{label}")
        drawn, nth = self._draw(service, label)
        is_hindered = (drawn >> 16) / 2**48 < self._hindered and self.now_s <= self.faults.window_s
        fault = self._fault(drawn, service, label, nth) if is_hindered else None
        if self.trace is not None:
            self.trace.append((self.now_s, _name_of_task(), service, str(label), fault or "done"))
        latency_s = (STEADY_S if self.is_steady else LATENCY_S) * (drawn & 0xFFFF) / 0x10000
        self.work(SLOW_S if fault == "slow" else LATENCY_MIN_S + latency_s, service)
        if fault is None or fault == "slow":
            return effect()
        if fault == "crash_before":
            raise Crash(service)
        if fault == "throttle":
            raise Unavailable(detail=f"throttled: {service}:{label}")
        effect()
        if fault == "crash_after":
            raise Crash(service)
        raise Unavailable(detail=f"timed out: {service}:{label}")

    def _fault(self, drawn: int, service: str, label: Hashable, nth: int) -> str | None:
        """What the dice of one call stand for."""
        fault = next(fault for share, fault in self._shares if (drawn >> 16) / 2**48 < share)
        return fault if self._strike(fault, f"{service}:{label}", nth) else None

    def run(self, until_s: float) -> None:
        """Let everything happen that is due before a moment."""
        self._hub, self._until_s = greenlet.getcurrent(), until_s
        with _without_threads():
            while self._heap and self._heap[0][0] <= until_s:
                self.now_s, _, action = heapq.heappop(self._heap)
                action()
        self.now_s = max(self.now_s, until_s)

    def close(self) -> None:
        """End every task, as nobody else would: what a task holds that sleeps for ever is never freed."""
        self._hub = None
        for task in self._tasks:
            if not task.dead:
                task.throw(greenlet.GreenletExit)
        self._tasks.clear()
        self._heap.clear()

    def now(self) -> datetime:
        """The clock port."""
        return EPOCH + timedelta(seconds=self.now_s)


def _name_of_task() -> str:
    return str(getattr(greenlet.getcurrent(), "name", ""))


@dataclass(slots=True)
class Alarm:
    """What wakes one who dozes, once for each nap."""

    sleeper: Any = None
    naps: int = 0

    def wake(self, nap: int) -> None:
        if self.sleeper is not None and nap == self.naps:
            sleeper, self.sleeper = self.sleeper, None
            sleeper.switch()
