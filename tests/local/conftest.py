"""One patched emulator for the tests of the local cloud; it starts in about a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator.environment import REPOSITORY, EmulatorSettings, emulator_command, emulator_environment
from local.emulator.environment import prepare_folders as prepare
from local.emulator.venv import ensure_venv
from local.node import find_node
from local.processes import Command, Processes, free_port

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
    settings = EmulatorSettings(
        state=state,
        python=ensure_venv(REPOSITORY / ".venv-emulator"),
        node=find_node().executable,
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
