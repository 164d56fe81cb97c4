"""Rates that were measured are those of the results that lie in the tree, and sizes those of the deployment."""

from __future__ import annotations

import json
from pathlib import Path

from infra import shapes
from maskmill.core import rates
from maskmill.core.engines import Engine

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def test_rendering_is_as_fast_as_it_was_measured() -> None:
    found = json.loads((RESULTS / "rates.json").read_text())
    assert found["per_megapixel"] == {
        "decode": rates.DECODE_S,
        "label": rates.LABEL_S,
        "edit": rates.EDIT_S,
        "thumbnail": rates.THUMBNAIL_S,
    }
    assert found["formats"] == {
        kind.value: {
            effort.value: {"seconds": rate.seconds, "bytes": rate.size_bytes} for effort, rate in efforts.items()
        }
        for kind, efforts in rates.FORMATS.items()
    }


def test_the_classic_segmenter_is_as_fast_as_it_was_measured() -> None:
    found = json.loads((RESULTS / "classic.json").read_text())["summary"]
    pace = rates.PACES[Engine.CLASSIC]
    assert (pace.image_s, pace.mask_s) == (found["seconds_per_embed"], found["seconds_per_prompt"])


def test_functions_have_the_memory_that_they_are_deployed_with() -> None:
    assert {shapes.RENDER_ITEM.memory_mb, shapes.FINISH_JOB.memory_mb} == {round(rates.IMAGING_GB * 1024)}
    assert shapes.PLAN_JOB.memory_mb == shapes.DISPATCH_SHARD.memory_mb == rates.CONTROL_GB * 1024
