"""The workflows run what `make` runs, pinned and with few rights; `make audit` has zizmor look at them, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config import STAGES

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".github" / "workflows"
FILES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.M))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name}/{job}", body) for name, file in FILES.items() for job, body in file["jobs"].items()]


def steps(body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(body.get("steps", ()))


def test_every_action_is_pinned_by_its_commit() -> None:
    ours = ROOT / ".github" / "actions"
    files = [*FOLDER.glob("*.yml"), *ours.rglob("action.yml")]
    used = {one for path in files for one in re.findall(r"uses: (\S+)", path.read_text()) if not one.startswith("./")}
    assert len(used) >= 4
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", one) for one in used), used


@pytest.mark.parametrize(("name", "body"), jobs())
def test_a_job_has_the_rights_that_it_lists_and_an_end(name: str, body: dict[str, Any]) -> None:
    assert FILES[name.split("/")[0]]["permissions"] == {}
    assert body["permissions"].items() <= {"contents": "read", "id-token": "write"}.items()
    assert ("id-token" in body["permissions"]) is (name in ("deploy/dev", "deploy/prod", "stage/deploy"))
    assert "uses" in body or body["timeout-minutes"] <= 120


def test_no_workflow_knows_a_secret() -> None:
    assert not [path.name for path in FOLDER.iterdir() if "secrets." in path.read_text()]


def test_what_runs_is_a_target_of_make_and_nothing_of_a_users_is_pasted_into_a_command() -> None:
    run = [step["run"] for _, body in jobs() for step in steps(body) if "run" in step]
    assert not [one for one in run if "${{" in one]
    made = [re.fullmatch(r"make ([a-z0-9-]+)( .+)?", one) for one in run if one.startswith("make")]
    assert {found.group(1) for found in made if found} <= TARGETS
    assert len(made) == len(run) - 1  # the other one looks whether the commit was on main


def test_checks_tests_synthesis_audit_and_the_end_to_end_tests_are_run() -> None:
    run = " ".join(step.get("run", "") for body in FILES["ci"]["jobs"].values() for step in steps(body))
    assert {"test", "e2e", "synth", "audit"} <= set(re.findall(r"make ([a-z0-9-]+)", run))
    assert set(FILES["ci"]["jobs"]["synth"]["strategy"]["matrix"]["stage"]) == set(STAGES)


def test_production_follows_dev_and_dev_follows_the_tests() -> None:
    found = FILES["deploy"]["jobs"]
    assert (found["dev"]["needs"], found["prod"]["needs"]) == ("ci", "dev")
    assert [found[stage]["with"]["stage"] for stage in ("dev", "prod")] == ["dev", "prod"]
    assert FILES["stage"]["jobs"]["deploy"]["environment"] == "${{ inputs.stage }}"
    assert FILES["deploy"]["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
