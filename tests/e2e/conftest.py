"""The whole cloud, once per session, with pictures that are drawn and not fetched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from infra.config import LOCAL
from local.cloud import Laptop, laptop
from local.delivery.removal import remaining, remove
from local.emulator.environment import REPOSITORY
from local.endpoint.instance import Scaling
from local.photos import demo_photos
from local.processes import DIRECT
from maskmill.client import Client
from tests.contract.receiver import Authority, make_authority
from tests.drawn import draw
from tests.e2e.canaries import unenforced
from tests.e2e.reader import Reader, browser, reader
from tests.emulator import account_of

FOLDER = Path(__file__).parent
IN_EVERY_RUN = frozenset({"test_main_job.py", "test_page_road.py"})  # the rest is for `make e2e` and for CI


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back at a whole run comes after it, and only the two main roads are part of every run."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    for item in items:
        if item.path.parent == FOLDER and item.path.name not in IN_EVERY_RUN:
            item.add_marker("long")


BALL, BOX = "ball=photo-1.jpg:0.30,0.50", "box=photo-1.jpg:0.72,0.45"
EDITS = ("--edit", "ball:hue=120", "--edit", "box:brightness=0.2,noise=0.05")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody at a terminal with the `maskmill` command and a profile of their own."""

    profile: Path

    def maskmill(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.profile.parent),
            "MASKMILL_PROFILE": str(self.profile),
        }
        command = [sys.executable, "-m", "maskmill.cli", *arguments]
        answer = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=240
        )
        if check:
            assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.profile.parent),
            "MASKMILL_PROFILE": str(self.profile),
        }
        command = [sys.executable, "-m", "maskmill.cli", *arguments]
        return subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def get(
        self,
        path: str,
        *,
        method: str = "GET",
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """A raw call of the API with this user's token."""
        profile = json.loads(self.profile.read_text())
        request = urllib.request.Request(
            f"{profile['api_url']}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {profile['token']['access_token']}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with DIRECT.open(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            is_problem = error.headers.get_content_type() == "application/problem+json"
            return error.code, json.load(error) if is_problem else {}

    def read(self, address: str) -> bytes:
        """What lies at an address that the API gave to this user."""
        with Client.from_login(self.profile) as client:
            return client.storage.get(address).raise_for_status().content

    def remove(self, path: str) -> int:
        """A raw DELETE with this user's token; gives its status."""
        return self.get(path, method="DELETE")[0]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one whose certificates the functions trust."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def told() -> list[str]:
    """What the laptop said while it was started."""
    return []


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, authority: Authority, told: list[str]) -> Iterator[Laptop]:
    scaling = Scaling(starts_awake=False, wake_delay_s=2.0)  # the first job finds the endpoint at zero instances
    folder = tmp_path_factory.mktemp("laptop")
    with laptop(folder, scaling=scaling, trusted=authority.path, tell=told.append) as running:
        if lax := unenforced(running.emulator_url):
            pytest.exit(f"VOID: the emulator does not decide as AWS does, so no test on it means anything: {lax}", 3)
        yield running
        account = account_of(running.emulator_url)
        remove(account, LOCAL.prefix, tell=told.append)  # as `make destroy` does
        assert remaining(account, LOCAL.prefix, LOCAL.name) == []


@pytest.fixture(scope="session")
def ann(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    profile = tmp_path_factory.mktemp("ann") / "profile.json"
    cloud.sign_in("ann@example.com", profile)
    return User(profile)


@pytest.fixture(scope="session")
def bob(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    profile = tmp_path_factory.mktemp("bob") / "profile.json"
    cloud.sign_in("bob@example.com", profile)
    return User(profile)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(1, 5):
        draw(folder / f"photo-{number}.jpg", seed=number)
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def someone(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A person with a browser of their own, not signed in yet; PAGE=address goes to a page that is up already."""
    address = os.environ.get("PAGE") or request.getfixturevalue("cloud").page_url
    with reader(chromium, address) as one:
        yield one


@pytest.fixture(scope="session")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twelve photographs of one cup."""
    return sorted(demo_photos(tmp_path_factory.mktemp("cups"), count=12).glob("*.jpg"))


def endpoint_state(cloud: Laptop) -> dict[str, Any]:
    with DIRECT.open(f"{cloud.endpoint.url}/_local/state", timeout=10) as answer:
        state: dict[str, Any] = json.load(answer)
    return next(iter(state.get("endpoints", state).values()))
