"""What the smaller modes of the simulation show, beside the campaign in `test_campaign.py`."""

from __future__ import annotations

from collections import Counter

import pytest

from maskmill.core import rows
from maskmill.core.shard import ShardRequest
from tests.simulation.modes import pipeline_of
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import World


@pytest.mark.parametrize("mode", ["crowded", "backlogged"])
def test_neither_a_crowd_nor_a_backlog_does_harm(mode: str) -> None:
    for seed in range(3000, 3015):
        violations = pipeline_of(mode, seed).run()
        assert not violations, f"seed {seed}: {violations[:5]}"


def test_in_calm_the_sweep_repairs_nothing_and_each_mask_is_asked_for_once() -> None:
    """By one request. A user who clicks twice may have it sent twice: the second dispatcher finds it not yet sent.

    The model is quicker than the sweep's patience: an answer that comes later may meet a sweep that looks for it.
    """
    for seed in range(2000, 2030):
        pipeline = Pipeline(World(seed), jobs=2, with_cancel=False, with_retry=False, cold_s=150.0)
        assert not pipeline.run(), f"seed {seed}"
        assert not pipeline.repairs, f"seed {seed}: {pipeline.repairs}"
        requests = [pipeline.work.objects[key] for key in set(pipeline.endpoint.invocations)]
        images = [image for data in requests for image in ShardRequest.model_validate_json(data).images]
        asked = Counter(prompt.mask_key for image in images for prompt in image.prompts)
        twice = [key for key, times in asked.items() if times > 1]
        assert not twice or seed_has_twins(pipeline), f"seed {seed}: {twice}"


def seed_has_twins(pipeline: Pipeline) -> bool:
    """Whether two items of the same picture were asked for at the same time."""
    return sum(data.endswith(b"twin") for data in pipeline.uploads.objects.values()) > 1


def test_a_second_job_with_other_edits_asks_the_model_for_nothing() -> None:
    pipeline = Pipeline(World(3), jobs=1, with_cancel=False, with_retry=False)
    assert not pipeline.run()
    before = len(pipeline.endpoint.invocations)
    again = Pipeline(World(3), jobs=1, with_cancel=False, with_retry=False)
    again.media.objects.update(pipeline.media.objects)
    known = tuple(rows.FACT_PREFIXES.values())
    again.table.rows |= {key: row for key, row in pipeline.table.rows.items() if key.sk.startswith(known)}
    assert not again.run()
    assert before > 0
    assert len(again.endpoint.invocations) <= 1  # a poisoned picture has no mask and is asked for again


def test_in_calm_who_follows_a_job_learns_everything_by_sockets_that_break() -> None:
    """Whoever opens a socket and then reads the events misses nothing between the two."""
    for seed in range(2000, 2020):
        violations = Pipeline(World(seed), jobs=2, asks_anyway=False).run()
        assert not violations, f"seed {seed}: {violations[:5]}"


@pytest.mark.parametrize(("mode", "start"), [("removing", 4000), ("removing", 4020), ("clearing", 4000)])
def test_what_is_removed_leaves_nothing_and_takes_nothing_from_others(mode: str, start: int) -> None:
    met: Counter[str] = Counter()
    for seed in range(start, start + 10):
        pipeline = pipeline_of(mode, seed)
        violations = pipeline.run()
        assert not violations, f"seed {seed}: {violations[:5]}"
        met.update(pipeline.world.marks)
    assert min(met["removal"], met["image_removal"]) > 5


def test_in_calm_a_removal_needs_no_repair() -> None:
    for seed in range(2100, 2120):
        pipeline = Pipeline(World(seed), jobs=3, with_cancel=False, removals=0.8)
        assert not pipeline.run(), f"seed {seed}"
        assert not pipeline.repairs, f"seed {seed}: {pipeline.repairs}"
