"""The queues port: a message's type decides its queue, its tenant its group, and nothing is left behind silently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.aws import clients
from lambdas.aws.queues import SqsQueues
from lambdas.aws.queues import queue_urls as urls_of
from maskmill.core.errors import Unavailable
from maskmill.core.messages import DispatchItems, FinishJob, IngestUpload, PlanJob, QueueName, RenderItem
from maskmill.core.settings import CollectMasksSettings
from tests.contract import aws
from tests.simulation.cloud import MemoryQueues

MESSAGES = [
    PlanJob(tenant="a", job_id="j1"),
    *(RenderItem(tenant="a", job_id="j1", chunk=0, index=index) for index in range(23)),
    DispatchItems(tenant="b", job_id="j2", chunk=3, indices=(1, 2)),
    IngestUpload(tenant="b", dataset_id="d", image_id="i"),
    FinishJob(tenant="a", job_id="j1"),
]


def on_moto(urls: dict[str, str]) -> SqsQueues:
    return SqsQueues(clients.sqs(), {QueueName(name): url for name, url in urls.items()})


def test_every_message_reaches_the_queue_of_its_type(queue_urls: dict[str, str]) -> None:
    memory = MemoryQueues()
    memory.send(MESSAGES)
    on_moto(queue_urls).send(MESSAGES)
    sent = {(name, found["Body"]) for name, url in queue_urls.items() for found in aws.received(url)}
    assert sent == {(queue.value, message.model_dump_json()) for queue, message in memory.sent}
    assert len(sent) == len(MESSAGES)


def test_the_tenant_is_the_group_on_a_standard_queue(queue_urls: dict[str, str]) -> None:
    on_moto(queue_urls).send(MESSAGES)
    for name, url in queue_urls.items():
        for found in aws.received(url):
            assert found["Attributes"]["MessageGroupId"] == json.loads(found["Body"])["tenant"], name


def test_nothing_to_send_is_no_call(queue_urls: dict[str, str]) -> None:
    on_moto(queue_urls).send([])
    MemoryQueues().send([])


class Flaky:
    """An SQS client that refuses chosen entries of its first calls."""

    def __init__(self, refusals: list[set[str]]) -> None:
        self.refusals = refusals
        self.batches: list[list[str]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.batches.append([entry["Id"] for entry in Entries])
        refused = self.refusals.pop(0) if self.refusals else set()
        return {"Successful": [], "Failed": [{"Id": name} for name in sorted(refused)]}


def test_what_was_refused_is_sent_once_more_alone() -> None:
    client = Flaky([{"3", "7"}])
    SqsQueues(client, {QueueName.RENDER: "url"}).send(MESSAGES[1:11])
    assert client.batches == [[str(number) for number in range(10)], ["3", "7"]]


def test_what_is_refused_twice_fails_the_caller() -> None:
    client = Flaky([{"3", "7"}, {"7"}])
    with pytest.raises(Unavailable, match="1 of 10"):
        SqsQueues(client, {QueueName.RENDER: "url"}).send(MESSAGES[1:11])


def test_the_addresses_come_from_the_settings() -> None:
    names = ("table_name", "media_bucket", "work_bucket", "dispatch_queue_url", "render_queue_url", "finish_queue_url")
    settings = CollectMasksSettings(**{name: name for name in names})
    assert urls_of(settings) == {
        QueueName.DISPATCH: "dispatch_queue_url",
        QueueName.RENDER: "render_queue_url",
        QueueName.FINISH: "finish_queue_url",
    }


def test_a_message_may_be_held_back(queue_urls: dict[str, str]) -> None:
    seen: list[dict[str, Any]] = []
    client = clients.sqs()
    client.meta.events.register("provide-client-params.sqs.SendMessageBatch", lambda params, **_: seen.append(params))
    on_moto(queue_urls).send(MESSAGES[:1], delay_s=900)
    on_moto(queue_urls).send(MESSAGES[:1])
    assert [[entry.get("DelaySeconds") for entry in call["Entries"]] for call in seen] == [[900], [None]]
    memory = MemoryQueues()
    memory.send(MESSAGES[:1], delay_s=900)
    assert memory.delays == [900]
