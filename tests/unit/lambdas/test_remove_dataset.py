"""Removals one run at a time: what a run leaves to the next, who waits for whom, and what is given back.

Under faults and beside users the simulation plays them (tests/simulation).
"""

from __future__ import annotations

import io
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from lambdas import state
from lambdas.aws.telemetry import logger_of
from lambdas.known import Facts, keep_first
from lambdas.remove_dataset import handler as edge
from lambdas.remove_dataset.images import remove_image
from lambdas.remove_dataset.logic import remove_dataset
from lambdas.remove_dataset.ports import Ports
from maskmill.core import keys, rows
from maskmill.core.errors import Unavailable
from maskmill.core.export import ExportFormat
from maskmill.core.fact import label_fact, mask_fact, record_fact
from maskmill.core.image import Dataset, Image, ImageStatus, Refusal, Upload
from maskmill.core.limits import FACT_ROW_BYTES_MAX, REMOVAL_LEASE_S, REMOVAL_RUN_S, REMOVAL_WAIT_S, SUBMISSION_S
from maskmill.core.messages import RemoveDataset, RemoveImage
from maskmill.core.table import Delete, Row, RowConflict, Update, Write
from tests.simulation.cloud import FixedClock, MemoryObjects, MemoryQueues, MemoryTable
from tests.simulation.users import CountedIds
from tests.unit.lambdas.gateway import SHA256
from tests.unit.lambdas.scene import TENANT, Scene
from tests.unit.lambdas.sqs import sqs_event

LATE_S = 1000
LONG = random.Random(1).randbytes(2 * FACT_ROW_BYTES_MAX)  # so that it lies in an object


@dataclass
class Removal:
    """A tenant with the dataset `d` and what it asks to be removed."""

    scene: Scene = field(default_factory=Scene)
    ids: CountedIds = field(default_factory=CountedIds)
    is_ended: bool = False  # as the last run has said

    @property
    def table(self) -> MemoryTable:
        return self.scene.table

    @property
    def media(self) -> MemoryObjects:
        return self.scene.media

    @property
    def clock(self) -> FixedClock:
        return self.scene.clock

    @property
    def queues(self) -> MemoryQueues:
        return self.scene.queues

    @property
    def ports(self) -> Ports:
        scene = self.scene
        return Ports(
            scene.table, scene.uploads, scene.media, scene.work, scene.queues, scene.clock, self.ids, late_s=LATE_S
        )

    def dataset(self, name: str = "d") -> None:
        self.table.write(rows.put_dataset(TENANT, Dataset(dataset_id=name, name=name, created_at=self.clock.now())))

    def image(self, name: str, pixels: str, *, dataset: str = "d") -> None:
        """An image that ingest has made ready."""
        image = Image(
            image_id=name,
            dataset_id=dataset,
            name=f"{name}.jpg",
            status=ImageStatus.EXPECTED,
            upload=Upload(name=f"{name}.jpg", size_bytes=10, sha256=SHA256),
            created_at=self.clock.now(),
        )
        self.table.write(rows.put_image(TENANT, image, due_at_s=0))
        self.table.write(rows.note_pixels(TENANT, dataset, name, pixels_sha256=pixels))
        self.table.write(rows.put_reference(TENANT, pixels, dataset, name))
        self.media.put(keys.normal(TENANT, pixels), b"normal", media_type="image/png")
        self.learn(pixels)

    def learn(self, pixels: str, *, labels: int = 1) -> None:
        """A job that knows a picture's mask, whose run lengths are long, its labels and a variant."""
        keep_first(self.table, self.media, TENANT, {mask_fact(pixels, "m"): LONG})
        known = Facts(self.table, self.media, TENANT)
        for number in range(labels):
            known.learn(label_fact(pixels, f"o{number:04d}"), b"{}")
        known.learn(record_fact(pixels, "r"), b"{}")
        known.keep()

    def known(self, pixels: str) -> int:
        """How much is known of a picture."""
        prefixes = tuple(rows.FACT_PREFIXES.values())
        return len(
            [row for row in self.table.rows.of(rows.picture_pk(TENANT, pixels)) if row["sk"].startswith(prefixes)]
        )

    def ask(self) -> None:
        now_s = state.now_s(self.clock)
        self.table.write(rows.begin_removal(TENANT, "d", now_s=now_s, due_at_s=now_s + 60))

    def run(self) -> list[object]:
        """One run; returns the messages that it sent."""
        self.is_ended = remove_dataset(self.ports, RemoveDataset(tenant=TENANT, dataset_id="d"))
        return list(self.scene.sent())

    def run_image(self, name: str) -> None:
        remove_image(self.ports, RemoveImage(tenant=TENANT, dataset_id="d", image_id=name))

    def retire(self, name: str) -> None:
        now_s = state.now_s(self.clock)
        assert state.retire_image(self.table, TENANT, "d", name, at_s=now_s, due_at_s=now_s)

    def has(self, pixels: str) -> bool:
        return keys.normal(TENANT, pixels) in self.media.objects

    def dataset_row(self) -> dict[str, object]:
        return self.table.rows[rows.dataset_key(TENANT, "d")]


@pytest.fixture
def removal() -> Removal:
    made = Removal()
    made.dataset()
    return made


def test_a_dataset_that_nobody_asked_to_remove_stays(removal: Removal) -> None:
    removal.image("i1", "a")
    assert removal.run() == []
    assert removal.has("a")


def test_objects_go_at_the_first_look_and_rows_at_the_last(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.ask()
    removal.run()
    assert (removal.media.objects, removal.known("a")) == ({}, 0)
    assert rows.image_key(TENANT, "d", "i1") in removal.table.rows
    removal.media.put(keys.normal(TENANT, "a"), b"late", media_type="image/png")
    removal.learn("a")
    removal.run()  # a message that comes too early changes nothing
    assert removal.has("a")
    assert not removal.is_ended
    removal.clock.at += timedelta(seconds=LATE_S)
    removal.run()
    assert removal.media.objects == {}
    assert removal.is_ended
    assert [key for key in removal.table.rows if key.sk != rows.USAGE_PREFIX] == []


def test_the_end_of_a_removal_is_said_once_and_by_ids(removal: Removal, monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(logger_of(edge.FUNCTION).registered_handler, "stream", said)
    monkeypatch.setattr(edge, "connect", lambda: removal.ports)
    removal.image("i1", "a")
    removal.ask()
    removal.run()
    removal.clock.at += timedelta(seconds=LATE_S)
    message = RemoveDataset(tenant=TENANT, dataset_id="d")
    for _ in range(2):
        assert edge.handler(sqs_event(message.model_dump_json()), None) == {"batchItemFailures": []}
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    (proof,) = [line for line in lines if line["message"] == "dataset removed"]
    assert (proof["tenant"], proof["dataset_id"]) == (TENANT, "d")


def test_a_run_that_has_no_time_leaves_the_rest_to_the_next(removal: Removal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each removal of objects takes half of a run's time, and no run begins where another ended."""
    for number in range(5):
        removal.image(f"i{number}", f"{number}")
    removal.ask()
    real, cleared = MemoryObjects.delete_some, []

    def slow(bucket: MemoryObjects, prefix: str) -> bool:
        cleared.append(prefix)
        removal.clock.at += timedelta(seconds=REMOVAL_RUN_S / 2)
        return real(bucket, prefix)

    monkeypatch.setattr(MemoryObjects, "delete_some", slow)
    again = RemoveDataset(tenant=TENANT, dataset_id="d")
    sent = [removal.run() for _ in range(4)]
    assert sent == [[again], [again], [again], []]
    pictures = [prefix for prefix in cleared if "/px/" in prefix]
    assert sorted(pictures) == sorted(set(pictures))
    assert not any(removal.has(f"{number}") for number in range(5))


def test_what_is_known_of_a_picture_goes_before_its_objects_and_in_as_many_runs_as_it_takes(
    removal: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row may name an object: without the row nobody looks for it."""
    removal.image("i1", "a")
    removal.learn("a", labels=250)
    removal.ask()
    real = MemoryTable.write

    def slow(table: MemoryTable, write: Write) -> Row:
        if isinstance(write, Delete) and "#X#" in write.key.pk and write.key.sk != "LOCK":
            removal.clock.at += timedelta(seconds=REMOVAL_RUN_S / 100)
        return real(table, write)

    monkeypatch.setattr(MemoryTable, "write", slow)
    left = []
    while removal.run():
        left.append((removal.known("a"), removal.has("a")))
    assert left == [(152, True), (52, True)]
    assert (removal.known("a"), removal.media.objects) == (0, {})


def test_an_image_takes_along_what_is_known_of_its_picture(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.retire("i1")
    removal.run_image("i1")
    assert (removal.known("a"), removal.media.objects) == (0, {})
    removal.learn("a")  # by somebody who began before
    removal.clock.at += timedelta(seconds=LATE_S)
    removal.run_image("i1")
    assert (removal.known("a"), removal.media.objects) == (0, {})


def test_two_runs_at_once_are_one(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.ask()
    now_s = state.now_s(removal.clock)
    removal.table.write(rows.claim_removal(TENANT, "d", run="other", now_s=now_s, until_s=now_s + REMOVAL_LEASE_S))
    removal.run()
    assert removal.has("a")
    removal.clock.at += timedelta(seconds=REMOVAL_LEASE_S)  # it must have died
    removal.run()
    assert not removal.has("a")


def test_two_runs_at_one_image_are_one(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.retire("i1")
    now_s = state.now_s(removal.clock)
    until_s = now_s + REMOVAL_LEASE_S
    removal.table.write(rows.claim_gone(TENANT, "d", "i1", run="other", now_s=now_s, until_s=until_s))
    removal.run_image("i1")
    assert removal.has("a")
    removal.clock.at += timedelta(seconds=REMOVAL_LEASE_S)  # it must have died
    removal.run_image("i1")
    assert not removal.has("a")


def test_a_claim_that_came_through_although_the_table_said_otherwise_is_ones_own(
    removal: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal.image("i1", "a")
    removal.retire("i1")
    real = MemoryTable.write

    def write(self: MemoryTable, write: Write) -> object:
        row = real(self, write)
        if isinstance(write, Update) and ("run_until_s",) in write.set and write.set["run_until_s",]:
            raise RowConflict(write.key, row)
        return row

    monkeypatch.setattr(MemoryTable, "write", write)
    removal.run_image("i1")
    assert not removal.has("a")


def test_a_picture_stays_while_another_dataset_shows_it_and_goes_with_the_last(removal: Removal) -> None:
    removal.dataset("e")
    removal.image("i1", "a")
    removal.image("i2", "a", dataset="e")
    removal.ask()
    removal.run()
    removal.clock.at += timedelta(seconds=LATE_S)
    removal.run()
    assert removal.has("a")
    assert removal.known("a") == 3
    assert rows.references_of("e", "i2") in {key.sk for key in removal.table.rows}
    assert rows.references_of("d", "i1") not in {key.sk for key in removal.table.rows}


def test_twins_in_one_dataset_do_not_keep_each_other(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.image("i2", "a")
    removal.ask()
    removal.run()
    assert not removal.has("a")


def test_a_picture_that_another_run_has_is_asked_for_again(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.ask()
    until_s = state.now_s(removal.clock) + 60
    removal.table.write(rows.lock_picture(TENANT, "a", run="other", until_s=until_s))
    with pytest.raises(Unavailable):
        removal.run()
    assert removal.has("a")
    removal.clock.at += timedelta(seconds=REMOVAL_LEASE_S)
    removal.run()
    assert not removal.has("a")
    assert rows.lock_key(TENANT, "a") not in removal.table.rows


def test_a_job_that_is_being_submitted_is_waited_for_and_one_that_never_came_is_not(removal: Removal) -> None:
    removal.scene.submit()
    job = removal.scene.job().job
    removal.table.rows.pop(rows.job_key(TENANT, job.job_id))
    removal.table.write(rows.put_dataset_job(TENANT, job))
    removal.ask()
    removal.run()
    assert "last_look_s" not in removal.dataset_row()
    removal.clock.at += timedelta(seconds=SUBMISSION_S)
    removal.run()
    assert "last_look_s" in removal.dataset_row()


def test_an_open_job_ends_before_anything_goes(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.scene.submit()
    removal.table.write(rows.put_dataset_job(TENANT, removal.scene.job().job))
    removal.ask()
    (message,) = removal.run()
    assert getattr(message, "kind", None) == "plan"
    job = removal.scene.job()
    assert job.abandoned
    assert job.cancel_requested
    assert removal.has("a")
    removal.scene.fail_job()
    removal.run()
    assert not removal.has("a")
    assert state.load_job(removal.table, TENANT, job.job.job_id) is None


def test_a_job_that_has_ended_is_noted_as_abandoned_where_the_removal_looks_for_it(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.scene.submit()
    job = removal.scene.job().job
    removal.table.write(rows.put_dataset_job(TENANT, job))
    removal.scene.fail_job()
    removal.ask()
    removal.run()
    assert removal.table.rows[rows.dataset_job_key(TENANT, "d", job.job_id)]["abandoned"]


def test_a_job_that_is_found_at_the_last_look_takes_the_removal_back_to_the_first(removal: Removal) -> None:
    """It may still write something, so what was cleared is cleared again once it has ended."""
    removal.ask()
    removal.run()
    assert "last_look_s" in removal.dataset_row()
    removal.scene.submit()
    removal.table.write(rows.put_dataset_job(TENANT, removal.scene.job().job))
    removal.clock.at += timedelta(seconds=LATE_S)
    removal.run()
    row = removal.dataset_row()
    assert not {"last_look_s", "done_until"} & row.keys()
    assert row["run_until_s"] == 0
    assert row["due_at"] == state.now_s(removal.clock) + REMOVAL_WAIT_S


def test_an_image_gives_its_place_back_once(removal: Removal) -> None:
    for name in ("i1", "i2"):
        removal.image(name, name)
    write = rows.reserve(TENANT, "d", kind="images", count=2, count_max=10, size_bytes=20)
    removal.table.write(write)
    removal.retire("i1")
    for _ in range(3):
        removal.run_image("i1")
    assert not removal.has("i1")
    assert removal.has("i2")
    row = removal.dataset_row()
    assert (row["images_reserved"], row["bytes_reserved"], row["gone"]) == (1, 10, {})
    removal.clock.at += timedelta(seconds=LATE_S)
    removal.run_image("i1")
    assert rows.gone_key(TENANT, "d", "i1") not in removal.table.rows


def test_an_image_waits_for_the_exports_that_are_being_made_of_an_ended_job(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.scene.submit()
    job = removal.scene.job().job
    removal.table.write(rows.put_dataset_job(TENANT, job))
    removal.scene.fail_job()
    coco = ExportFormat.COCO
    removal.table.write(rows.put_export(TENANT, job.job_id, coco, now_s=removal.scene.now_s, due_at_s=0))
    removal.retire("i1")
    removal.run_image("i1")
    assert removal.has("a")
    refusal, at = Refusal(code="export_failed", message="It could not be made."), removal.clock.now()
    removal.table.write(rows.fail_export(TENANT, job.job_id, coco, refusal, finished_at=at))
    removal.clock.at += timedelta(minutes=5)
    removal.run_image("i1")
    assert not removal.has("a")


def test_an_image_waits_for_the_jobs_that_were_open_and_for_no_later_one(removal: Removal) -> None:
    removal.image("i1", "a")
    removal.scene.submit()
    removal.table.write(rows.put_dataset_job(TENANT, removal.scene.job().job))
    removal.retire("i1")
    removal.run_image("i1")
    assert removal.has("a")
    removal.scene.fail_job()
    removal.clock.at += timedelta(minutes=5)
    removal.scene.submit("j" + "1" * 25)
    removal.table.write(rows.put_dataset_job(TENANT, removal.scene.job("j" + "1" * 25).job))
    removal.run_image("i1")
    assert not removal.has("a")
