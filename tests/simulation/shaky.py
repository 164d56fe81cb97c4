"""The services of the cloud with the faults that only one of them has: what a general fault of a call does not show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from maskmill.core.errors import Unavailable
from maskmill.core.messages import Message
from maskmill.core.table import Index, Key, Page, Put, Query, Row, RowConflict, Write
from tests.simulation.cloud import MemoryObjects, MemoryQueues, MemorySockets, MemoryTable, label_of
from tests.simulation.world import World

LAG_S = 2.0  # by which an index lags behind its table at most
SORTED_BY = {Index.DUE: ("due_pk", "due_at"), Index.RECENT: ("recent_pk", "recent_at")}
REAPED_S = 1800.0  # how often the table removes rows whose time to live is over


@dataclass(slots=True, kw_only=True)
class ShakyTable(MemoryTable):
    """A table whose indexes may show what was so two seconds ago, and which is slow to forget expired rows."""

    world: World
    refused: list[Callable[[Write, Row | None], None]] = field(default_factory=list)
    _changed: deque[tuple[float, Key, Row | None]] = field(default_factory=deque)
    _expiring: dict[Key, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch.append(self._remember)
        self.world.at(REAPED_S, self._reap)

    def _remember(self, key: Key, before: Row | None, after: Row | None) -> None:
        if self.world.faults.stale_index and any(row is not None and _is_indexed(row) for row in (before, after)):
            self._changed.append((self.world.now_s, key, before))
        if after is None:
            self._expiring.pop(key, None)
        elif "expires_at" in after:
            self._expiring[key] = int(after["expires_at"])

    def _write(self, write: Write) -> Row:
        """The write, perhaps made again by the SDK, which never heard of the first one's success."""
        try:
            after = MemoryTable._write(self, write)
            if self.world.faults.repeated and self.world.strikes("repeated", f"{write.key}"):
                after = MemoryTable._write(self, write)
        except RowConflict as conflict:
            for watcher in self.refused:
                watcher(write, conflict.current)
            raise
        return after

    def _create_all(self, puts: Sequence[Put]) -> None:
        """All rows or none, perhaps asked for again under a new name by one who never heard of the first success."""
        try:
            MemoryTable._create_all(self, puts)
            if self.world.faults.repeated and self.world.strikes("repeated", f"{puts[0].key}"):
                MemoryTable._create_all(self, puts)
        except RowConflict as conflict:
            for watcher in self.refused:
                watcher(next(put for put in puts if put.key == conflict.key), conflict.current)
            raise

    def _query(self, query: Query) -> Page:
        page = MemoryTable._query(self, query)
        while self._changed and self._changed[0][0] < self.world.now_s - LAG_S:
            self._changed.popleft()
        if query.index is None or not self._changed or not self.world.strikes("stale_index", query.pk):
            return page
        return self._as_it_was(query, page, self.world.now_s - LAG_S * self.world.chance("lag", query.pk))

    def _as_it_was(self, query: Query, page: Page, then_s: float) -> Page:
        before = {key: row for at_s, key, row in reversed(self._changed) if at_s >= then_s}
        known = {Key(row["pk"], row["sk"]): row for row in page.rows}
        was = {key: before.get(key, row) for key, row in known.items()}
        was |= {key: row for key, row in before.items() if key not in known}
        rows = tuple(row for row in was.values() if row is not None and _is_found(query, row))
        return Page(rows=rows[: query.limit], after=page.after)

    def _reap(self) -> None:
        now_s = int(self.world.now().timestamp())
        for key, until_s in list(self._expiring.items()):
            if until_s > now_s:
                continue
            del self._expiring[key]
            if not self.world.strikes("expiry_late", str(key)):  # else it stays for days
                before = self.rows.pop(key, None)
                self._tell(key, before, None)
        if self._expiring or self.world.now_s < self.world.faults.window_s:
            self.world.at(REAPED_S, self._reap)


def _is_indexed(row: Row) -> bool:
    return "due_pk" in row or "recent_pk" in row


def _is_found(query: Query, row: Row) -> bool:
    assert query.index is not None
    pk_name, sort_name = SORTED_BY[query.index]
    is_early = query.at_most is None or row.get(sort_name, 0) <= query.at_most
    return row.get(pk_name) == query.pk and sort_name in row and is_early


@dataclass(slots=True, kw_only=True)
class ShakyObjects(MemoryObjects):
    """A bucket in which the first of two writers may be told that it came second."""

    world: World

    def _put_first(self, key: str, data: bytes, media_type: str) -> bool:
        was_first = MemoryObjects._put_first(self, key, data, media_type)
        if was_first and self.world.faults.repeated and self.world.strikes("repeated", key):
            return MemoryObjects._put_first(self, key, data, media_type)
        return was_first


@dataclass(slots=True, kw_only=True)
class ShakyQueues(MemoryQueues):
    """Queues that take some messages of a batch, and refuse others."""

    world: World

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        taken, refused = [], 0
        for message in messages:
            if self.world.strikes("part_refused", label_of(message)):
                refused += 1
            else:
                taken.append(message)
        MemoryQueues.send(self, taken, delay_s=delay_s)
        if refused:
            raise Unavailable(detail=f"{refused} messages of a batch were not taken")


@dataclass(slots=True, kw_only=True)
class ShakySockets(MemorySockets):
    """Sockets whose clients have gone without a word."""

    world: World

    def _send(self, connection_id: str, text: str) -> bool:
        if self.world.strikes("socket_gone", connection_id):
            self.lines.pop(connection_id, None)
        return MemorySockets._send(self, connection_id, text)
