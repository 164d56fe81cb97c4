"""A large job of one tenant and, behind it, a small one of another: the small one does not wait for the large one."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import User
from tests.e2e.wire import post_form

pytestmark = pytest.mark.integration

LARGE, SMALL = 80, 5
PATIENCE_S = 240.0
TERMINAL = {"succeeded", "partial", "failed", "cancelled"}


def picture(seed: int) -> bytes:
    """Grainy, 32 by 32, with a square in it; every seed gives another one."""
    pixels = np.random.default_rng(seed).normal(120, 8, (32, 32, 3))
    pixels[8:24, 8:24] = (220, 60, 40)
    data = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def asked(user: User, path: str, *, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
    status, values = user.get(path, method=method, body=body)
    assert status < 300, values
    return values


def until(is_reached: Callable[[], bool], *, every_s: float = 0.5) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not is_reached():
        assert time.monotonic() < end_s, "it never came to that"
        time.sleep(every_s)


def filled(user: User, count: int, *, first_seed: int) -> tuple[str, dict[str, Any]]:
    """A dataset of pictures that have arrived, and the body of a job over them."""
    dataset = asked(user, "/datasets", method="POST", body={"name": "fair"})["dataset_id"]
    files = [picture(first_seed + number) for number in range(count)]
    announced = [
        {"name": f"{number}.png", "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for number, data in enumerate(files)
    ]
    tickets = asked(user, f"/datasets/{dataset}/uploads", method="POST", body={"files": announced})["items"]
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(
            lambda pair: post_form(pair[0]["url"], pair[0]["fields"], pair[1]).status, zip(tickets, files, strict=True)
        )
        assert set(sent) == {204}
    until(lambda: len(asked(user, f"/datasets/{dataset}/images?status=ready")["items"]) == count)
    prompt = {"points": [{"x": 0.5, "y": 0.5}]}
    body = {"name": "square", "prompt": prompt}
    template = asked(user, f"/datasets/{dataset}/templates", method="POST", body=body)["template_id"]
    layers = [{"region": template, "edits": {"hue": 60}}]
    return dataset, {"recipe": {"templates": [template], "layers": layers}}


def submitted(user: User, dataset: str, body: dict[str, Any]) -> str:
    return str(asked(user, f"/datasets/{dataset}/jobs", method="POST", body=body)["job_id"])


def test_a_small_job_overtakes_a_large_one_of_another_tenant(ann: User, bob: User) -> None:
    """Its two shards wait for a window's worth of the large job's twenty, and its pictures for none of the others."""
    of_ann, large_body = filled(ann, LARGE, first_seed=1000)
    of_bob, small_body = filled(bob, SMALL, first_seed=5000)
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
