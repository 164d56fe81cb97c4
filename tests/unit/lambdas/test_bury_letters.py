"""Dead letters end what nobody else will end, and nothing else."""

from __future__ import annotations

import pytest

from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.messages import DispatchItems, FinishJob, PlanJob, RenderItems
from tests.unit.lambdas.scene import JOB, LEASE_S, TENANT, Scene

DISPATCH = DispatchItems(tenant=TENANT, job_id=JOB, chunk=0)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    return made


def test_a_letter_ends_what_is_stuck_and_leaves_what_the_endpoint_works_on(scene: Scene) -> None:
    """The copy of a message used to fail items whose masks another copy had long asked for."""
    scene.dispatch((1,))
    scene.bury(DISPATCH)
    items = scene.chunk().items
    assert (items[0].status, items[1].status) == (ItemStatus.FAILED, ItemStatus.SEGMENTING)
    scene.wait(LEASE_S)
    scene.bury(DISPATCH)
    assert scene.chunk().items[1].status is ItemStatus.FAILED


def test_a_letter_waits_for_the_run_that_is_finishing_the_job(scene: Scene) -> None:
    for index in range(2):
        scene.table.write(rows.end_items(TENANT, JOB, 0, {index: rows.Ending(ItemStatus.SKIPPED)}, now_s=scene.now_s))
    scene.table.write(rows.add_full_chunk(TENANT, JOB, 0))
    scene.table.write(rows.begin_finishing(TENANT, JOB, run="another", now_s=scene.now_s, until_s=scene.now_s + 960))
    letter = FinishJob(tenant=TENANT, job_id=JOB)
    with pytest.raises(Unavailable):
        scene.bury(letter)
    assert scene.job().status is JobStatus.FINISHING
    scene.wait(960)
    scene.bury(letter)
    assert scene.job().status is JobStatus.FAILED


def test_items_that_a_dying_planner_left_behind_end_with_their_job() -> None:
    """The job had failed while it was planned; the planner wrote one more chunk, died, and never came again."""
    scene = Scene()
    scene.submit()
    scene.fail_job()
    late = Scene()
    late.submit()
    late.plan()
    scene.table.rows |= {key: row for key, row in late.table.rows.items() if key.sk.startswith(rows.CHUNK_PREFIX)}
    scene.bury(PlanJob(tenant=TENANT, job_id=JOB))
    assert {item.status for item in scene.chunk().items.values()} == {ItemStatus.FAILED}
    assert scene.job().status is JobStatus.FAILED


def test_of_several_items_that_were_rendered_in_vain_each_is_tried_alone_before_it_fails(scene: Scene) -> None:
    """One picture that kills the function must not be the end of those beside it."""
    scene.table.write(rows.start_rendering(TENANT, JOB, 0, indices=(0, 1), now_s=scene.now_s))
    both = RenderItems(tenant=TENANT, job_id=JOB, chunk=0, indices=(0, 1))
    scene.bury(both)
    alone = [both.model_copy(update={"indices": (index,)}) for index in (0, 1)]
    assert scene.sent() == alone
    assert {item.status for item in scene.chunk().items.values()} == {ItemStatus.RENDERING}
    scene.bury(alone[0])
    assert [item.status for item in scene.chunk().items.values()] == [ItemStatus.FAILED, ItemStatus.RENDERING]


def test_a_dispatch_letter_hands_on_items_that_are_in_rendering(scene: Scene) -> None:
    """Dispatch moved them there and died before it sent their messages: nobody else would, before the sweep."""
    scene.table.write(rows.start_rendering(TENANT, JOB, 0, indices=(0,), now_s=scene.now_s))
    scene.bury(DISPATCH)
    handed_on = [message for _, message in scene.queues.sent if isinstance(message, RenderItems)]
    assert handed_on == [RenderItems(tenant=TENANT, job_id=JOB, chunk=0, indices=(0,))]
    assert scene.chunk().items[0].status is ItemStatus.RENDERING
