"""The sweep among many rows, bad rows and little time; what it repairs is the simulation's business."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import pytest

from maskmill.core import rows
from maskmill.core.image import Dataset, Image, ImageStatus, Refusal, Upload
from maskmill.core.limits import (
    REMOVAL_LEASE_S,
    SWEEP_DELIVERY_S,
    SWEEP_FINISH_S,
    SWEEP_FULL_CHUNK_S,
    SWEEP_PATIENCE_S,
    SWEEP_PLAN_S,
    SWEEP_RENDERING_S,
    SWEEP_RUN_S,
    UPLOAD_GRACE_S,
)
from maskmill.core.messages import DeliverWebhook, DispatchItems, FinishJob, PlanJob, RemoveDataset, RenderItems
from maskmill.core.plan import Chunk, PlannedItem
from tests.unit.lambdas.gateway import SHA256
from tests.unit.lambdas.scene import JOB, TENANT, Scene


def job_id(number: int) -> str:
    return f"j{number:08x}".ljust(26, "0")


def asked_for(scene: Scene) -> list[str]:
    return [message.job_id for message in scene.sent() if isinstance(message, PlanJob)]


def announce(scene: Scene) -> None:
    """An upload of the image `i`, which is due to be looked at."""
    image = Image(
        image_id="i",
        dataset_id="d",
        name="i.jpg",
        status=ImageStatus.EXPECTED,
        upload=Upload(name="i.jpg", size_bytes=1, sha256=SHA256),
        created_at=scene.clock.now(),
    )
    scene.table.write(rows.put_image(TENANT, image, due_at_s=scene.now_s))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_row_that_cannot_be_read_keeps_the_sweep_from_no_other(scene: Scene) -> None:
    """A row of a newer version, the longest due of all, used to end every sweep before its first repair."""
    for number in range(8):
        scene.submit(job_id(number))
    key = rows.job_key(TENANT, job_id(0))
    scene.table.rows[key] = {**scene.table.rows[key], "doc": "{}", "due_at": 0}
    scene.wait(61)
    repairs = scene.sweep()
    assert sorted(asked_for(scene)) == [job_id(number) for number in range(1, 8)]
    assert [failed for failed, _ in repairs.failures] == [key]
    assert scene.table.rows[key]["due_at"] > scene.now_s


def test_due_rows_beyond_one_page_are_the_next_sweeps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.sweep.logic.SWEEP_JOBS_MAX", 3)
    monkeypatch.setattr("maskmill.core.rows.jobs.DUE_PARTITIONS", 1)
    for number in range(8):
        scene.submit(job_id(number))
    scene.wait(61)
    pages = []
    for _ in range(3):
        scene.sweep()
        pages.append(asked_for(scene))
    assert [len(page) for page in pages] == [3, 3, 2]
    assert sorted(chain(*pages)) == [job_id(number) for number in range(8)]


def test_a_sweep_without_time_leaves_the_rest_and_the_next_begins_elsewhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow rows of one partition must not starve the partitions behind it, minute by minute."""
    for number in range(20):
        scene.submit(job_id(number))
    real = scene.table.get

    def slow(key: object) -> object:
        scene.clock.at += timedelta(seconds=SWEEP_RUN_S / 2)
        return real(key)  # type: ignore[arg-type]

    monkeypatch.setattr(type(scene.table), "get", lambda _self, key: slow(key))
    scene.wait(61)
    seen: set[int] = set()
    for _ in range(5):
        scene.clock.at = scene.clock.at.replace(second=0) + timedelta(minutes=1)
        assert scene.sweep().is_cut_short
        seen |= {int(found[1:9], 16) % rows.DUE_PARTITIONS for found in asked_for(scene)}
    assert seen == set(range(rows.DUE_PARTITIONS))


def test_what_waits_in_a_backlog_is_not_asked_for_every_minute(scene: Scene) -> None:
    """Each minute's copy of every message made a long queue longer: 27 copies where one was wanted."""
    scene.submit()
    scene.plan()
    table = scene.table
    table.write(rows.start_rendering(TENANT, JOB, 0, indices=[0, 1], now_s=scene.now_s))
    copies = 0
    for _ in range(45):
        scene.wait(60)
        scene.sweep()
        copies += sum(isinstance(message, RenderItems) for message in scene.sent())
    assert copies == 2 * (45 * 60 // SWEEP_RENDERING_S - 1)


def test_a_chunk_of_refused_images_alone_makes_no_room_before_its_turn(scene: Scene) -> None:
    """It left the segmenter from the start, while the chunk before it was in it: the one behind it was sent as lost."""
    scene.submit()
    scene.table.write(rows.begin_planning(TENANT, JOB, window_shards=1))
    no_picture = Refusal(code="corrupt_image", message="damaged")
    for number, refusal in enumerate([None, no_picture, None]):
        item = PlannedItem(index=number, image_id=f"i{number}", name="a.jpg", refusal=refusal)
        scene.table.write(rows.put_chunk(TENANT, JOB, Chunk(number=number, items=(item,)), now_s=scene.now_s))
    scene.table.write(rows.mark_planned(TENANT, JOB, chunks_total=3, items_total=3))
    scene.wait(SWEEP_PATIENCE_S)
    scene.sweep()
    assert [message.chunk for message in scene.sent() if isinstance(message, DispatchItems)] == [0]


def test_a_job_that_is_being_planned_is_asked_for_every_few_minutes(scene: Scene) -> None:
    scene.submit()
    for _ in range(20):
        scene.wait(60)
        scene.sweep()
    assert len(asked_for(scene)) == 20 * 60 // SWEEP_PLAN_S


def test_a_job_that_is_being_finished_is_left_to_the_run_that_is_at_it(scene: Scene) -> None:
    """Ten minutes of streaming met ten more runs of the same job, one a minute."""
    scene.submit()
    scene.plan(items=0)
    scene.table.write(rows.add_full_chunk(TENANT, JOB, 0))
    until_s = scene.now_s + 900
    scene.table.write(rows.begin_finishing(TENANT, JOB, run="another", now_s=scene.now_s, until_s=until_s))
    sent = []
    for _ in range(30):
        scene.wait(60)
        scene.sweep()
        sent += [scene.now_s for message in scene.sent() if isinstance(message, FinishJob)]
    assert sent == [until_s, until_s + SWEEP_FINISH_S]


def test_an_upload_that_is_looked_at_is_not_looked_at_again_at_once(scene: Scene) -> None:
    announce(scene)
    scene.uploads.put(f"t/{TENANT}/d/d/i", b"x", media_type="image/jpeg")
    assert [scene.sweep().counts for _ in range(2)] == [{"ingest": 1}, {}]


def test_an_upload_that_never_came_is_refused_after_its_time_and_is_no_loss(scene: Scene) -> None:
    announce(scene)
    scene.wait(UPLOAD_GRACE_S + 1)
    repairs = scene.sweep()
    found = rows.image_of(scene.table.rows[rows.image_key(TENANT, "d", "i")])
    assert found.refusal is not None
    assert (found.status, found.refusal.code) == (ImageStatus.REFUSED, "upload_missing")
    assert (repairs.counts, repairs.failures) == ({}, [])


def test_a_delivery_is_woken_when_it_is_due_and_then_left_alone_for_a_while(scene: Scene) -> None:
    write = rows.put_delivery(
        TENANT, "w", "y", kind="job_ended", body="{}", created_at=scene.clock.now(), due_at_s=scene.now_s
    )
    scene.table.write(write)
    scene.wait(SWEEP_DELIVERY_S)
    first = scene.sweep()
    assert [type(message) for message in scene.sent()] == [DeliverWebhook]
    assert (first.counts, first.failures) == ({"webhook": 1}, [])
    assert scene.table.rows[write.key]["due_at"] == scene.now_s + SWEEP_DELIVERY_S
    assert scene.sweep().counts == {}


def test_a_full_chunk_that_nobody_told_of_is_told_of(scene: Scene) -> None:
    scene.submit()
    scene.plan(items=0)
    scene.wait(SWEEP_FULL_CHUNK_S + 60)
    repairs = scene.sweep()
    assert (repairs.counts.get("full_chunk"), repairs.failures) == (1, [])
    assert scene.job().chunks_full == {"0000"}
    assert [type(message) for message in scene.sent()] == [FinishJob]


def test_a_dataset_that_has_expired_is_removed_and_one_that_was_given_more_time_is_not(scene: Scene) -> None:
    end = scene.clock.now() + timedelta(hours=1)
    for name in ("d", "e"):
        dataset = Dataset(dataset_id=name, name=name, created_at=scene.clock.now(), expires_at=end)
        scene.table.write(rows.put_dataset(TENANT, dataset))
    scene.wait(3600)
    later_s = scene.now_s + 600
    scene.table.write(rows.expire_dataset(TENANT, "e", expiry_s=later_s))
    key = rows.dataset_key(TENANT, "e")
    scene.table.rows[key] = {**scene.table.rows[key], "due_at": scene.now_s}  # as an index has it that lags behind
    assert scene.sweep().counts == {}
    assert scene.sent() == [RemoveDataset(tenant=TENANT, dataset_id="d")]
    assert rows.removal_of(scene.table.rows[rows.dataset_key(TENANT, "d")]) is not None
    kept = scene.table.rows[rows.dataset_key(TENANT, "e")]
    assert (rows.removal_of(kept), kept["due_at"]) == (None, later_s)


def test_a_removal_whose_run_died_is_a_repair(scene: Scene) -> None:
    scene.table.write(rows.put_dataset(TENANT, Dataset(dataset_id="d", name="d", created_at=scene.clock.now())))
    scene.table.write(rows.begin_removal(TENANT, "d", now_s=scene.now_s, due_at_s=scene.now_s + 60))
    scene.table.write(
        rows.claim_removal(TENANT, "d", run="r", now_s=scene.now_s, until_s=scene.now_s + REMOVAL_LEASE_S)
    )
    scene.wait(REMOVAL_LEASE_S)
    assert scene.sweep().counts == {"remove": 1}
    assert scene.sent() == [RemoveDataset(tenant=TENANT, dataset_id="d")]
