"""`docker compose up` runs what `make demo` runs, and nothing of it is reached from another machine."""

from __future__ import annotations

from pathlib import Path

import yaml

from local.cloud import EMULATOR_PORT, RUNNING
from local.demo import STATE, arguments
from local.emulator.environment import EmulatorSettings, emulator_environment

ROOT = Path(__file__).resolve().parents[3]
SERVICE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["cloud"]
DOCKERFILE = (ROOT / "local" / "Dockerfile").read_text()


def test_it_runs_the_demo() -> None:
    assert 'ENTRYPOINT [".venv/bin/python", "-m", "local.demo"]' in DOCKERFILE
    chosen = arguments().parse_args(SERVICE["command"])
    assert chosen.listen == "0.0.0.0"
    assert not chosen.once
    settings = EmulatorSettings(state=ROOT, python=ROOT, listens_on=chosen.listen)
    assert emulator_environment(settings)["BIND_HOST"] == "0.0.0.0"
    assert emulator_environment(EmulatorSettings(state=ROOT, python=ROOT))["BIND_HOST"] == "127.0.0.1"


def test_nothing_but_the_emulated_cloud_is_published_and_to_this_machine_alone() -> None:
    assert SERVICE["ports"] == [f"127.0.0.1:{EMULATOR_PORT}:{EMULATOR_PORT}"]
    assert not {"privileged", "network_mode", "volumes", "cap_add"} & SERVICE.keys()
    assert "USER maskmill" in DOCKERFILE


def test_it_is_healthy_when_the_stacks_are_deployed() -> None:
    assert f'CMD ["test", "-f", "{STATE.name}/{RUNNING}"]' in DOCKERFILE


def test_what_is_built_is_there() -> None:
    assert (ROOT / SERVICE["build"]["dockerfile"]).exists()
    spared = (ROOT / "local" / "Dockerfile.dockerignore").read_text().split()
    assert {".git", ".venv*", "**/node_modules", "build"} <= set(spared)
