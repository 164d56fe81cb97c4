"""The rights that working on pixels needs, taken away one at a time: the product's own imaging misses each of them."""

from __future__ import annotations

import pytest

from lambdas import known
from tests.simulation.judge import Held, Judge, Noticed, judged
from tests.unit.infra.test_access import RIGHTS
from tests.unit.lambdas.studio import Studio, picture

PARTS = ("table", "uploads", "media", "work", "queues", "endpoint")
PX = "<Media.Arn>/t/*/px/*"
NEEDED: tuple[Held, ...] = (
    ("RenderItem", "s3:GetObject", f"{PX}/normal.png"),
    ("RenderItem", "s3:GetObject", f"{PX}/masks/*.json"),
    ("RenderItem", "s3:GetObject", f"{PX}/labels/*"),
    ("RenderItem", "s3:GetObject", f"{PX}/variants/*"),
    ("RenderItem", "s3:PutObject", f"{PX}/labels/*"),
    ("RenderItem", "s3:PutObject", f"{PX}/variants/*"),
)


@pytest.fixture(autouse=True)
def _everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of a picture lies in objects and not in the rows themselves."""
    monkeypatch.setattr(known, "FACT_ROW_BYTES_MAX", 0)


def two_jobs(judge: Judge) -> None:
    """The same job twice: the second finds what the first has made."""
    with judged(judge):
        studio = Studio()
        for part in PARTS:
            getattr(studio.pipeline, part).call = studio.pipeline.world.call
        dataset, _ = studio.dataset(a=picture())
        template = studio.template(dataset, "ball")
        recipe = {"templates": [template], "layers": [{"region": template, "edits": {"hue": 30}}]}
        for _ in range(2):
            assert studio.job(dataset, recipe).status == "succeeded"


def test_the_rights_are_used() -> None:
    judge = Judge(RIGHTS)
    two_jobs(judge)
    assert set(NEEDED) <= judge.alone


@pytest.mark.parametrize(
    "right", NEEDED, ids=lambda right: f"{right[0]}-{right[1][3:]}-{right[2].rpartition('/px/')[2]}"
)
def test_a_right_on_pictures_that_is_taken_away_is_missed(right: Held) -> None:
    judge = Judge(RIGHTS, missing=right)
    with pytest.raises((Noticed, AssertionError)):
        two_jobs(judge)
    assert judge.refused
