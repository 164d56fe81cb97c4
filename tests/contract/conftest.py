"""Every port twice: the adapter on moto, and the double that the simulation runs on."""

from __future__ import annotations

import sys
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
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(4 * depth)  # moto reads an expression recursively, a level per condition
    with aws.cloud():
        yield DynamoTable(clients.dynamodb(), aws.TABLE)
    sys.setrecursionlimit(depth)


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
