"""All orders of two functions at one item, and all moments at which one of them dies: each schedule once, none left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas import state
from maskmill.core import rows
from maskmill.core.messages import QueueName
from tests.simulation.interleavings import Deed, Kept, Scene, before, schedules

BOUND = 10_000  # schedules of a pair: more, and it is no small search any more
# The pairs with the least number of schedules that there are of them: fewer, and somebody plays by himself.
# (Two planners, a planner and who cancels, and two finishers hold as well: 4,594, 9,652 and 14,960 schedules.)
PAIRS = {
    (QueueName.PLAN, "sweep"): 900,
    (QueueName.DISPATCH, "itself"): 1_400,
    (QueueName.DISPATCH, "cancel"): 1_000,
    (QueueName.DISPATCH, "sweep"): 1_400,
    (QueueName.COLLECT, "itself"): 300,
    (QueueName.COLLECT, "cancel"): 500,
    (QueueName.COLLECT, "sweep"): 800,
    (QueueName.RENDER, "itself"): 3_600,
    (QueueName.RENDER, "cancel"): 1_100,
    (QueueName.FINISH, "cancel"): 2_500,
    (QueueName.FINISH, "sweep"): 2_200,
}


def deeds_of(queue: QueueName, other: str) -> tuple[Kept, tuple[Deed, Deed]]:
    kept = before(queue, later=other == "sweep")

    def handle(scene: Scene) -> bool:
        return scene.open(kept.letter)

    return kept, (handle, {"itself": handle, "cancel": Scene.cancel, "sweep": Scene.look}[other])


@pytest.mark.parametrize(("queue", "other"), PAIRS)
def test_whatever_the_order_and_whoever_dies_the_job_ends_as_it_must(queue: QueueName, other: str) -> None:
    kept, deeds = deeds_of(queue, other)
    seen = set()
    for schedule, violations in schedules(kept, deeds):
        assert not violations, (schedule, violations[:3])
        seen.add(tuple(schedule))
        assert len(seen) <= BOUND
    assert len(seen) >= PAIRS[queue, other]
    assert sum(any(dies for _, dies in schedule) for schedule in seen) > len(seen) // 2


def test_an_end_without_a_condition_is_found_in_some_order(monkeypatch: pytest.MonkeyPatch) -> None:
    end_items = rows.end_items
    monkeypatch.setattr(rows, "end_items", lambda *given, **named: replace(end_items(*given, **named), require=()))
    assert any(violations for _, violations in schedules(*deeds_of(QueueName.RENDER, "itself")))


def test_a_hand_off_that_is_forgotten_is_found_at_some_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the item ended stops, although the one who ended it died before it could say so."""
    forward = state.forward

    def only_once(table: object, queues: object, tenant: str, job_id: str, chunk: rows.ChunkState) -> None:
        if "told" not in seen:
            seen.add("told")
            forward(table, queues, tenant, job_id, chunk)  # type: ignore[arg-type]

    seen: set[str] = set()
    kept, deeds = deeds_of(QueueName.RENDER, "itself")
    monkeypatch.setattr(state, "forward", only_once)

    def found() -> bool:
        for _, violations in schedules(kept, deeds):
            seen.clear()
            if violations:
                return True
        return False

    assert found()
