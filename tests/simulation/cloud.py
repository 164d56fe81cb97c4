"""The ports in memory: a table, buckets, queues and an endpoint that behave as the real ones, or worse.

Without a world they act at once and without faults, which is what the contract tests and the unit tests use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from maskmill.core.limits import ROWS_READ_MAX
from maskmill.core.messages import QUEUE_OF, Message, QueueName
from maskmill.core.ports import Invoked, ObjectInfo, ObjectMissing
from maskmill.core.shard import ShardAnswer, ShardRequest
from maskmill.core.table import (
    Condition,
    Delete,
    Key,
    Op,
    Page,
    Path,
    Put,
    Query,
    Row,
    RowConflict,
    Update,
    Write,
)
from tests.simulation.bounds import check_created
from tests.simulation.rows import FrozenRow, Rows

Result = TypeVar("Result")
Call = Callable[[str, Hashable, Callable[[], Any]], Any]
_ABSENT = object()


def at_once(service: str, label: Hashable, effect: Callable[[], Result]) -> Result:
    """A call without latency or faults."""
    return effect()


@dataclass(slots=True)
class MemoryTable:
    """The table port; `watch` sees every committed write as (key, before, after), `check` refuses rows before that."""

    call: Call = at_once
    check: Callable[[Row], None] | None = None
    rows: Rows = field(default_factory=Rows)
    watch: list[Callable[[Key, Row | None, Row | None], None]] = field(default_factory=list)

    def get(self, key: Key) -> Row | None:
        return self.call("table.get", key, lambda: self.rows.get(key))

    def query(self, query: Query) -> Page:
        return self.call("table.query", (query.pk, query.prefix), lambda: self._query(query))

    def write(self, write: Write) -> Row:
        return self.call("table.write", write.key, lambda: self._write(write))

    def get_all(self, keys: Sequence[Key]) -> list[Row | None]:
        found: list[Row | None] = []
        for start in range(0, len(keys), ROWS_READ_MAX):
            batch = keys[start : start + ROWS_READ_MAX]
            found += self.call("table.get_all", batch[0], lambda batch=batch: [self.rows.get(key) for key in batch])
        return found

    def create_all(self, puts: Sequence[Put]) -> None:
        if puts:
            self.call("table.create_all", puts[0].key, lambda: self._create_all(puts))

    def _query(self, query: Query) -> Page:
        found = self.rows.in_partition(query) if query.index is None else self.rows.in_index(query)
        if query.after is not None:
            found = [pair for pair in found if (pair[0] < query.after if query.descending else pair[0] > query.after)]
        page = found[: query.limit]
        return Page(rows=tuple(row for _, row in page), after=page[-1][0] if len(found) > len(page) else None)

    def _write(self, write: Write) -> Row:
        before = self.rows.get(write.key)
        match write:
            case Put():
                if before is not None:
                    raise RowConflict(write.key, before)
                after = _row_of(write)
            case Delete():
                if before is None and write.must_exist:
                    raise RowConflict(write.key, None)
                if before is not None and not all(_holds(before, condition) for condition in write.require):
                    raise RowConflict(write.key, before)
                self.rows.pop(write.key, None)
                self._tell(write.key, before, None)
                return {}
            case Update():
                if before is None or not all(_holds(before, condition) for condition in write.require):
                    raise RowConflict(write.key, before)
                after = _updated(before, write)
        self._keep(write.key, after)
        return after

    def _create_all(self, puts: Sequence[Put]) -> None:
        rows = [_row_of(put) for put in puts]
        check_created(rows)
        for put, row in zip(puts, rows, strict=True):
            if self.check is not None:
                self.check(row)
            if put.key in self.rows:
                raise RowConflict(put.key, self.rows[put.key])
        for put, row in zip(puts, rows, strict=True):
            self._keep(put.key, row)

    def _keep(self, key: Key, after: FrozenRow) -> None:
        if self.check is not None:
            self.check(after)
        before = self.rows.get(key)
        self.rows[key] = after
        self._tell(key, before, after)

    def _tell(self, key: Key, before: Row | None, after: Row | None) -> None:
        for watcher in self.watch:
            watcher(key, before, after)


def _row_of(put: Put) -> FrozenRow:
    return FrozenRow({**put.row, "pk": put.key.pk, "sk": put.key.sk})


def _read(row: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(row, dict) or name not in row:
            return _ABSENT
        row = row[name]
    return row


def _holds(row: Row, condition: Condition) -> bool:
    value = _read(row, condition.path)
    match condition.op:
        case Op.ABSENT:
            return value is _ABSENT
        case Op.PRESENT:
            return value is not _ABSENT
        case Op.EQUALS:
            return bool(value == condition.value)
        case Op.DIFFERS:
            return bool(value != condition.value)
        case Op.AT_MOST:
            return value is _ABSENT or bool(value <= condition.value)
        case Op.IN:
            return value in condition.value


def _updated(before: FrozenRow, write: Update) -> FrozenRow:
    after = before.thawed()
    for path, value in write.set.items():
        _parent(after, path)[path[-1]] = value
    for path, amount in write.add.items():
        parent = _parent(after, path)
        if isinstance(amount, int):
            parent[path[-1]] = parent.get(path[-1], 0) + amount
        else:
            parent[path[-1]] = parent.get(path[-1], frozenset()) | amount
    for path in write.remove:
        _parent(after, path).pop(path[-1], None)
    return FrozenRow(after)


def _parent(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """The map that a path ends in, of its own down to there."""
    for name in path[:-1]:
        child = row.get(name)
        if child is None:
            raise MaskmillError(Code.INTERNAL, detail=f"nothing holds {path}")
        if isinstance(child, FrozenRow):
            row[name] = child = child.thawed()
        row = child
    return row


@dataclass(slots=True)
class MemoryObjects:
    """One bucket; `changed` lists the names under which something else was written later."""

    name: str
    call: Call = at_once
    objects: dict[str, bytes] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    media_types: dict[str, str] = field(default_factory=dict)
    delete_max: int = 1000

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes:
        return self.call(f"{self.name}.get", key, lambda: self._get(key, bytes_max))

    def head(self, key: str) -> ObjectInfo | None:
        return self.call(f"{self.name}.head", key, lambda: self._head(key))

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        self.call(f"{self.name}.put", key, lambda: self._put(key, data, media_type))

    def put_first(self, key: str, data: bytes, *, media_type: str) -> bool:
        return self.call(f"{self.name}.put", key, lambda: self._put_first(key, data, media_type))

    @contextmanager
    def stream(self, key: str, *, media_type: str) -> Iterator[_Buffer]:
        buffer = _Buffer()
        yield buffer
        self.put(key, bytes(buffer.data), media_type=media_type)

    def delete(self, key: str) -> None:
        self.call(f"{self.name}.delete", key, lambda: self.objects.pop(key, None))

    def delete_some(self, prefix: str) -> bool:
        return self.call(f"{self.name}.delete", prefix, lambda: self._delete_some(prefix))

    def _delete_some(self, prefix: str) -> bool:
        found = sorted(key for key in self.objects if key.startswith(prefix))
        for key in found[: self.delete_max]:
            del self.objects[key]
        return len(found) > self.delete_max

    def _get(self, key: str, bytes_max: int | None) -> bytes:
        if key not in self.objects:
            raise ObjectMissing(key)
        data = self.objects[key]
        if bytes_max is not None and len(data) > bytes_max:
            raise InvalidInput(Code.FILE_TOO_LARGE)
        return data

    def _head(self, key: str) -> ObjectInfo | None:
        data = self.objects.get(key)
        return None if data is None else ObjectInfo(len(data), hashlib.sha256(data).hexdigest())

    def _put(self, key: str, data: bytes, media_type: str) -> None:
        if self.objects.get(key, data) != data:
            self.changed.append(key)
        self.objects[key] = data
        self.media_types[key] = media_type

    def _put_first(self, key: str, data: bytes, media_type: str) -> bool:
        if key in self.objects:
            return False
        self._put(key, data, media_type)
        return True


@dataclass(slots=True)
class _Buffer:
    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)


def label_of(message: Message) -> tuple[object, ...]:
    """What tells a message from others."""
    return tuple(message.__dict__.values())


@dataclass(slots=True)
class MemoryQueues:
    """All queues; `deliver` is told of every message that was sent, and `delays` of how long each was held back."""

    call: Call = at_once
    sent: list[tuple[QueueName, Message]] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    deliver: Callable[[QueueName, Message], None] | None = None

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        for message in messages:
            self.call("queue.send", label_of(message), lambda one=message: self._send(one, delay_s))

    def _send(self, message: Message, delay_s: int) -> None:
        queue = QUEUE_OF[type(message)]
        self.sent.append((queue, message))
        self.delays.append(delay_s)
        if self.deliver is not None:
            self.deliver(queue, message)


@dataclass(slots=True)
class MemoryEndpoint:
    """An endpoint that takes requests; `accept` is told of each with the address that it promised."""

    call: Call = at_once
    accept: Callable[[str, str], None] | None = None
    invocations: list[str] = field(default_factory=list)
    is_in_service: bool = True

    def invoke(self, *, request_key: str, request_id: str, answer_folder: str, answer_file: str) -> Invoked:
        return self.call(
            "endpoint.invoke", request_id, lambda: self._invoke(request_key, f"{answer_folder}/{answer_file}")
        )

    def _invoke(self, request_key: str, answer: str) -> Invoked:
        if not self.is_in_service:
            raise Unavailable(Code.MODEL_UNAVAILABLE)
        self.invocations.append(request_key)
        promise = f"s3://work/async/{answer}"
        if self.accept is not None:
            self.accept(request_key, promise)
        return Invoked(answer=promise, failure=f"s3://work/async-failed/{answer}")


@dataclass(slots=True)
class MemoryLane:
    """The interactive lane: `reply` plays the model; requests are kept."""

    reply: Callable[[ShardRequest], ShardAnswer]
    requests: list[ShardRequest] = field(default_factory=list)

    def answer(self, request: ShardRequest) -> ShardAnswer:
        self.requests.append(request)
        return self.reply(request)


@dataclass(slots=True)
class MemorySockets:
    """Sockets by their ids: `lines` holds what each was sent; an id that is not in it is gone."""

    call: Call = at_once
    lines: dict[str, list[str]] = field(default_factory=dict)
    hear: dict[str, Callable[[str], None]] = field(default_factory=dict)  # who is told of a line at once

    def open(self, *connection_ids: str) -> None:
        for connection_id in connection_ids:
            self.lines[connection_id] = []

    def leave(self, connection_id: str) -> bool:
        """Its client goes, without a word; False when it had gone."""
        self.hear.pop(connection_id, None)
        return self.lines.pop(connection_id, None) is not None

    def send(self, connection_id: str, text: str) -> bool:
        return self.call("socket.send", connection_id, lambda: self._send(connection_id, text))

    def close(self, connection_id: str) -> bool:
        return self.call("socket.close", connection_id, lambda: self.leave(connection_id))

    def _send(self, connection_id: str, text: str) -> bool:
        if connection_id in self.lines:
            self.lines[connection_id].append(text)
            self.hear.get(connection_id, _nobody)(text)
        return connection_id in self.lines


def _nobody(_text: str) -> None:
    """Where nobody listens at once."""


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is told to move."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at
