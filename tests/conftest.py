"""What holds for every test: nothing is reached but this machine."""

from __future__ import annotations

import pytest
from pytest_socket import socket_allow_hosts

from tests.emulator import emulator, endpoint_port, model_port, processes, state

__all__ = ["emulator", "endpoint_port", "model_port", "processes", "state"]  # fixtures of several folders

LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
