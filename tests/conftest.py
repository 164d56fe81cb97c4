"""What holds for every test: nothing is reached but this machine, and two processes may share the work."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

from tests.emulator import emulator, endpoint_port, model_port, processes, state

__all__ = ["emulator", "endpoint_port", "model_port", "processes", "state"]  # fixtures of several folders

LOOPBACK = ["127.0.0.1", "::1", "localhost"]
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes, what is made once for a file is made in one of them, and the stacks are deployed once."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(pytest.mark.xdist_group("stacks" if folder == "e2e" else str(item.path)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
