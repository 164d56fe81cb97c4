"""The product's resources on a service that speaks as AWS does, shaped as the stacks shape them.

The service is moto, inside this process, or the emulator beside it; in what they differ from AWS stands in
tests/contract/divergences.py.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import boto3
from botocore.awsrequest import AWSResponse
from moto import mock_aws
from moto.backends import get_backend
from pydantic import BaseModel

from lambdas.aws import clients
from maskmill.core.messages import QueueName

TABLE = "maskmill"
UPLOADS, MEDIA, WORK, SITE = "maskmill-uploads", "maskmill-media", "maskmill-work", "maskmill-site"
MEDIA_KEY_NAME = "/maskmill/media-key/1/private"
QUEUES = tuple(queue.value for queue in QueueName)
_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "POWERTOOLS_METRICS_NAMESPACE": "Maskmill",
}


@contextmanager
def account(environment: Mapping[str, str]) -> Iterator[None]:
    """The product's clients are made of this environment alone, and are gone afterwards."""
    with mock.patch.dict(os.environ, {**_ACCOUNT, **environment}):
        for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL") and name not in environment]:
            del os.environ[name]
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    kept = (clients.dynamodb, clients.s3, clients.sqs, clients.functions)
    for make in (*kept, clients.sagemaker_runtime, clients.realtime_runtime):
        if make.cache_info().currsize:
            make().close()  # or its connections are found open when nobody thinks of them any more
    clients.forget()
    boto3.DEFAULT_SESSION = None  # it keeps the keys that it found first


@contextmanager
def cloud() -> Iterator[dict[str, str]]:
    """An account on moto with the table, the buckets and the queues; gives the queues' addresses by name."""
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(4 * depth)  # moto reads an expression recursively, a level per condition
    try:
        with account({}), mock_aws():
            make_table(clients.dynamodb(), TABLE)
            for bucket in (UPLOADS, MEDIA, WORK, SITE):
                clients.s3().create_bucket(Bucket=bucket)
            yield {name: clients.sqs().create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
    finally:
        sys.setrecursionlimit(depth)


def forget_rows() -> None:
    """Empty the table of `cloud`: moto sorts all the rows that it holds at every query."""
    (tables,) = (region["us-east-1"].tables for region in get_backend("dynamodb").values())
    tables[TABLE].items.clear()


@dataclass
class LaneFunction:
    """What answers in place of the lane's function: `reply` gives a status, headers and a body for a payload."""

    reply: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]]
    calls: list[dict[str, Any]] = field(default_factory=list)

    def send(self, request: Any, **_more: Any) -> AWSResponse:
        payload = json.loads(request.body)
        self.calls.append(payload)
        status, headers, body = self.reply(payload)
        return AWSResponse(request.url, status, headers, _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, **_more: Any) -> Iterator[bytes]:
        yield self.read()


def answering(value: BaseModel | bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What a function gives back that ended well; `headers` may say that it did not."""
    body = value if isinstance(value, bytes) else value.model_dump_json().encode()
    return 200, {name.replace("_", "-"): text for name, text in headers.items()}, body


@contextmanager
def lane(reply: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]]) -> Iterator[LaneFunction]:
    """The lane's function inside of `cloud`, for as long as the block runs: moto would run it in a container."""
    function = LaneFunction(reply)
    events, name = clients.functions().meta.events, "before-send.lambda.Invoke"
    events.register_first(name, function.send)
    try:
        yield function
    finally:
        events.unregister(name, function.send)


def make_table(dynamodb: Any, name: str) -> None:
    strings, numbers = ("pk", "sk", "due_pk", "recent_pk", "recent_at"), ("due_at",)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            *({"AttributeName": name, "AttributeType": "S"} for name in strings),
            *({"AttributeName": name, "AttributeType": "N"} for name in numbers),
        ],
        KeySchema=_key("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": "due", "KeySchema": _key("due_pk", "due_at"), "Projection": {"ProjectionType": "ALL"}},
            {
                "IndexName": "recent",
                "KeySchema": _key("recent_pk", "recent_at"),
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    )


def _key(partition: str, order: str) -> list[dict[str, Any]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}]


def received(url: str) -> list[dict[str, Any]]:
    """Everything that lies in a queue now, taken out."""
    found: list[dict[str, Any]] = []
    while True:
        answer = clients.sqs().receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        )
        batch = answer.get("Messages", [])
        if not batch:
            return found
        for message in batch:
            clients.sqs().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found += batch
