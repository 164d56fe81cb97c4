"""What a job may cause, whatever is wrong: requests to the endpoint and repairs are counted, and the count ends them."""

from __future__ import annotations

from maskmill.core import rows
from maskmill.core.errors import Code
from maskmill.core.item import ItemStatus
from maskmill.core.limits import (
    JOB_LIFE_S,
    REPAIRS_PER_CHUNK_MAX,
    REQUESTS_IN_OUTAGE,
    REQUESTS_PER_CHUNK_MAX,
    SWEEP_PATIENCE_S,
)
from maskmill.core.messages import DispatchItems
from maskmill.core.table import RowConflict, Update, Write
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.scene import JOB, TENANT, Scene

ITEMS = 2


class ForgetfulTable(MemoryTable):
    """Nobody can ever note that a request was handed over."""

    def write(self, write: Write) -> rows.Row:
        if isinstance(write, Update) and any(path[0] == "answers" for path in write.set):
            raise RowConflict(write.key, None)
        return super().write(write)


def planned(table: MemoryTable) -> Scene:
    scene = Scene(table=table)
    scene.submit()
    scene.plan(items=ITEMS)
    return scene


def codes(scene: Scene) -> list[str | None]:
    return [item.refusal and item.refusal.code for item in scene.chunk().items.values()]


def test_a_request_that_nobody_can_note_is_handed_over_a_bounded_number_of_times() -> None:
    """Leases alone do not bound it: the attempt stays the first, and every message hands it over again."""
    scene = planned(ForgetfulTable())
    most = REQUESTS_PER_CHUNK_MAX * ITEMS + REQUESTS_IN_OUTAGE
    for _ in range(3 * most):
        scene.dispatch()
    assert len(scene.endpoint.invocations) == most
    assert codes(scene) == [Code.BUDGET_EXCEEDED] * ITEMS
    assert all(item.status is ItemStatus.FAILED for item in scene.chunk().items.values())


def test_a_chunk_is_repaired_a_bounded_number_of_times() -> None:
    """A queue that loses everything, for longer than any job lives."""
    scene = planned(MemoryTable())
    asked = 0
    while not scene.chunk().is_full:
        scene.wait(SWEEP_PATIENCE_S + 61)
        scene.sweep()
        asked += sum(isinstance(message, DispatchItems) for message in scene.sent())
        spending = rows.chunk_of(scene.table.rows[rows.chunk_key(TENANT, JOB, 0)]).repairs
        assert asked == spending <= REPAIRS_PER_CHUNK_MAX
    assert set(codes(scene)) <= {Code.BUDGET_EXCEEDED, Code.GAVE_UP}


def test_repairs_beyond_the_bound_end_the_items() -> None:
    scene = planned(MemoryTable())
    key = rows.chunk_key(TENANT, JOB, 0)
    scene.table.write(Update(key, add={("repairs",): REPAIRS_PER_CHUNK_MAX}))
    scene.wait(SWEEP_PATIENCE_S + 61)
    assert scene.sweep().counts == {"budget_exceeded": 1}
    assert codes(scene) == [Code.BUDGET_EXCEEDED] * ITEMS


def test_a_job_that_is_never_planned_is_given_up_after_its_life() -> None:
    scene = Scene()
    scene.submit()
    scene.wait(JOB_LIFE_S)
    scene.sweep()
    assert not scene.job().status.is_terminal
    scene.wait(10 * 60)
    assert scene.sweep().counts == {"gave_up": 1}
    found = scene.job()
    assert (found.status, found.refusal and found.refusal.code) == ("failed", Code.GAVE_UP)
