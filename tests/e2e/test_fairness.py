"""A large job of one tenant and, behind it, a small one of another: the small one does not wait for the large one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import User
from tests.e2e.jobs import TERMINAL, asked, filled, submitted, until

pytestmark = pytest.mark.integration

LARGE, SMALL = 80, 5


def picture(seed: int) -> bytes:
    """Grainy, 32 by 32, with a square in it; every seed gives another one."""
    pixels = np.random.default_rng(seed).normal(120, 8, (32, 32, 3))
    pixels[8:24, 8:24] = (220, 60, 40)
    data = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def pictures(count: int, *, first_seed: int) -> dict[str, bytes]:
    return {f"{number}.png": picture(first_seed + number) for number in range(count)}


def test_a_small_job_overtakes_a_large_one_of_another_tenant(ann: User, bob: User) -> None:
    """Its two shards wait for a window's worth of the large job's twenty, and its pictures for none of the others."""
    of_ann, large_body = filled(ann, pictures(LARGE, first_seed=1000))
    of_bob, small_body = filled(bob, pictures(SMALL, first_seed=5000))
    large = submitted(ann, of_ann, large_body)
    until(lambda: asked(ann, f"/jobs/{large}")["items"]["segmenting"] > 0, every_s=0.1)
    small = submitted(bob, of_bob, small_body)
    until(lambda: asked(bob, f"/jobs/{small}")["status"] in TERMINAL, every_s=0.2)
    seen = asked(ann, f"/jobs/{large}")
    assert asked(bob, f"/jobs/{small}")["items"]["done"] == SMALL
    assert seen["status"] == "running"
    assert seen["items"]["done"] <= LARGE // 2  # in order of arrival it would be all but the last few
    until(lambda: asked(ann, f"/jobs/{large}")["status"] in TERMINAL, every_s=1.0)
    ended = {job: asked(user, f"/jobs/{job}") for user, job in ((ann, large), (bob, small))}
    assert ended[large]["status"] == ended[small]["status"] == "succeeded"
    assert ended[large]["items"]["done"] == LARGE
    assert ended[small]["finished_at"] < ended[large]["finished_at"]


def test_the_quotas_know_what_was_used(ann: User) -> None:
    usage = asked(ann, "/usage")
    assert usage["images"]["used"] >= LARGE
    assert usage["variants_per_day"]["used"] >= LARGE
    assert usage["open_jobs"]["used"] == 0
