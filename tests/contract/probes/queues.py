"""Probes of SQS, and of SNS before it."""

from __future__ import annotations

import json
from typing import Any

import boto3

from lambdas.aws.events import AnswerReady, callbacks_in
from tests.contract.clouds import AwsCloud
from tests.contract.probes import Probe, outcome

GUIDE = "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
API = "docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference"
SNS = "docs.aws.amazon.com/sns/latest/dg"
MIB = 1024 * 1024


class _Made:
    """A new queue, with calls that name it."""

    def __init__(self, cloud: AwsCloud, **attributes: str) -> None:
        self.cloud, self.client = cloud, cloud.service("sqs")
        self.url = cloud.queue_url(**attributes)

    @property
    def arn(self) -> str:
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def send(self, body: str = "hello", **more: Any) -> Any:
        return self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def batch(self, *entries: dict[str, Any]) -> Any:
        return self.client.send_message_batch(QueueUrl=self.url, Entries=list(entries))

    def receive(self, **more: Any) -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **more
        )
        return list(answer.get("Messages", []))

    def show_again(self, message: dict[str, Any]) -> None:
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _hidden_and_counted(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.send()
    (first,) = made.receive()
    while_hidden = len(made.receive())
    made.show_again(first)
    (again,) = made.receive()
    return f"{while_hidden} while hidden, then received {again['Attributes']['ApproximateReceiveCount']} times"


def _redriven(cloud: AwsCloud) -> str:
    letters = _Made(cloud)
    policy = json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 2})
    made = _Made(cloud, RedrivePolicy=policy)
    made.send('{"kind": "plan"}', MessageGroupId="tenant-a")
    for _ in range(2):
        (message,) = made.receive()
        made.show_again(message)
    left = len(made.receive())
    (letter,) = letters.receive()
    return f"{left} left, {letter['Body']} of {letter['Attributes'].get('MessageGroupId')}"


def _old_handle(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.send()
    (first,) = made.receive()
    made.show_again(first)
    (again,) = made.receive()
    seen = outcome(lambda: made.client.delete_message(QueueUrl=made.url, ReceiptHandle=first["ReceiptHandle"]))
    if seen != "accepted":
        return seen
    is_there = outcome(lambda: made.show_again(again)) == "accepted" and len(made.receive()) == 1
    return f"{seen}, {'still there' if is_there else 'deleted'}"


def _group(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    made.send(MessageGroupId="tenant-a")
    made.send(MessageGroupId="tenant-a")
    return " ".join(message["Attributes"]["MessageGroupId"] for message in made.receive())


def _partly(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    answer = made.batch({"Id": "1", "MessageBody": "good"}, {"Id": "2", "MessageBody": "bad \x01"})
    good, bad = ([one["Id"] for one in answer.get(side, [])] for side in ("Successful", "Failed"))
    return f"{good} sent, {bad} failed"


def _eleven(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    return outcome(lambda: made.batch(*({"Id": str(number), "MessageBody": "x"} for number in range(11))))


def _twins(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    return outcome(lambda: made.batch(*({"Id": "1", "MessageBody": "x"} for _ in range(2))))


def _large_batch(cloud: AwsCloud) -> str:
    made = _Made(cloud)
    return outcome(lambda: made.batch(*({"Id": str(n), "MessageBody": "x" * (MIB // 2 + 1)} for n in range(2))))


def _published(cloud: AwsCloud, message: str, *, raw: bool) -> str:
    made, sns = _Made(cloud), boto3.client("sns")
    topic = sns.create_topic(Name=cloud.fresh("topic"))["TopicArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": made.arn,
        "Condition": {"ArnLike": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    made.client.set_queue_attributes(QueueUrl=made.url, Attributes={"Policy": policy})
    attributes = {"RawMessageDelivery": "true"} if raw else {}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=made.arn, Attributes=attributes)
    sns.publish(TopicArn=topic, Message=message)
    sns.close()
    (found,) = made.receive(WaitTimeSeconds=2)
    return str(found["Body"])


NOTIFICATION = json.dumps({
    "eventSource": "aws:sagemaker", "eventName": "InferenceResult", "invocationStatus": "Completed",
    "requestParameters": {"inputLocation": "s3://work/r.json"},
    "responseParameters": {"outputLocation": "s3://work/ä.json"},
}, ensure_ascii=False)  # fmt: skip


def _told(cloud: AwsCloud, *, raw: bool) -> str:
    (told,) = callbacks_in(_published(cloud, NOTIFICATION, raw=raw))
    assert isinstance(told, AnswerReady)
    return f"{told.request_key} {told.answer}"


def _long_message(cloud: AwsCloud) -> str:
    sns = boto3.client("sns")
    topic = sns.create_topic(Name=cloud.fresh("topic"))["TopicArn"]
    seen = outcome(lambda: sns.publish(TopicArn=topic, Message="x" * (256 * 1024 + 1)))
    sns.close()
    return seen


PROBES = (
    Probe("message that was received", "work that fails comes again", "0 while hidden, then received 2 times",
          f"{GUIDE}/sqs-visibility-timeout.html", _hidden_and_counted),
    Probe("message that was received too often", "dead letters keep what they were about",
          '0 left, {"kind": "plan"} of tenant-a', f"{GUIDE}/sqs-dead-letter-queues.html", _redriven),
    Probe("deletion with an old receipt handle", "an acknowledgement is a hint: rows say what is done",
          "accepted, still there", f"{API}/API_DeleteMessage.html", _old_handle),
    Probe("group of a message on a standard queue", "queues serve tenants in turn", "tenant-a tenant-a",
          f"{GUIDE}/sqs-fair-queues.html", _group),
    Probe("batch with one message that is refused", "what was refused is sent once more, alone", "['1'] sent, ['2'] failed",
          f"{API}/API_SendMessageBatch.html", _partly),
    Probe("control character in a message", "messages are JSON, which escapes them", "InvalidMessageContents",
          f"{API}/API_SendMessage.html", lambda cloud: outcome(lambda: _Made(cloud).send("\x01"))),
    Probe("empty message", "messages are JSON objects", "MissingParameter", f"{API}/CommonErrors.html",
          lambda cloud: outcome(lambda: _Made(cloud).send(""))),
    Probe("message of more than 1 MiB", "messages name rows", "InvalidParameterValue",
          f"{GUIDE}/quotas-messages.html", lambda cloud: outcome(lambda: _Made(cloud).send("x" * (MIB + 1)))),
    Probe("batch of more than 1 MiB", "ten messages that name rows are short", "AWS.SimpleQueueService.BatchRequestTooLong",
          f"{GUIDE}/quotas-messages.html", _large_batch),
    Probe("batch of eleven messages", "batches have ten", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
          f"{API}/API_SendMessageBatch.html", _eleven),
    Probe("batch with one id twice", "ids are numbers within the batch", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
          f"{API}/API_SendMessageBatch.html", _twins),
    Probe("delay of more than 15 minutes", "longer waits are the sweep's", "InvalidParameterValue",
          f"{API}/API_SendMessage.html", lambda cloud: outcome(lambda: _Made(cloud).send(DelaySeconds=901))),
    Probe("raw notification through a topic", "callbacks are read as they are", "r.json s3://work/ä.json",
          f"{SNS}/sns-large-payload-raw-message-delivery.html", lambda cloud: _told(cloud, raw=True)),
    Probe("notification in an envelope", "a subscription that is not raw is understood, too", "r.json s3://work/ä.json",
          f"{SNS}/sns-sqs-as-subscriber.html", lambda cloud: _told(cloud, raw=False)),
    Probe("notification of more than 256 KB", "answers are in objects, and notifications name them", "InvalidParameter",
          f"{SNS}/sns-large-payload-raw-message-delivery.html", _long_message),
)  # fmt: skip
