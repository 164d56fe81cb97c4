"""An operator's commands on the wire of a service that speaks as AWS does: logs that are searched, letters that move."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from local.aws import client
from local.emulator.environment import EmulatorSettings
from maskmill.core.errors import InvalidInput
from maskmill.ops.account import Account, explained
from maskmill.ops.letters import dead_queues, redrive
from maskmill.ops.lines import Logs, Span

pytestmark = pytest.mark.integration
STAGE = "drill"


@pytest.fixture
def account(emulator: EmulatorSettings) -> Account:
    return Account(STAGE, emulator.url)


def test_dead_letters_go_back_to_the_queue_that_gave_them_up(account: Account, emulator: EmulatorSettings) -> None:
    sqs = client("sqs", emulator.url)
    dead = sqs.create_queue(QueueName=f"{account.prefix}-pipeline-PlanQueueLetters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    source = sqs.create_queue(QueueName=f"{account.prefix}-pipeline-PlanQueue", Attributes={"RedrivePolicy": policy})
    body = json.dumps({"kind": "plan", "v": 1, "tenant": "a", "job_id": "j1"})
    sqs.send_message(QueueUrl=source["QueueUrl"], MessageBody=body)
    for _ in range(2):  # the second receipt finds that it was given up
        sqs.receive_message(QueueUrl=source["QueueUrl"], VisibilityTimeout=0)
    operator = account.client("sqs")
    (queue,) = dead_queues(operator, account.prefix)
    assert (queue.depth, dict(queue.kinds), queue.letters[0].job_id) == (1, {"plan": 1}, "j1")
    assert queue.oldest is not None
    assert redrive(operator, queue, per_second=5, most=1)
    (back,) = sqs.receive_message(QueueUrl=source["QueueUrl"])["Messages"]
    assert json.loads(back["Body"])["job_id"] == "j1"
    assert dead_queues(operator, account.prefix)[0].depth == 0


def test_lines_are_found_by_a_text_in_the_logs_of_one_stage_alone(account: Account, emulator: EmulatorSettings) -> None:
    logs = client("logs", emulator.url)
    now_ms = int(time.time() * 1000)
    for stage in (account.prefix, "maskmill-other"):
        group = f"/aws/lambda/{stage}-plan-job"
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        texts = (json.dumps({"message": "record done", "correlation_id": "j9"}), "START RequestId: 1")
        events = [{"timestamp": now_ms, "message": text} for text in texts]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    now = datetime.now(UTC)
    found = Logs(account.client("logs"), account.prefix).holding("j9", Span(now - timedelta(hours=1), now))
    assert [(line.source, line.what) for line in found.lines] == [("plan-job", "record done")]
    assert found.cut == ()


def test_what_aws_refuses_is_said_in_words(account: Account) -> None:
    with pytest.raises(InvalidInput, match="AWS refuses"), explained():
        account.client("sqs").get_queue_url(QueueName="none")
