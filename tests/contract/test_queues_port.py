"""The queues port: a message's type decides its queue, its tenant its group, and nothing is left behind silently."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.aws.events import message_in
from lambdas.aws.queues import SqsQueues
from lambdas.aws.queues import queue_urls as urls_of
from maskmill.core.errors import Unavailable
from maskmill.core.limits import QUEUE_DELAY_S_MAX
from maskmill.core.messages import QUEUE_OF, DispatchItems, FinishJob, IngestUpload, PlanJob, QueueName, RenderItems
from maskmill.core.settings import CollectMasksSettings
from tests.contract.clouds import Cloud, Lying

MESSAGES = [
    PlanJob(tenant="a", job_id="j1"),
    RenderItems(tenant="a", job_id="j1", chunk=0, indices=(99,)),
    DispatchItems(tenant="b", job_id="j2", chunk=3, indices=(1, 2)),
    IngestUpload(tenant="b", dataset_id="d", image_id="i"),
    FinishJob(tenant="a", job_id="j1"),
]
TEN = [RenderItems(tenant="a", job_id="j1", chunk=0, indices=(index,)) for index in range(10)]


@pytest.mark.parametrize("many", [0, 1, 23], ids="{} more".format)
def test_every_message_reaches_the_queue_of_its_type_under_its_tenant(cloud: Cloud, many: int) -> None:
    messages = [*MESSAGES, *(RenderItems(tenant="a", job_id="j1", chunk=0, indices=(index,)) for index in range(many))]
    queues = cloud.queues()
    queues.send(messages)
    sent = [Lying(QUEUE_OF[type(one)], one.model_dump_json(), one.tenant) for one in messages]
    assert cloud.lying(queues) == sorted(sent)


def test_the_same_message_twice_is_two_messages(cloud: Cloud) -> None:
    queues = cloud.queues()
    queues.send([MESSAGES[0], MESSAGES[0]])
    first, second = cloud.lying(queues)
    assert first == second


def test_nothing_to_send_is_no_call(cloud: Cloud) -> None:
    queues = cloud.queues()
    queues.send([])
    assert cloud.lying(queues) == []


def test_a_name_of_any_letters_comes_through_whole(cloud: Cloud) -> None:
    odd = RenderItems(tenant="a", job_id='ä\x01\u2028 "\\\U0001f5bc', chunk=0, indices=(0,))
    queues = cloud.queues()
    queues.send([odd])
    assert [message_in(found.body) for found in cloud.lying(queues)] == [odd]


def test_a_message_that_is_held_back_is_not_seen_at_once(cloud: Cloud) -> None:
    queues = cloud.queues()
    queues.send(MESSAGES[:1], delay_s=QUEUE_DELAY_S_MAX)
    queues.send(MESSAGES[1:2])
    assert [found.body for found in cloud.lying(queues)] == [MESSAGES[1].model_dump_json()]


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
    SqsQueues(client, {QueueName.RENDER: "url"}).send(TEN)
    assert client.batches == [[str(number) for number in range(10)], ["3", "7"]]


def test_what_is_refused_twice_fails_the_caller() -> None:
    client = Flaky([{"3", "7"}, {"7"}])
    with pytest.raises(Unavailable, match="1 of 10"):
        SqsQueues(client, {QueueName.RENDER: "url"}).send(TEN)


def test_the_addresses_come_from_the_settings() -> None:
    names = ("table_name", "media_bucket", "work_bucket", "dispatch_queue_url", "render_queue_url", "finish_queue_url")
    settings = CollectMasksSettings(**{name: name for name in names})
    assert urls_of(settings) == {
        QueueName.DISPATCH: "dispatch_queue_url",
        QueueName.RENDER: "render_queue_url",
        QueueName.FINISH: "finish_queue_url",
    }
