"""Exporting: one run at a time, part by part, whatever dies or comes twice, to a receipt or a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from lambdas import state
from lambdas.aws.ids import RandomIds
from lambdas.bury_letters import logic as bury_letters
from lambdas.export_dataset import logic as export_dataset
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.core.export import (
    RECEIPT,
    ExportFormat,
    ExportPart,
    ExportReceipt,
    ExportStatus,
    MadePart,
    Split,
    SplitTally,
    Tally,
)
from maskmill.core.job import JobStatus
from maskmill.core.limits import EXPORT_LEASE_S, EXPORT_RUN_S, JOB_LIFE_S, SWEEP_EXPORT_S
from maskmill.core.messages import ExportDataset, FinishJob
from maskmill.core.ports import Objects, Table
from maskmill.core.result import Results
from maskmill.core.rows import ExportState, JobState
from maskmill.exports.parts import PlannedPart
from tests.unit.lambdas.scene import JOB, TENANT, Scene

COCO = ExportFormat.COCO
MESSAGE = ExportDataset(tenant=TENANT, job_id=JOB, format=COCO)


@dataclass
class Maker:
    """Makes `total` parts; `during` happens while one is made."""

    total: int = 1
    during: Callable[[], None] = lambda: None
    made: list[int] = field(default_factory=list)

    def parts(self, job: JobState, results: Results, export: ExportFormat) -> list[PlannedPart]:
        return [PlannedPart(export, number, f"{number}.zip", None, 0, 0) for number in range(self.total)]

    def make(self, table: Table, media: Objects, job: JobState, results: Results, part: PlannedPart) -> MadePart:
        self.made.append(part.number)
        self.during()
        tally = Tally(splits={Split.TRAIN: SplitTally(sources=1, labels={"shirt": 1})})
        return MadePart(part=ExportPart(name=part.name, size_bytes=10, sha256="0" * 64, pictures=1), tally=tally)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    key = rows.job_key(TENANT, JOB)
    ended = {"status": JobStatus.SUCCEEDED.value, "dataset_bytes": 1, "due_at": 10**10}
    made.table.rows[key] = {**made.table.rows[key], **ended}
    put(made)
    return made


def put(scene: Scene) -> None:
    due_at_s = scene.now_s + SWEEP_EXPORT_S
    scene.table.write(rows.put_export(TENANT, JOB, COCO, now_s=scene.now_s, due_at_s=due_at_s))


def run(scene: Scene, maker: Maker) -> None:
    table, ids = scene.table, RandomIds(scene.clock)
    ports = export_dataset.Ports(table, scene.media, scene.queues, scene.clock, ids, maker, lease_s=EXPORT_LEASE_S)
    export_dataset.export(ports, MESSAGE)


def found(scene: Scene) -> ExportState:
    row = scene.table.get(rows.export_key(TENANT, JOB, COCO))
    assert row is not None
    return rows.export_of(row)


def test_an_export_ends_with_a_receipt_in_its_row_and_beside_its_parts(scene: Scene) -> None:
    run(scene, Maker(total=2))
    export = found(scene)
    assert export.status is ExportStatus.READY
    assert export.receipt is not None
    assert [part.name for part in export.receipt.parts] == ["0.zip", "1.zip"]
    assert export.receipt.splits[Split.TRAIN] == SplitTally(sources=2, labels={"shirt": 2})
    data = scene.media.objects[keys.export_file(TENANT, JOB, "coco", RECEIPT)]
    assert ExportReceipt.model_validate_json(data) == export.receipt
    before = dict(scene.table.rows)
    run(scene, Maker())
    assert scene.table.rows == before


def test_a_run_leaves_what_it_has_no_time_for_to_the_next_one(scene: Scene) -> None:
    maker = Maker(total=5, during=lambda: scene.wait(EXPORT_RUN_S // 2 + 1))
    run(scene, maker)
    assert maker.made == [0, 1]
    assert scene.sent() == [MESSAGE]
    run(scene, maker)
    run(scene, maker)
    assert maker.made == [0, 1, 2, 3, 4]
    assert found(scene).status is ExportStatus.READY
    assert found(scene).busy_ms == 5 * (EXPORT_RUN_S // 2 + 1) * 1000


def test_a_second_run_waits_while_the_first_may_be_alive_and_goes_on_where_it_died(scene: Scene) -> None:
    first = Maker(total=2)
    first.during = lambda: die() if len(first.made) == 2 else None
    with pytest.raises(KeyboardInterrupt):
        run(scene, first)
    scene.wait(EXPORT_LEASE_S - 1)
    with pytest.raises(Unavailable):
        run(scene, Maker())
    scene.wait(1)
    second = Maker(total=2)
    run(scene, second)
    assert second.made == [1]
    assert found(scene).status is ExportStatus.READY


def die() -> None:
    raise KeyboardInterrupt


def test_a_run_that_was_overtaken_writes_nothing(scene: Scene) -> None:
    def overtake() -> None:
        key = rows.export_key(TENANT, JOB, COCO)
        scene.table.rows[key] = {**scene.table.rows[key], "run": "another"}

    run(scene, Maker(during=overtake))
    assert found(scene).status is ExportStatus.MAKING
    assert not found(scene).made


def test_what_can_never_be_exported_fails_with_its_reason(scene: Scene) -> None:
    def refuse() -> None:
        raise InvalidInput(Code.EXPORT_TOO_LARGE)

    run(scene, Maker(during=refuse))
    export = found(scene)
    assert export.status is ExportStatus.FAILED
    assert export.refusal is not None
    assert export.refusal.code == "export_too_large"


def test_a_job_without_a_dataset_has_no_exports(scene: Scene) -> None:
    job_key = rows.job_key(TENANT, JOB)
    scene.table.rows[job_key] = {**scene.table.rows[job_key], "dataset_bytes": 0}
    run(scene, Maker())
    assert found(scene).status is ExportStatus.FAILED


def test_a_message_that_came_too_often_ends_the_export_once_nobody_is_at_it(scene: Scene) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(scene, Maker(during=die))
    with pytest.raises(Unavailable):
        scene.bury(MESSAGE)
    scene.wait(EXPORT_LEASE_S)
    scene.bury(MESSAGE)
    export = found(scene)
    assert export.status is ExportStatus.FAILED
    assert export.refusal == state.refusal(Code.EXPORT_FAILED)
    scene.bury(MESSAGE)


def test_a_dead_finish_message_of_an_ended_job_asks_for_its_exports(scene: Scene) -> None:
    key = rows.job_key(TENANT, JOB)
    job = scene.job().job
    wanted = job.recipe.recipe.model_copy(update={"exports": (COCO,)})
    doc = job.model_copy(update={"recipe": job.recipe.model_copy(update={"recipe": wanted})}).model_dump_json()
    scene.table.rows[key] = {**scene.table.rows[key], "doc": doc}
    ports = bury_letters.Ports(scene.table, scene.queues, scene.clock)
    bury_letters.bury(ports, FinishJob(tenant=TENANT, job_id=JOB))
    assert MESSAGE in scene.sent()


def test_a_job_that_is_given_up_ends_the_exports_that_a_run_had_noted(scene: Scene) -> None:
    """The last run of finish died after it had noted them, and its message had come too often."""
    key = rows.job_key(TENANT, JOB)
    job = scene.job().job
    wanted = job.recipe.recipe.model_copy(update={"exports": (COCO,)})
    doc = job.model_copy(update={"recipe": job.recipe.model_copy(update={"recipe": wanted})}).model_dump_json()
    full = frozenset(f"{number:04d}" for number in range(scene.job().chunks_total))
    was = {"status": JobStatus.FINISHING.value, "dataset_bytes": 0, "chunks_full": full, "doc": doc}
    scene.table.rows[key] = {**scene.table.rows[key], **was}
    scene.sent()
    scene.bury(FinishJob(tenant=TENANT, job_id=JOB))
    assert scene.job().status is JobStatus.FAILED
    assert MESSAGE in scene.sent()
    run(scene, Maker())
    export = found(scene)
    assert export.status is ExportStatus.FAILED
    assert export.refusal == state.refusal(Code.EXPORT_FAILED)


def test_the_sweep_sends_a_lost_message_again_and_leaves_a_run_alone(scene: Scene) -> None:
    assert not scene.sweep().counts
    scene.wait(SWEEP_EXPORT_S)
    assert scene.sweep().counts == {"export": 1}
    assert scene.sent() == [MESSAGE]
    with pytest.raises(KeyboardInterrupt):
        run(scene, Maker(during=die))
    export_key = rows.export_key(TENANT, JOB, COCO)
    scene.table.rows[export_key] = {**scene.table.rows[export_key], "due_at": scene.now_s}
    assert not scene.sweep().counts


def test_the_sweep_gives_up_an_export_in_the_end(scene: Scene) -> None:
    scene.wait(JOB_LIFE_S + 1)
    assert scene.sweep().counts == {"export_gave_up": 1}
    assert found(scene).status is ExportStatus.FAILED


def test_a_failed_export_can_be_asked_for_again_and_keeps_its_parts(scene: Scene) -> None:
    maker = Maker(total=2)
    maker.during = lambda: die() if len(maker.made) == 2 else None
    with pytest.raises(KeyboardInterrupt):
        run(scene, maker)
    scene.wait(EXPORT_LEASE_S)
    scene.bury(MESSAGE)
    again = rows.restart_export(TENANT, JOB, COCO, now_s=scene.now_s, due_at_s=scene.now_s + 60)
    scene.table.write(again)
    second = Maker(total=2)
    run(scene, second)
    assert second.made == [1]
    assert found(scene).status is ExportStatus.READY
