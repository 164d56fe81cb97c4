"""Jobs on paper: the product's own functions on a cloud in memory where nothing fails, every request counted and dated.

Each queue has as many consumers as a stage gives it, and each invocation takes the time that `PACE` says; what it does
to the table, the store and the queues is done by the product's own code. A call of a port is as many requests as its
adapter makes of it, which the contract tests hold. Changes of the table go to push_progress in batches, as the stream's
mapping gathers them. It knows no pixel: `Hands` do what is done with those.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from infra import shapes
from infra.config import PROD, Stage
from lambdas.push_progress import logic as push_progress
from lambdas.push_progress.tallies import Tallies
from lambdas.spending import Switch
from maskmill.core.limits import CHUNKS_PER_RUN_MAX, QUEUE_BATCH_MAX, RENDERINGS_WANTED
from maskmill.core.messages import QUEUE_OF, Message, QueueName
from maskmill.core.shard import ShardRequest
from maskmill.core.table import Delete, Key, Put, Row, RowChange, Write
from tests.simulation.cloud import MemoryEndpoint, MemoryObjects, MemoryQueues, MemorySockets, MemoryTable
from tests.simulation.live import TOLD_OF
from tests.simulation.pipeline import Pipeline, Sizes
from tests.simulation.post import Body
from tests.simulation.world import EPOCH

KINDS = {
    "table.get": "dynamodb GetItem",
    "table.query": "dynamodb Query",
    "table.get_all": "dynamodb BatchGetItem",
    "table.create_all": "dynamodb TransactWriteItems",
    "get": "s3 GetObject",
    "head": "s3 HeadObject",
    "put": "s3 PutObject",
    "delete": "s3 DeleteObject",
}
WRITES = {Put: "dynamodb PutItem", Delete: "dynamodb DeleteItem"}
FUNCTIONS = {
    QueueName.INGEST: shapes.INGEST_IMAGE,
    QueueName.PLAN: shapes.PLAN_JOB,
    QueueName.DISPATCH: shapes.DISPATCH_SHARD,
    QueueName.COLLECT: shapes.COLLECT_MASKS,
    QueueName.RENDER: shapes.RENDER_ITEM,
    QueueName.FINISH: shapes.FINISH_JOB,
}
# Seconds of one invocation, each rather too short than too long: the faster, the more writes meet in one second.
PACE = {QueueName.PLAN: 2.0, QueueName.DISPATCH: 0.2, QueueName.COLLECT: 0.3, QueueName.RENDER: 0.3}
MODEL_IMAGE_S = 0.1
CHANGES_WAIT_S = 1.0  # as the mapping of the stream says (infra/constructs/function.py)
PUSH_S = 0.1


@dataclass(slots=True)
class Requests:
    """What was asked for, by kind, and the most writes that any one row met within a second."""

    counts: Counter[str] = field(default_factory=Counter)
    row_writes_per_s: int = 0
    busiest_row: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)  # some functions read objects ahead, in threads
    _second: int = -1
    _writes: Counter[Key] = field(default_factory=Counter)

    def add(self, kind: str, times: int = 1) -> None:
        with self._lock:
            self.counts[kind] += times

    def wrote(self, key: Key, now_s: float) -> None:
        if int(now_s) != self._second:
            self._second = int(now_s)
            self._writes.clear()
        self._writes[key] += 1
        if self._writes[key] > self.row_writes_per_s:
            self.row_writes_per_s, self.busiest_row = self._writes[key], f"{key.pk} {key.sk}"

    def take(self) -> dict[str, int]:
        """The counts since the last time."""
        found, self.counts = dict(sorted(self.counts.items())), Counter()
        return found


class CountedTable(MemoryTable):
    """A table whose writes are counted by what they are."""

    __slots__ = ("count",)
    count: Callable[[str], None]

    def write(self, write: Write) -> Row:
        self.count(WRITES.get(type(write), "dynamodb UpdateItem"))
        return self._write(write)


class CountedQueues(MemoryQueues):
    """Queues that take messages in batches, as the adapter sends them."""

    __slots__ = ("count",)
    count: Callable[[str, int], None]

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        sent: Counter[QueueName] = Counter()
        for message in messages:
            sent[QUEUE_OF[type(message)]] += 1
            assert self.deliver is not None
            self.deliver(QUEUE_OF[type(message)], message)
        self.count("sqs SendMessageBatch", sum(-(-count // QUEUE_BATCH_MAX) for count in sent.values()))


@dataclass(slots=True)
class PaperClock:
    """The clock port at the moment of the event that is happening."""

    now_s: float = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s)


@dataclass(slots=True)
class Paper(Pipeline):
    """One cloud of a stage's size."""

    stage: Stage = PROD
    requests: Requests = field(default_factory=Requests)
    _time: PaperClock = field(default_factory=PaperClock)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: int = 0
    _lines: defaultdict[QueueName, deque[Body]] = field(default_factory=lambda: defaultdict(deque))
    _busy: Counter[QueueName] = field(default_factory=Counter)
    _changes: list[RowChange] = field(default_factory=list)
    _is_telling: bool = False
    _instances: list[float] = field(default_factory=list)  # when each instance of the endpoint is free again
    _tallies: Tallies = field(default_factory=Tallies)

    def __post_init__(self) -> None:
        endpoint = self.stage.endpoint
        self.sizes = Sizes(endpoint.shard_items, endpoint.window_shards, CHUNKS_PER_RUN_MAX, RENDERINGS_WANTED)
        self.clock = self._time  # type: ignore[assignment]
        table = CountedTable(self._call, watch=[self._written])
        table.count = self.requests.add
        self.table = table  # type: ignore[assignment]
        self.uploads, self.media, self.work = (MemoryObjects(name, self._call) for name in ("uploads", "media", "work"))
        queues = CountedQueues(deliver=self.put_in_line)
        queues.count, self.queues = self.requests.add, queues
        self.endpoint = MemoryEndpoint(accept=self._accepted)
        self.switch = Switch(table, self._time)
        self.invariants = self.marks = self.hooks = _Nobody()  # type: ignore[assignment]
        self._instances = [0.0] * max(1, endpoint.instances_max)

    # What is asked for

    def _call(self, service: str, _label: object, effect: Callable[[], Any]) -> Any:
        kind = KINDS.get(service) or KINDS[service.partition(".")[2]]
        self.requests.add(kind)
        return effect()

    def _written(self, key: Key, before: Row | None, after: Row | None) -> None:
        self.requests.wrote(key, self._time.now_s)
        if after is not None and key.sk.startswith(TOLD_OF):
            self._changes.append(RowChange(key, before, after))
            if not self._is_telling:
                self._is_telling = True
                self._at(CHANGES_WAIT_S, self._tell)

    # What happens when

    def play(self) -> float:
        """Let everything happen that is on its way; the seconds on the clock."""
        while self._events:
            now_s, _, act = heapq.heappop(self._events)
            self._time.now_s = now_s
            act()
        return self._time.now_s

    def _at(self, delay_s: float, act: Callable[[], None]) -> None:
        self._order += 1
        now_s = self._time.now_s
        heapq.heappush(self._events, (now_s + delay_s, self._order, act))

    def put_in_line(self, queue: QueueName, body: Body) -> None:
        self._lines[queue].append(body)
        self._at(0.0, partial(self._serve_line, queue))

    def _serve_line(self, queue: QueueName) -> None:
        line, shape = self._lines[queue], FUNCTIONS[queue]
        while line and self._busy[queue] < self.stage.concurrency.of(queue):
            batch = [line.popleft() for _ in range(min(shape.batch, len(line)))]
            self._busy[queue] += 1
            for kind in (f"invoke {shape.verb}", "sqs ReceiveMessage", "sqs DeleteMessageBatch"):
                self.requests.add(kind)
            for body in batch:
                self._handler(queue)(body)
            self._at(PACE.get(queue, 1.0), partial(self._leave, queue))

    def _leave(self, queue: QueueName) -> None:
        self._busy[queue] -= 1
        self._serve_line(queue)

    def _tell(self) -> None:
        """The next changes of the stream reach push_progress; those that come meanwhile wait for the next batch."""
        batch = self._changes[: shapes.PUSH_PROGRESS.batch]
        del self._changes[: len(batch)]
        self._is_telling = False
        self.requests.add(f"invoke {shapes.PUSH_PROGRESS.verb}")
        ports = push_progress.Ports(self.table, self.queues, MemorySockets(), self._time, self._tallies)
        failures = push_progress.push(ports, batch)
        assert not failures, failures
        if self._changes:
            self._is_telling = True
            is_full = len(self._changes) >= shapes.PUSH_PROGRESS.batch
            self._at(PUSH_S if is_full else CHANGES_WAIT_S, self._tell)

    def _accepted(self, request_key: str, promise: str) -> None:
        """The endpoint works on one request after the other, and says so by its topic."""
        request = ShardRequest.model_validate_json(self.work.objects[request_key])
        now_s = self._time.now_s
        free = min(range(len(self._instances)), key=self._instances.__getitem__)
        self._instances[free] = max(now_s, self._instances[free]) + MODEL_IMAGE_S * len(request.images)
        self._at(self._instances[free] - now_s, partial(self._answered, request, request_key, promise))

    def _answered(self, request: ShardRequest, request_key: str, promise: str) -> None:
        self.requests.add("s3 GetObject", 1 + len(request.images))
        self.requests.add("s3 PutObject")
        self.requests.add("sns POST")
        answer = self.hands.answer(request).model_dump_json().encode()
        self.work.objects[promise.removeprefix("s3://work/")] = answer
        self.put_in_line(QueueName.COLLECT, ("ok", request_key, promise))


class _Nobody:
    """Who watches nothing."""

    @contextmanager
    def alone(self, _where: str) -> Iterator[None]:
        yield

    def deliver(self, _message: object) -> None:
        """Nobody has a webhook."""

    def called_back(self, *_facts: object) -> None:
        """No mark is kept."""
