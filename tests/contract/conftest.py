"""Every port twice: the adapter on moto, and the double that the simulation runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambdas.aws import clients
from lambdas.aws.objects import S3Objects
from lambdas.aws.table import DynamoTable
from maskmill.core.ports import Objects, Table
from tests.contract import aws
from tests.simulation.cloud import MemoryObjects, MemoryTable


@pytest.fixture(params=["moto", "memory"])
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    if request.param == "memory":
        yield MemoryTable()
        return
    with aws.cloud():
        yield DynamoTable(clients.dynamodb(), aws.TABLE)


@pytest.fixture(params=["moto", "memory"])
def objects(request: pytest.FixtureRequest) -> Iterator[Objects]:
    if request.param == "memory":
        yield MemoryObjects("media")
        return
    with aws.cloud():
        yield S3Objects(clients.s3(), aws.MEDIA)


@pytest.fixture
def queue_urls() -> Iterator[dict[str, str]]:
    with aws.cloud() as urls:
        yield urls
