"""The stream of the table and push_progress behind it, with what must hold of the events that it writes.

Changes of a partition come in order, those of different partitions do not; any of them may come late, in pieces, and
again. What is told is checked when it is written and once more at rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lambdas.push_progress import logic as push_progress
from lambdas.push_progress.tallies import Tallies
from lambdas.serve_api.ports import Ports
from maskmill.core import job as jobs
from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.event import Event
from maskmill.core.item import TERMINAL, ItemStatus
from maskmill.core.job import ENDED, Counts, JobStatus
from maskmill.core.rows import JobState
from maskmill.core.table import Key, Row, RowChange
from tests.simulation.cloud import Call, MemoryQueues, MemorySockets, MemoryTable
from tests.simulation.listeners import Listener
from tests.simulation.shaky import ShakySockets
from tests.simulation.world import Crash, World

TOLD_OF = (rows.JOB_PREFIX, rows.CHUNK_PREFIX, rows.EXPORT_PREFIX)
BATCH = 10
WAIT_S = 1.0
LIMIT_S = 290.0  # that the function may run; longer than it may, so that runs meet at the same job
PROCESSES = 2
ITEM_ORDER = {ItemStatus.PENDING: 0, ItemStatus.SEGMENTING: 1, ItemStatus.RENDERING: 2, **dict.fromkeys(TERMINAL, 3)}
JOB_ORDER = {
    JobStatus.ACCEPTED: 0,
    JobStatus.PLANNING: 1,
    JobStatus.RUNNING: 2,
    JobStatus.FINISHING: 3,
    **dict.fromkeys(ENDED, 4),
}


@dataclass(slots=True)
class Live:
    """Delivers the changes of a table, partition by partition, and watches what becomes of them."""

    world: World
    table: MemoryTable
    queues: MemoryQueues
    api: Ports
    asks_anyway: bool = True
    violations: list[str] = field(default_factory=list)
    _waiting: dict[str, list[RowChange]] = field(default_factory=lambda: defaultdict(list))
    _had: dict[tuple[str, int], set[ItemStatus]] = field(default_factory=lambda: defaultdict(set))
    _last: dict[str, Event] = field(default_factory=dict)  # what was told last, by partition
    _processes: dict[int, Tallies] = field(default_factory=dict)
    _sockets: MemorySockets = field(init=False)
    _listeners: list[Listener] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table.watch.append(self._committed)
        table = MemoryTable(_named("listener", self.world.call), rows=self.table.rows, watch=self.table.watch)
        self.api = replace(self.api, table=table)
        self.table = MemoryTable(_named("live", self.world.call), rows=table.rows, watch=table.watch)
        self._sockets = ShakySockets(_named("live", self.world.call), world=self.world)

    def _committed(self, key: Key, before: Row | None, after: Row | None) -> None:
        if after is None:
            return
        if key.sk.startswith(rows.EVENT_PREFIX):
            self._told(key, rows.event_of(after))
        elif key.sk.startswith(TOLD_OF):
            if key.sk.startswith(rows.JOB_PREFIX) and before is None:
                self._follow(after["tenant"], after["job_id"])
            self._remember(key, after)
            waiting = self._waiting[key.pk]
            waiting.append(RowChange(key, before, after))
            if len(waiting) == 1:
                self._wake(key.pk)

    def _follow(self, tenant: str, job_id: str) -> None:
        """Somebody follows every other job."""
        if self.world.chance("is followed", job_id) < 0.5:
            return
        listener = Listener(self.world, self.api, self._sockets, tenant, job_id, self.asks_anyway)
        self._listeners.append(listener)
        self.world.spawn(60 * self.world.chance("follows", job_id), listener.follow)

    def _wake(self, pk: str) -> None:
        late_s = 600 * self.world.chance("lateness", f"stream:{pk}") if self._strikes("stream_late", pk) else 0.0
        self.world.spawn(WAIT_S + late_s, partial(self._deliver, pk), limit_s=LIMIT_S)

    def _deliver(self, pk: str) -> None:
        """The function gets the next changes of a partition; those behind them wait until it has done its work."""
        batch = self._waiting[pk][:BATCH]
        is_done = self._succeeds(batch)
        if is_done and not self._strikes("stream_twice", pk):
            del self._waiting[pk][: len(batch)]
        if self._waiting[pk]:
            self._wake(pk)

    def _succeeds(self, batch: list[RowChange]) -> bool:
        self.world.invokes("push_progress")
        try:
            failures = push_progress.push(self._ports(batch), batch)
        except (Crash, Unavailable):
            return False
        for change, error in failures:
            if not isinstance(error, Unavailable):
                self.violations.append(f"{type(error).__name__}: {error} on telling of {change.job_id}")
        return not failures

    def _ports(self, batch: list[RowChange]) -> push_progress.Ports:
        """One of the processes of the function, some of which have just been started."""
        number = int(PROCESSES * self.world.chance("process", str(batch[0].key)))
        if self.world.chance("fresh", str(batch[0].key)) < 0.1:
            self._processes.pop(number, None)
        queues = MemoryQueues(_named("live", self.world.call), deliver=self.queues.deliver)
        tallies = self._processes.setdefault(number, Tallies())
        return push_progress.Ports(self.table, queues, self._sockets, self.world, tallies)

    def _strikes(self, fault: str, pk: str) -> bool:
        return self.world.strikes(fault, f"stream:{pk}")

    # What is told

    def _remember(self, key: Key, row: Row) -> None:
        if key.sk.startswith(rows.CHUNK_PREFIX):
            for index, item in row["items"].items():
                self._had[key.pk, int(index)].add(ItemStatus(item["s"]))

    def _told(self, key: Key, event: Event) -> None:
        """Each event takes the next number, goes on from the last, and says what the rows have held."""
        before = self._events(key.pk)[:-1] if key.pk not in self._last else []  # what an earlier version has told
        last = self._last.get(key.pk, before[-1] if before else None)
        self._last[key.pk] = event
        if event.seq != (1 if last is None else last.seq + 1) or key.sk != rows.event_key("", "", event.seq).sk:
            self.violations.append(f"{key} follows {last}")
        if last is not None and JOB_ORDER[event.status] < JOB_ORDER[last.status]:
            self.violations.append(f"{key} says {event.status} after {last.status}")
        if last is not None and event.counts.ended < last.counts.ended:
            self.violations.append(f"{key} says {event.counts.ended} have ended after {last.counts.ended}")
        for change in event.items:
            if change.status not in self._had[key.pk, change.index]:
                self.violations.append(f"{key} says that item {change.index} is {change.status}, which it never was")

    def _events(self, pk: str) -> list[Event]:
        return [rows.event_of(row) for row in self.table.rows.of(pk, rows.EVENT_PREFIX)]

    # At rest

    @property
    def is_at_rest(self) -> bool:
        """Whether every change has been told."""
        return not any(self._waiting.values())

    def at_rest(self) -> list[str]:
        """What a client that reads the events alone must have learnt of every job."""
        found = [f"{pk} has {len(waiting)} changes untold" for pk, waiting in self._waiting.items() if waiting]
        for key, row in list(self.table.rows.items()):
            if key.sk.startswith(rows.JOB_PREFIX):
                job = rows.job_of(row)
                found += [f"{job.job.job_id} {fault}" for fault in self._faults(job)]
        return found

    def _faults(self, job: JobState) -> Iterator[str]:
        pk = rows.job_pk(job.tenant, job.job.job_id)
        events = self._events(pk)
        states = {
            index: item.status
            for key, row in self.table.rows.items()
            if key.pk == pk and key.sk.startswith(rows.CHUNK_PREFIX)
            for index, item in rows.chunk_of(row).items.items()
        }
        if not events:
            yield "was never told of"
            return
        counts = jobs.count(states.values())
        if (events[-1].status, events[-1].counts) != (job.status, counts):
            yield f"is {job.status} with {counts!r}, and the last event says {events[-1]!r}"
        told: dict[int, ItemStatus] = {}
        for event in events:
            for change in event.items:
                if ITEM_ORDER[change.status] < ITEM_ORDER[told.get(change.index, ItemStatus.PENDING)]:
                    yield f"was told of item {change.index} backwards"
                told[change.index] = change.status
        exports = {
            row["format"]: row["status"]
            for key, row in self.table.rows.items()
            if key.pk == pk and key.sk.startswith(rows.EXPORT_PREFIX)
        }
        if exports != {change.format: change.status for event in events for change in event.exports}:
            yield f"has exports {exports} and was told otherwise"
        for listener in self._listeners:
            if listener.job_id == job.job.job_id:
                yield from self._misheard(listener, job, counts, states)
        if told != {index: status for index, status in states.items() if status is not ItemStatus.PENDING}:
            yield f"has items {states}, and was told of {told}"

    def _misheard(
        self, listener: Listener, job: JobState, counts: Counts, states: dict[int, ItemStatus]
    ) -> Iterator[str]:
        if (listener.status, listener.counts, listener.items) != (job.status, counts, states):
            yield f"came to {job.status} {states}, and who followed it learnt {listener.status} {listener.items}"


def _named(name: str, call: Call) -> Call:
    """A service of its own, so that its faults and its latency leave those of the others as they are."""

    def named(service: str, label: Hashable, effect: Any) -> Any:
        return call(f"{name}.{service}", label, effect)

    return named
