"""The canaries of the tests on deployed stacks: they pass where IAM is enforced, and die where it is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from local.emulator.environment import (
    REPOSITORY,
    EmulatorSettings,
    emulator_command,
    emulator_environment,
    prepare_folders,
)
from local.processes import Command, Processes, free_port
from tests.e2e.canaries import REFUSALS, unenforced

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

# What is signed into an address or a form is compared whatever the setting.
ALWAYS_REFUSED = {kind for kind in REFUSALS if kind.startswith(("a signed address", "a signed form"))}


def test_the_emulator_decides_as_aws_does(emulator: EmulatorSettings) -> None:
    assert len(REFUSALS) >= 16
    assert unenforced(emulator.url) == []


def test_an_emulator_that_enforces_nothing_is_found_out(emulator: EmulatorSettings, tmp_path: Path) -> None:
    lax = replace(emulator, state=tmp_path, port=free_port(24566), function_environment={"AUTH": "false"})
    prepare_folders(lax)
    with Processes(tmp_path) as processes:
        started = processes.start(Command("emulator", emulator_command(lax), emulator_environment(lax), REPOSITORY))
        started.wait_until_healthy(lax.health_url)
        found = unenforced(lax.url)
    assert {kind for kind in REFUSALS if f"it lets pass {kind}" not in found} == ALWAYS_REFUSED
