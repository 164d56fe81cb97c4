"""The clouds that a port is tested on, each with ports over fresh resources and a view of what lies in its queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, Protocol

import pytest

from lambdas.aws import clients
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues
from lambdas.aws.table import DynamoTable
from maskmill.core.messages import QueueName
from maskmill.core.ports import Clearable, Objects, Queues, Table
from tests.contract import aws
from tests.simulation.bounds import check_row
from tests.simulation.cloud import MemoryObjects, MemoryQueues, MemoryTable

EMULATOR = pytest.param("emulator", marks=pytest.mark.integration)
PAGE_MAX = 1000  # objects that a store lists at once
_NUMBERS = count()  # of one run: the emulator outlives a module


class Bucket(Objects, Clearable, Protocol):
    """Both sides of a bucket."""


class Lying(NamedTuple):
    """A message that lies in a queue."""

    queue: QueueName
    body: str
    group: str


class Cloud(Protocol):
    """Where ports come from: each call gives one over a new, empty resource."""

    @property
    def name(self) -> str: ...
    def table(self) -> Table: ...
    def bucket(self, *, page_max: int = PAGE_MAX) -> Bucket: ...
    def queues(self) -> Queues: ...
    def lying(self, queues: Queues) -> list[Lying]: ...


@dataclass(slots=True)
class MemoryCloud:
    """The cloud of the simulation, without faults."""

    name: str = "memory"

    def table(self) -> MemoryTable:
        return MemoryTable(check=check_row)

    def bucket(self, *, page_max: int = PAGE_MAX) -> MemoryObjects:
        return MemoryObjects("media", delete_max=page_max)

    def queues(self) -> MemoryQueues:
        return MemoryQueues()

    def lying(self, queues: Queues) -> list[Lying]:
        assert isinstance(queues, MemoryQueues)
        seen = zip(queues.sent, queues.delays, strict=True)
        return sorted(Lying(queue, one.model_dump_json(), one.tenant) for (queue, one), delay_s in seen if not delay_s)


@dataclass(slots=True)
class AwsCloud:
    """The product's adapters and clients, before whatever `aws.account` has pointed them to."""

    name: str
    _urls: dict[int, dict[QueueName, str]] = field(default_factory=dict)

    def fresh(self, kind: str) -> str:
        """A name that nothing has yet in this cloud."""
        return f"maskmill-{kind}-{next(_NUMBERS)}"

    def table(self) -> DynamoTable:
        name = self.fresh("table")
        aws.make_table(clients.dynamodb(), name)
        return DynamoTable(clients.dynamodb(), name)

    def bucket(self, *, page_max: int = PAGE_MAX) -> S3Objects:
        name = self.bucket_name()

        def shorten(params: dict[str, Any], **_more: Any) -> None:
            if params["Bucket"] == name:
                params["MaxKeys"] = page_max

        clients.s3().meta.events.register("provide-client-params.s3.ListObjectsV2", shorten)
        return S3Objects(clients.s3(), name)

    def bucket_name(self) -> str:
        name = self.fresh("bucket")
        clients.s3().create_bucket(Bucket=name)
        return name

    def queue_url(self, kind: str = "queue", **attributes: str) -> str:
        made = clients.sqs().create_queue(QueueName=self.fresh(kind), Attributes=attributes)
        return str(made["QueueUrl"])

    def queues(self) -> SqsQueues:
        urls = {queue: self.queue_url(queue.value) for queue in QueueName}
        queues = SqsQueues(clients.sqs(), urls)
        self._urls[id(queues)] = urls
        return queues

    def lying(self, queues: Queues) -> list[Lying]:
        return sorted(
            Lying(queue, found["Body"], found["Attributes"]["MessageGroupId"])
            for queue, url in self._urls[id(queues)].items()
            for found in aws.received(url)
        )

    def service(self, name: str) -> Any:
        """The product's own client of a service."""
        return {"dynamodb": clients.dynamodb, "s3": clients.s3, "sqs": clients.sqs}[name]()
