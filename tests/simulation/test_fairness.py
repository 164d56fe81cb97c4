"""One tenant's large job never starves another's small one: by how much it may be held up is stated and counted.

    in the segmenter     at most `window_shards` shards of each job stand before a newcomer's
    in planning          at most one run of the planner, `chunks_per_run` chunks
    in every queue       at most one message of each other tenant for each of its own

Each bound comes with the bug that breaks it, so that a test that sees nothing any more is noticed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from maskmill.core.job import JobStatus
from maskmill.core.limits import SHARD_ITEMS_MAX
from maskmill.core.messages import RenderItems
from tests.simulation.crowd import SHARD_S, Crowd
from tests.simulation.pipeline import Sizes
from tests.simulation.world import World

WINDOW = 4
LARGE, SMALL = 2_000, 10
ENDLESS = 10**6
SIZES = Sizes(chunk_items=10, window_shards=WINDOW, chunks_per_run=20, renderings=ENDLESS)


def crowd(seed: int = 1, *, sizes: Sizes = SIZES, is_fair: bool = True, instances: int = 1) -> Crowd:
    return Crowd(World(seed), sizes=sizes, is_fair=is_fair, instances=instances)


def foreign_shards(world: Crowd, *, small: int = SMALL, large: int = LARGE) -> int:
    """How many shards of a large job the model works on before it has done all of a small job that came later."""
    world.submit("large", large)
    world.play_until(lambda: len(world.shards) >= 3)
    began = len(world.shards)
    job = world.submit("small", small)
    world.play_until(lambda: world.job("small", job).status.is_terminal, within_s=large * SHARD_S)
    assert world.job("small", job).status is JobStatus.SUCCEEDED
    assert not world.invariants.violations
    last = len(world.shards) - 1 - world.shards[::-1].index("small")
    return world.shards[began:last].count("large")


@pytest.mark.parametrize("instances", [1, 2])
def test_a_small_job_waits_for_a_windows_worth_of_a_large_one(instances: int) -> None:
    """The window's shards, and what the model begins with while the small job is planned and dispatched."""
    assert foreign_shards(crowd(instances=instances)) <= WINDOW + instances


def test_a_job_of_many_shards_gets_its_share_of_the_segmenter() -> None:
    """Two windows take turns: no more foreign shards than own ones, and one window."""
    own = 12
    assert foreign_shards(crowd(), small=own * SIZES.chunk_items) <= own + WINDOW + 1


def test_without_the_window_the_small_job_waits_for_the_whole_large_one() -> None:
    planted = replace(SIZES, window_shards=ENDLESS)
    assert foreign_shards(crowd(sizes=planted)) > 8 * WINDOW


def test_the_segmenter_always_has_the_next_shard_of_a_large_job() -> None:
    """A window must not make the model wait: it works without a pause as long as there is work."""
    world = crowd(instances=2)
    job = world.submit("large", 30 * SHARD_ITEMS_MAX)
    world.play_until(lambda: bool(world.shards))
    began_s = world.world.now_s
    world.play_until(lambda: len(world.shards) == 30)
    assert world.world.now_s - began_s <= 1.05 * (30 / 2) * SHARD_S
    world.play_until(lambda: world.job("large", job).status.is_terminal)
    assert world.job("large", job).status is JobStatus.SUCCEEDED


def planned_first(world: Crowd) -> str:
    """Whose job is planned first: a large one, or a small one that comes when the large one is being planned."""
    large = world.submit("large", LARGE)
    world.play_until(lambda: world.job("large", large).status is JobStatus.PLANNING)
    small = world.submit("small", SMALL)
    world.play_until(lambda: world.job("large", large).planned or world.job("small", small).planned)
    return "large" if world.job("large", large).planned else "small"


def test_planning_a_large_job_lets_others_have_their_turn() -> None:
    world = crowd()
    world.hands_each = 1
    assert planned_first(world) == "small"


def test_planned_in_one_run_the_large_job_would_be_in_the_way() -> None:
    world = crowd(sizes=replace(SIZES, chunks_per_run=ENDLESS))
    world.hands_each = 1
    assert planned_first(world) == "large"


def foreign_pictures(world: Crowd) -> int:
    """How many items of a large job are rendered between the first message about a small job's items and its end.

    All masks are known, so that the queue for rendering is as long as the large job.
    """
    world.submit("large", LARGE, has_masks=True)
    world.play_until(lambda: len(world.rendered) >= 50)
    small = world.submit("small", SMALL, has_masks=True)
    world.play_until(
        lambda: any(isinstance(sent, RenderItems) and sent.job_id == small for _, sent in world.queues.sent)
    )
    began = len(world.rendered)
    world.play_until(lambda: world.rendered.count("small") == SMALL)
    return world.rendered[began:].count("large")


def test_queues_serve_tenants_in_turn() -> None:
    world = crowd()
    assert foreign_pictures(world) <= SMALL + 2 * world.hands_each


def test_queues_in_order_of_arrival_would_make_the_small_job_wait() -> None:
    assert foreign_pictures(crowd(is_fair=False)) > 5 * SMALL
