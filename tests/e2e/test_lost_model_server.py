"""The model server dies in the middle of a job and comes back; the endpoint sleeps at zero: nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local.cloud import Laptop
from tests.drawn import draw
from tests.e2e.conftest import BALL, User, endpoint_state

pytestmark = pytest.mark.integration


def test_a_job_survives_the_death_of_the_model_server(cloud: Laptop, ann: User, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(1, 9):
        draw(folder / f"photo-{number}.jpg", seed=20 + number)
    before = endpoint_state(cloud)
    running = ann.start(
        "run",
        str(folder),
        "--dataset",
        "killed",
        "--template",
        BALL,
        "--edit",
        "ball:hue=90",
        "--out",
        str(tmp_path / "out"),
    )
    _wait_for(lambda: endpoint_state(cloud)["running"] > 0 or endpoint_state(cloud)["completed"] > before["completed"])
    cloud.model.kill()
    time.sleep(2)
    cloud.model.start()
    text, _ = running.communicate(timeout=200)
    assert running.returncode == 0, text
    assert len(list((tmp_path / "out" / "variants").iterdir())) == 8


def _wait_for(is_true: object, *, timeout_s: float = 60.0) -> None:
    assert callable(is_true)
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
