"""Every port on every cloud: the double that the simulation runs on, and the adapters on moto and on the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.aws import ROOT_KEY, ROOT_SECRET
from local.emulator.environment import EmulatorSettings
from maskmill.core.ports import Table
from tests.contract import aws, divergences
from tests.contract.clouds import EMULATOR, AwsCloud, Bucket, Cloud, MemoryCloud

_LISTED = (AssertionError, pytest.fail.Exception)


@pytest.fixture(scope="module", params=["memory", "moto", EMULATOR])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A port's cloud; `@pytest.mark.parametrize("cloud", [...], indirect=True)` names fewer of them."""
    if request.param == "memory":
        yield MemoryCloud()
    elif request.param == "moto":
        with aws.cloud():
            yield AwsCloud("moto")
    else:
        settings: EmulatorSettings = request.getfixturevalue("emulator")
        with aws.account(emulator_account(settings)):
            yield AwsCloud("emulator")


def emulator_account(settings: EmulatorSettings) -> dict[str, str]:
    """What points the product's clients to the emulator, with keys that may do everything there."""
    keys = {"AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_SECRET, "AWS_SESSION_TOKEN": ""}
    return {**keys, "AWS_ENDPOINT_URL": settings.url, "NO_PROXY": "127.0.0.1"}


@pytest.fixture
def table(cloud: Cloud) -> Table:
    return cloud.table()


@pytest.fixture
def objects(cloud: Cloud) -> Bucket:
    return cloud.bucket()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A listed difference must still be one: its test fails when it passes, and tests without a row must pass."""
    for item in items:
        where = getattr(item, "callspec", None)
        listed = where and divergences.of_claim(str(where.params.get("cloud")), str(getattr(item, "originalname", "")))
        if listed:
            item.add_marker(pytest.mark.xfail(strict=True, raises=_LISTED, reason=listed.gives))
