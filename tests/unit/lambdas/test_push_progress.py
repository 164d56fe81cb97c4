"""What is told of a job: one event for a job and a batch, in order, and never more than the rows say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from lambdas.push_progress import logic
from lambdas.push_progress.changes import by_job
from lambdas.push_progress.logic import Ports, push
from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.event import Event, ItemChange
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import CONNECTION_LIFE_S, EVENT_LIFE_S
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.table import Key, Put, Row, RowChange, Update
from tests.simulation.cloud import MemorySockets, MemoryTable
from tests.unit.lambdas.gateway import normal_image
from tests.unit.lambdas.scene import JOB, TENANT, Scene


@dataclass
class Stream:
    """The stream of a scene's table: what was written since it was read last."""

    scene: Scene
    changes: list[RowChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scene.table.watch.append(self._written)

    def _written(self, key: Key, before: Row | None, after: Row | None) -> None:
        if after is not None:
            self.changes.append(RowChange(key, before, after))

    def read(self) -> list[RowChange]:
        found, self.changes = self.changes, []
        return [change for change in found if not change.key.sk.startswith(rows.EVENT_PREFIX)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def stream(scene: Scene) -> Stream:
    return Stream(scene)


def ports_of(scene: Scene, table: Any = None) -> Ports:
    """A process of its own: it remembers nothing yet."""
    return Ports(table=table or scene.table, queues=scene.queues, sockets=MemorySockets(), clock=scene.clock)


@pytest.fixture
def ports(scene: Scene) -> Ports:
    return ports_of(scene)


def told(scene: Scene, job_id: str = JOB) -> list[Event]:
    found = sorted(key for key in scene.table.rows if key.sk.startswith(rows.EVENT_PREFIX))
    return [rows.event_of(scene.table.rows[key]) for key in found if key.pk == rows.job_pk(TENANT, job_id)]


def plan(scene: Scene, *, chunks: int, items: int, job_id: str = JOB) -> None:
    """A running job of several chunks."""
    for number in range(chunks):
        planned = tuple(
            PlannedItem(index=number * items + place, image_id=f"i{place}", name="a.jpg", normal=normal_image())
            for place in range(items)
        )
        chunk = Chunk(number=number, items=planned)
        scene.table.write(rows.put_chunk(TENANT, job_id, chunk, now_s=scene.now_s))
    scene.table.write(rows.begin_planning(TENANT, job_id))
    scene.table.write(rows.mark_planned(TENANT, job_id, chunks_total=chunks, items_total=chunks * items))


def render(scene: Scene, chunk: int, *indices: int, job_id: str = JOB) -> None:
    scene.table.write(rows.start_rendering(TENANT, job_id, chunk, indices=indices, now_s=scene.now_s))


def end(scene: Scene, chunk: int, index: int, status: ItemStatus = ItemStatus.DONE) -> None:
    scene.table.write(rows.end_items(TENANT, JOB, chunk, {index: rows.Ending(status)}, now_s=scene.now_s))


def test_a_batch_about_a_job_becomes_one_event(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    plan(scene, chunks=2, items=3)
    render(scene, 0, 0, 1)
    end(scene, 0, 1)
    assert push(ports, stream.read()) == []
    (event,) = told(scene)
    assert (event.seq, event.status) == (1, JobStatus.RUNNING)
    assert event.counts == Counts(pending=4, rendering=1, done=1)
    assert event.items == (
        ItemChange(index=0, status=ItemStatus.RENDERING),
        ItemChange(index=1, status=ItemStatus.DONE),
    )


def test_events_are_numbered_without_gaps_and_jobs_apart(scene: Scene, stream: Stream, ports: Ports) -> None:
    other = JOB.replace("0", "9")
    for job_id in (JOB, other):
        scene.submit(job_id)
        plan(scene, chunks=1, items=2, job_id=job_id)
    push(ports, stream.read())
    render(scene, 0, 0)
    push(ports, stream.read())
    render(scene, 0, 1)
    push(ports, stream.read())
    assert [event.seq for event in told(scene)] == [1, 2, 3]
    assert [event.seq for event in told(scene, other)] == [1]


def test_what_concerns_no_state_is_not_told(scene: Scene, stream: Stream, ports: Ports) -> None:
    """Leases, repairs and full chunks are written to the same rows."""
    scene.submit()
    plan(scene, chunks=1, items=1)
    push(ports, stream.read())
    chunk = rows.chunk_of(scene.table.rows[rows.chunk_key(TENANT, JOB, 0)])
    scene.table.write(rows.note_repair(TENANT, JOB, 0, indices=[0], seen=chunk.items, now_s=scene.now_s))
    scene.table.write(rows.postpone(rows.job_key(TENANT, JOB), scene.now_s + 60))
    scene.table.write(rows.add_full_chunk(TENANT, JOB, 0))
    assert by_job(stream.read()) == []


def test_a_batch_that_comes_again_is_told_once(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    plan(scene, chunks=1, items=2)
    render(scene, 0, 0)
    batch = stream.read()
    push(ports, batch)
    push(ports, batch)
    assert [event.seq for event in told(scene)] == [1]


def test_a_late_record_says_nothing_that_is_no_longer_so(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    plan(scene, chunks=1, items=1)
    render(scene, 0, 0)
    early = stream.read()
    end(scene, 0, 0)
    push(ports, stream.read())
    push(ports, early)
    assert {event.items for event in told(scene)} == {(ItemChange(index=0, status=ItemStatus.DONE),)}


def test_an_end_that_is_told_before_its_items_has_their_counts(scene: Scene, stream: Stream, ports: Ports) -> None:
    """Job and chunks lie in different partitions, whose changes come in any order."""
    scene.submit()
    plan(scene, chunks=1, items=2)
    push(ports, stream.read())
    render(scene, 0, 0, 1)
    end(scene, 0, 0)
    end(scene, 0, 1)
    of_items = stream.read()
    scene.table.write(rows.begin_finishing(TENANT, JOB, run="r", now_s=scene.now_s, until_s=scene.now_s + 60))
    counts = Counts(done=2)
    scene.table.write(
        rows.close_job(TENANT, JOB, status=JobStatus.SUCCEEDED, finished_at=scene.clock.now(), counts=counts)
    )
    push(ports, stream.read())
    push(ports, of_items)
    assert [(event.status, event.counts) for event in told(scene)[1:]] == [(JobStatus.SUCCEEDED, counts)] * 2
    assert {change.index for change in told(scene)[-1].items} == {0, 1}


def test_too_many_changes_are_counted_and_not_named(
    scene: Scene, stream: Stream, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logic, "EVENT_ITEMS_MAX", 2)
    scene.submit()
    plan(scene, chunks=1, items=3)
    render(scene, 0, 0, 1, 2)
    push(ports, stream.read())
    (event,) = told(scene)
    assert (event.items, event.items_truncated, event.counts.rendering) == ((), True, 3)


def test_two_at_once_take_different_numbers_and_never_go_back(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    plan(scene, chunks=1, items=1)
    first = stream.read()
    real = scene.table.write
    meanwhile: list[Callable[[], object]] = []

    def write(update: Put | Update) -> Row:
        while meanwhile:
            meanwhile.pop()()
        return real(update)

    def told_by_another() -> None:
        render(scene, 0, 0)
        push(ports_of(scene), stream.read())

    meanwhile.append(told_by_another)
    push(ports_of(scene, _Writing(scene.table, write)), first)
    events = told(scene)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.counts.rendering for event in events] == sorted(event.counts.rendering for event in events)


@dataclass
class _Writing:
    """A table whose writes go another way."""

    table: MemoryTable
    write: Callable[[Any], Row]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)


def test_unchanged_chunks_are_not_read_again(scene: Scene, stream: Stream, ports: Ports) -> None:
    read: list[str] = []

    def counted(service: str, label: str, effect: Callable[[], Any]) -> Any:
        found = effect()
        if service == "table.get_all":
            read.extend(row["sk"] for row in found)
        return found

    scene.submit()
    plan(scene, chunks=5, items=2)
    push(ports, stream.read())
    scene.table.call = counted
    render(scene, 3, 6)
    read.clear()
    push(ports, stream.read())
    assert [key.partition("#")[0] for key in read] == ["JOB", "CHUNK"] and read[1] == "CHUNK#0003"
    assert told(scene)[-1].counts == Counts(pending=9, rendering=1)


def test_what_another_process_told_is_not_counted_from_memory(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    plan(scene, chunks=2, items=2)
    push(ports, stream.read())
    render(scene, 0, 0)
    push(ports_of(scene), stream.read())
    render(scene, 1, 2)
    push(ports, stream.read())
    assert told(scene)[-1].counts == Counts(pending=2, rendering=2)


def test_one_job_that_cannot_be_told_of_keeps_no_other_from_it(scene: Scene, stream: Stream, ports: Ports) -> None:
    other = JOB.replace("0", "9")
    for job_id in (JOB, other):
        scene.submit(job_id)
        plan(scene, chunks=1, items=1, job_id=job_id)
    job_key = rows.job_key(TENANT, JOB)
    scene.table.rows[job_key] = {**scene.table.rows[job_key], "doc": "{}"}
    ((change, _),) = push(ports, stream.read())
    assert change.job_id == JOB
    assert len(told(scene, other)) == 1


def test_a_number_that_is_always_taken_is_tried_again_later(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    key = rows.event_key(TENANT, JOB, 1)
    hidden = _Hiding(scene.table, rows.EVENT_PREFIX)
    scene.table.rows[key] = {"pk": key.pk, "sk": key.sk, "doc": "{}"}
    ((_, error),) = push(ports_of(scene, hidden), stream.read())
    assert isinstance(error, Unavailable)


@dataclass
class _Hiding:
    """A table whose queries of one prefix find nothing."""

    table: MemoryTable
    prefix: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def query(self, query: Any) -> Any:
        page = self.table.query(query)
        return page if query.prefix != self.prefix else type(page)(rows=(), after=None)


def test_a_removed_job_is_not_told_of(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    del scene.table.rows[rows.job_key(TENANT, JOB)]
    assert push(ports, stream.read()) == []
    assert told(scene) == []


def test_exports_are_told_of(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    scene.table.write(Put(Key(rows.job_pk(TENANT, JOB), "EXPORT#coco"), {"status": "making"}))
    push(ports, stream.read())
    (event,) = told(scene)
    assert [(one.format, one.status) for one in event.exports] == [("coco", "making")]


def test_events_go_after_a_week(scene: Scene, stream: Stream, ports: Ports) -> None:
    scene.submit()
    push(ports, stream.read())
    row = scene.table.rows[rows.event_key(TENANT, JOB, 1)]
    assert row["expires_at"] == scene.now_s + EVENT_LIFE_S
    assert rows.is_told(row, scene.clock.now())
    assert not rows.is_told(row, scene.clock.now() + timedelta(seconds=EVENT_LIFE_S))


def listen(scene: Scene, ports: Ports, connection_id: str, *, tenant: str = TENANT) -> MemorySockets:
    assert isinstance(ports.sockets, MemorySockets)
    ports.sockets.open(connection_id)
    for write in rows.put_connection(tenant, connection_id, now_s=scene.now_s):
        scene.table.write(write)
    return ports.sockets


def test_who_listens_hears_one_line_for_a_job_and_a_batch(scene: Scene, stream: Stream, ports: Ports) -> None:
    sockets = listen(scene, ports, "c1")
    listen(scene, ports, "c2")
    scene.submit()
    plan(scene, chunks=2, items=3)
    push(ports, stream.read())
    line = f'{{"type":"job","job_id":"{JOB}","seq":1,"status":"running"}}'
    assert sockets.lines == {"c1": [line], "c2": [line]}


def test_another_tenant_hears_nothing(scene: Scene, stream: Stream, ports: Ports) -> None:
    sockets = listen(scene, ports, "c1", tenant="tenant-b")
    scene.submit()
    push(ports, stream.read())
    assert sockets.lines == {"c1": []}


def test_a_batch_that_comes_again_is_sent_again(scene: Scene, stream: Stream, ports: Ports) -> None:
    """The process may have died between the event and its line."""
    sockets = listen(scene, ports, "c1")
    scene.submit()
    batch = stream.read()
    push(ports, batch)
    push(ports, batch)
    assert len(sockets.lines["c1"]) == 2


def test_sockets_that_are_gone_are_forgotten_and_the_others_hear(scene: Scene, stream: Stream, ports: Ports) -> None:
    sockets = listen(scene, ports, "gone")
    listen(scene, ports, "here")
    sockets.close("gone")
    scene.submit()
    assert push(ports, stream.read()) == []
    assert len(sockets.lines["here"]) == 1
    assert rows.connection_key(TENANT, "gone") not in scene.table.rows
    assert rows.holder_key("gone") not in scene.table.rows
    assert rows.connection_key(TENANT, "here") in scene.table.rows


def test_sockets_whose_time_is_up_are_sent_nothing(scene: Scene, stream: Stream, ports: Ports) -> None:
    sockets = listen(scene, ports, "c1")
    scene.wait(CONNECTION_LIFE_S)
    scene.submit()
    push(ports, stream.read())
    assert sockets.lines == {"c1": []}


def test_a_line_that_cannot_be_sent_holds_nobody_up(scene: Scene, stream: Stream, ports: Ports) -> None:
    sockets = listen(scene, ports, "c1")
    listen(scene, ports, "c2")

    def busy(service: str, label: str, effect: Callable[[], Any]) -> Any:
        if label == "c1":
            raise Unavailable
        return effect()

    sockets.call = busy
    scene.submit()
    assert push(ports, stream.read()) == []
    assert len(sockets.lines["c2"]) == 1
