"""A fake service per test, a client of it, and a folder of photos; only loopback is reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maskmill.client import Client
from maskmill.client.calls import FixedToken
from maskmill.client.retry import Backoff
from tests.unit.client.fake_service import FakeService, serving

PATIENCE = Backoff(sleep=lambda seconds: None, fraction=lambda: 0.0)


@pytest.fixture(autouse=True)
def _loopback(socket_enabled: None) -> None:
    """The fake service is real HTTP, so that headers, forms and broken connections are what they are."""


@pytest.fixture
def service() -> Iterator[FakeService]:
    with serving(FakeService()) as running:
        yield running


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with Client(service.url, FixedToken(service.token), backoff=PATIENCE) as connected:
        yield connected


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos that are accepted."""
    folder = tmp_path / "caps"
    folder.mkdir()
    for number in range(3):
        (folder / f"photo{number}.jpg").write_bytes(b"GOOD" + bytes([number]) * 200)
    return folder
