"""Finishing: one run at a time, whatever dies or comes twice, and counters that stay."""

from __future__ import annotations

import pytest

from lambdas.aws.ids import RandomIds
from lambdas.finish_job import logic as finish_job
from lambdas.serve_api import jobs
from maskmill.core import rows
from maskmill.core.errors import Unavailable
from maskmill.core.export import ExportFormat
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import SWEEP_EXPORT_S
from maskmill.core.messages import ExportDataset, FinishJob
from maskmill.core.table import Key, RowConflict, Update, Write
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.scene import JOB, TENANT, Scene

LEASE_S = 960
MESSAGE = FinishJob(tenant=TENANT, job_id=JOB)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    for index in range(2):
        made.table.write(rows.end_items(TENANT, JOB, 0, {index: rows.Ending(ItemStatus.FAILED)}, now_s=made.now_s))
    made.table.write(rows.add_full_chunk(TENANT, JOB, 0))
    return made


def finish(scene: Scene) -> None:
    table, ids = scene.table, RandomIds(scene.clock)
    ports = finish_job.Ports(table, scene.media, scene.queues, scene.clock, ids, lambda *_: 1, lease_s=LEASE_S)
    finish_job.finish(ports, MESSAGE)


def take(scene: Scene) -> None:
    """Another run begins."""
    scene.table.write(
        rows.begin_finishing(TENANT, JOB, run="another", now_s=scene.now_s, until_s=scene.now_s + LEASE_S)
    )


def test_a_second_run_waits_while_the_first_may_be_alive_and_goes_on_when_it_died(scene: Scene) -> None:
    take(scene)
    scene.wait(LEASE_S - 1)
    with pytest.raises(Unavailable):
        finish(scene)
    scene.wait(1)
    finish(scene)
    assert scene.job().status is JobStatus.FAILED


def test_a_run_that_meets_its_own_claim_after_a_lost_answer_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryTable.write

    def write(self: MemoryTable, write: Write) -> object:
        row = real(self, write)
        if isinstance(write, Update) and ("finish_until_s",) in write.set:
            raise RowConflict(write.key, row)
        return row

    monkeypatch.setattr(MemoryTable, "write", write)
    finish(scene)
    assert scene.job().status is JobStatus.FAILED


def test_a_message_about_a_finished_job_changes_nothing(scene: Scene) -> None:
    finish(scene)
    before = dict(scene.table.rows)
    scene.wait(5)
    finish(scene)
    assert scene.table.rows == before


def test_an_ended_job_is_shown_without_a_look_at_its_chunks(scene: Scene) -> None:
    """A page of fifty jobs of 10,000 images each read 20,000 rows for counters that never change again."""
    finish(scene)
    view = jobs.view(MemoryTable(), scene.job())
    assert (view.items.failed, view.items.total) == (2, 2)


def wants(scene: Scene, *exports: ExportFormat) -> None:
    """The job's recipe asks for these."""
    row = dict(scene.table.rows[rows.job_key(TENANT, JOB)])
    job = rows.job_of(row).job
    wanted = job.recipe.recipe.model_copy(update={"exports": exports})
    row["doc"] = job.model_copy(update={"recipe": job.recipe.model_copy(update={"recipe": wanted})}).model_dump_json()
    scene.table.rows[rows.job_key(TENANT, JOB)] = row


def test_exports_that_were_noted_come_to_an_end_although_the_job_was_cancelled_meanwhile(scene: Scene) -> None:
    """The first run noted them and died; the second found the job cancelled, and nobody was asked to make them."""
    wants(scene, ExportFormat.COCO, ExportFormat.YOLO_SEG)
    noted = rows.put_export(TENANT, JOB, ExportFormat.COCO, now_s=scene.now_s, due_at_s=scene.now_s)
    scene.table.write(noted)
    scene.table.write(rows.request_cancel(TENANT, JOB))
    finish(scene)
    scene.sent()
    finish(scene)  # the job has ended: the hand-off is all that is left
    assert scene.sent() == [ExportDataset(tenant=TENANT, job_id=JOB, format=ExportFormat.COCO)]


def test_the_exports_of_the_recipe_are_noted_before_the_job_ends_and_asked_for_after_it() -> None:
    scene = Scene()
    scene.submit()
    scene.plan(items=1)
    scene.table.write(rows.start_rendering(TENANT, JOB, 0, indices=[0], now_s=scene.now_s))
    scene.table.write(rows.end_items(TENANT, JOB, 0, {0: rows.Ending(ItemStatus.DONE)}, now_s=scene.now_s))
    scene.table.write(rows.add_full_chunk(TENANT, JOB, 0))
    wants(scene, ExportFormat.COCO)
    key = rows.export_key(TENANT, JOB, ExportFormat.COCO)
    was_open: list[bool] = []

    def see(changed: Key, _before: object, _after: object) -> None:
        if changed == key:
            was_open.append(not scene.job().status.is_terminal)

    scene.table.watch.append(see)
    finish(scene)
    assert was_open == [True]
    row = scene.table.rows[key]
    assert (row["created_at_s"], row["due_at"]) == (scene.now_s, scene.now_s + SWEEP_EXPORT_S)
    assert ExportDataset(tenant=TENANT, job_id=JOB, format=ExportFormat.COCO) in scene.sent()
