"""Whatever failed on the way, what is made of a picture is what is made of it when nothing fails, byte for byte."""

from __future__ import annotations

import pytest

from lambdas import records
from maskmill.core import rows
from tests.simulation.modes import pipeline_of
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import World

SEEDS = range(8000, 8012)


def outputs(pipeline: Pipeline) -> dict[str, set[tuple[str, int, int]]]:
    """By the name of the picture: the digest and the size of each variant, and how many labels it has."""
    found: dict[str, set[tuple[str, int, int]]] = {}
    for key, row in pipeline.table.rows.items():
        if key.sk.startswith(rows.RESULT_PREFIX):
            result = records.result_of(pipeline.media, row)
            made = {(one.sha256, one.size_bytes, len(result.labels)) for one in result.variants}
            found.setdefault(result.image_name, set()).update(made)
    return found


@pytest.mark.parametrize("mode", ["full", "crowded"])
def test_outputs_are_those_of_the_undisturbed_world(mode: str) -> None:
    compared = 0
    for seed in SEEDS:
        disturbed = pipeline_of(mode, seed)
        assert not disturbed.run()
        calm = Pipeline(World(seed), jobs=disturbed.jobs, with_cancel=False)
        assert not calm.run()
        expected = outputs(calm)
        for name, made in outputs(disturbed).items():
            if name in expected:
                assert made == expected[name], f"seed {seed}, {name}"
                compared += 1
    assert compared > 3 * len(SEEDS)
