"""The canary of a real account, on the laptop's stacks: it says what it costs, and finds every promise kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.emulator.environment import REPOSITORY
from tests.e2e.conftest import User

pytestmark = pytest.mark.integration


def canary(profile: Path, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.canary", "--profile", str(profile), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(profile.parent), "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, input=answer, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_canary_finds_every_promise_kept(ann: User, tmp_path: Path) -> None:
    found = canary(ann.profile, "--jobs", "11", "--images", "2", "--yes", "--json", str(tmp_path / "seen.json"))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "11 jobs of 2 pictures cost at most" in found.stdout
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert (seen["jobs"], seen["items"], seen["violations"]) == (11, 33, [])  # the broken file is an item as well
    assert seen["masks_computed"] == 4


def test_the_canary_runs_nothing_that_nobody_agreed_to(ann: User, tmp_path: Path) -> None:
    before = {job["job_id"] for job in ann.get("/jobs")[1]["items"]}
    found = canary(ann.profile, "--jobs", "2", "--images", "1", answer="n\n")
    assert found.returncode == 0, found.stdout + found.stderr
    assert {job["job_id"] for job in ann.get("/jobs")[1]["items"]} == before
