"""One patched emulator for all tests that need no deployed stacks; it starts in about a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aws import client
from local.delivery.account import Account
from local.emulator.environment import (
    ACCOUNT,
    REGION,
    REPOSITORY,
    EmulatorSettings,
    emulator_command,
    emulator_environment,
)
from local.emulator.environment import prepare_folders as prepare
from local.emulator.venv import VenvFailed, ensure_venv
from local.node import NodeMissing, find_node
from local.processes import Command, Processes, free_port


@dataclass(frozen=True, slots=True)
class Emulated:
    """Clients of an emulator, as a session of boto3 makes those of AWS."""

    url: str

    def client(self, service: str) -> Any:
        return client(service, self.url)


def account_of(url: str) -> Account:
    """An emulator's account, for what acts in one."""
    return Account(ACCOUNT, REGION, Emulated(url))


EMULATOR_PORT = 14566
ENDPOINT_PORT = 18899
MODEL_PORT = 18090


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def processes(state: Path) -> Iterator[Processes]:
    with Processes(state) as processes:
        yield processes


@pytest.fixture(scope="session")
def endpoint_port() -> int:
    return free_port(ENDPOINT_PORT)


@pytest.fixture(scope="session")
def model_port() -> int:
    """Where functions that are images are sent; nothing listens there unless a test does."""
    return free_port(MODEL_PORT)


@pytest.fixture(scope="session")
def emulator(state: Path, processes: Processes, endpoint_port: int, model_port: int) -> EmulatorSettings:
    """The running emulator. Where it cannot be installed, its tests are skipped and say why; not so in CI."""
    try:
        python, node = ensure_venv(REPOSITORY / ".venv-emulator"), find_node().executable
    except (VenvFailed, NodeMissing) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no emulator on this machine: {error}")
    settings = EmulatorSettings(
        state=state,
        python=python,
        node=node,
        port=free_port(EMULATOR_PORT),
        endpoint_url=f"http://127.0.0.1:{endpoint_port}",
        model_url=f"http://127.0.0.1:{model_port}",
    )
    prepare(settings)
    process = processes.start(
        Command("emulator", emulator_command(settings), emulator_environment(settings), REPOSITORY)
    )
    process.wait_until_healthy(settings.health_url)
    return settings
