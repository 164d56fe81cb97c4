"""What holds for every test: nothing is reached but this machine, and several processes may share the work."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import settings
from pytest_socket import socket_allow_hosts
from xdist.scheduler.loadscope import LoadScopeScheduling

import lambdas  # noqa: F401 - it lets garbage lie for longer, which is undone below
from tests.emulator import emulator, endpoint_port, model_port, processes, state

__all__ = ["emulator", "endpoint_port", "model_port", "processes", "state"]  # fixtures of several folders

settings.register_profile("untimed", deadline=None)  # a busy machine is no bug
settings.load_profile("untimed")

gc.set_threshold(700, 10, 10)  # what a test leaves open is noticed while it runs

LOOPBACK = ["127.0.0.1", "::1", "localhost"]


class ByFile(LoadScopeScheduling):
    """With several processes, what is made once for a file is made in one of them, and the stacks are deployed once."""

    def _split_scope(self, nodeid: str) -> str:
        return "stacks" if nodeid.startswith("tests/e2e/") else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
