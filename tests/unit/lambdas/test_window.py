"""A job's window in the segmenter: when a chunk leaves, the next of its line takes its place, once and in any case."""

from __future__ import annotations

from lambdas import state
from lambdas.plan_job import logic as plan_job
from maskmill.core import keys, rows
from maskmill.core.image import Image, ImageStatus, Refusal, Upload
from maskmill.core.limits import SWEEP_PENDING_S
from maskmill.core.messages import DispatchItems, Message, PlanJob
from maskmill.core.plan import Plan, PlannedItem, openers
from tests.unit.lambdas.gateway import SHA256, normal_image
from tests.unit.lambdas.scene import JOB, TENANT, Scene

REFUSED = Refusal(code="corrupt_image", message="damaged")
WINDOW = 2


def planned(kinds: str) -> Plan:
    """One chunk for each letter: `o` of an open item, `x` of a refused one."""
    items = tuple(
        PlannedItem(index=index, image_id=f"i{index}", name="a.jpg", refusal=REFUSED)
        if kind == "x"
        else PlannedItem(index=index, image_id=f"i{index}", name="a.jpg", normal=normal_image())
        for index, kind in enumerate(kinds)
    )
    return Plan(items=items, chunk_items=1)


def scene_of(kinds: str, *, window_shards: int | None = WINDOW) -> Scene:
    """A planned job of one chunk for each letter, of which nothing has been dispatched."""
    scene, plan = Scene(), planned(kinds)
    scene.submit()
    scene.table.write(rows.begin_planning(TENANT, JOB, window_shards=window_shards))
    for chunk in plan.chunks():
        data = chunk.model_dump_json().encode()
        scene.media.put(keys.chunk(TENANT, JOB, chunk.number), data, media_type="application/json")
        scene.table.write(rows.put_chunk(TENANT, JOB, chunk, now_s=scene.now_s))
    scene.table.write(rows.mark_planned(TENANT, JOB, chunks_total=plan.chunks_total, items_total=len(plan.items)))
    return scene


def leave(scene: Scene, number: int) -> None:
    """The items of a chunk get their masks."""
    scene.table.write(rows.start_rendering(TENANT, JOB, number, indices=[number], now_s=scene.now_s))


def lease(scene: Scene, number: int) -> None:
    chunk = state.load_chunk(scene.table, TENANT, JOB, number)
    assert chunk is not None
    scene.table.write(
        rows.lease_items(
            TENANT,
            JOB,
            number,
            indices=[number],
            seen=chunk.items,
            attempt=1,
            request_id="r",
            now_s=scene.now_s,
            lease_until_s=scene.now_s + 100,
        )
    )


def handed_on(scene: Scene, number: int) -> list[int]:
    scene.sent()
    state.hand_on(scene.table, scene.queues, scene.job(), number)
    return dispatched(scene.sent())


def dispatched(messages: list[Message]) -> list[int]:
    return [message.chunk for message in messages if isinstance(message, DispatchItems)]


def test_lines_begin_with_chunks_that_need_the_segmenter() -> None:
    assert openers(planned("oooooo"), 2) == (0, 1)
    assert openers(planned("xoxooo"), 2) == (1, 4)
    assert openers(planned("xxx"), 2) == ()
    assert openers(planned("ooo"), 10) == (0, 1, 2)


def test_a_chunk_that_leaves_gives_its_place_to_the_next_of_its_line() -> None:
    scene = scene_of("oooo")
    leave(scene, 0)
    assert handed_on(scene, 0) == [2]


def test_a_chunk_that_is_still_in_the_segmenter_keeps_its_place() -> None:
    scene = scene_of("oooo")
    lease(scene, 0)
    assert handed_on(scene, 0) == []


def test_a_place_is_given_away_once_the_next_has_taken_it() -> None:
    scene = scene_of("oooo")
    leave(scene, 0)
    lease(scene, 2)
    assert handed_on(scene, 0) == []


def test_a_lost_hand_on_further_down_the_line_is_made_good() -> None:
    """Chunk 2 left, but whoever saw it died: a late message about chunk 0 finds that chunk 4 waits."""
    scene = scene_of("oooooo")
    leave(scene, 0)
    leave(scene, 2)
    assert handed_on(scene, 0) == [4]


def test_chunks_of_refused_images_are_passed_over() -> None:
    scene = scene_of("ooxooo")
    leave(scene, 0)
    assert handed_on(scene, 0) == [4]


def test_the_last_chunk_of_a_line_costs_no_look() -> None:
    scene = scene_of("ooo")
    leave(scene, 1)
    scene.table.rows.pop(rows.chunk_key(TENANT, JOB, 1))
    assert handed_on(scene, 1) == []


def test_a_job_without_a_window_hands_nothing_on() -> None:
    scene = scene_of("oooo", window_shards=None)
    leave(scene, 0)
    assert handed_on(scene, 0) == []


def test_dispatch_hands_on_what_had_its_masks_already_and_again_when_asked_again() -> None:
    scene = scene_of("ooo")
    leave(scene, 0)
    scene.endpoint.invocations.append("none")
    for _ in range(2):
        scene.dispatch()
        assert dispatched(scene.sent()) == [2]


def test_the_sweep_leaves_a_chunk_alone_that_waits_for_its_place() -> None:
    scene = scene_of("oooo")
    lease(scene, 0)
    leave(scene, 1)
    scene.wait(SWEEP_PENDING_S + 61)
    scene.sent()
    scene.sweep()
    assert dispatched(scene.sent()) == [0, 3]  # 0 was never handed to the endpoint, 3 has been free to go for long
    scene.wait(61)
    leave(scene, 0)
    scene.sweep()
    assert dispatched(scene.sent()) == []  # 2 may go since a moment ago


def ready_images(scene: Scene, count: int) -> None:
    for number in range(count):
        upload = Upload(name="a.jpg", size_bytes=1, sha256=SHA256)
        image = Image(
            image_id=f"i{number}",
            dataset_id="d",
            name="a.jpg",
            status=ImageStatus.EXPECTED,
            upload=upload,
            created_at=scene.clock.now(),
        )
        scene.table.write(rows.put_image(TENANT, image, due_at_s=0))
        scene.table.write(rows.settle_image(TENANT, "d", f"i{number}", normal=normal_image(), refusal=None))


def test_a_long_plan_is_written_in_turns_and_begins_when_it_is_whole() -> None:
    scene = Scene()
    scene.submit()
    ready_images(scene, 5)
    ports = plan_job.Ports(
        scene.table, scene.media, scene.queues, scene.clock, chunk_items=1, window_shards=WINDOW, chunks_per_run=2
    )
    plan_job.plan(ports, PlanJob(tenant=TENANT, job_id=JOB))
    assert scene.sent() == [PlanJob(tenant=TENANT, job_id=JOB, next_chunk=2)]
    plan_job.plan(ports, PlanJob(tenant=TENANT, job_id=JOB, next_chunk=2))
    assert scene.sent() == [PlanJob(tenant=TENANT, job_id=JOB, next_chunk=4)]
    assert not scene.job().planned
    plan_job.plan(ports, PlanJob(tenant=TENANT, job_id=JOB, next_chunk=4))
    assert dispatched(scene.sent()) == [0, 1]
    assert (scene.job().chunks_total, scene.job().items_total) == (5, 5)


def test_a_window_stays_what_it_was_when_the_job_was_planned() -> None:
    scene = Scene()
    scene.submit()
    ready_images(scene, 5)
    for window in (3, 1):
        ports = plan_job.Ports(
            scene.table, scene.media, scene.queues, scene.clock, chunk_items=1, window_shards=window, chunks_per_run=9
        )
        plan_job.plan(ports, PlanJob(tenant=TENANT, job_id=JOB))
    assert scene.job().window_shards == 3
