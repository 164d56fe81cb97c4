"""The product's resources on moto, shaped as the stacks shape them; nothing here leaves the process.

What moto does not do as AWS does, and what proves it instead:
- a write's expression may have more than 4 KB, and an ExclusiveStartKey may lie outside of the query: the first is
  bounded by a unit test of the expressions, the second is refused by the adapter itself;
- two writers never race inside moto, so ConditionalRequestConflict (409) and throttling come from the stubs of
  tests/unit/lambdas/test_faults.py;
- a presigned form is not checked against its policy: the conditions are read back from the policy here, and the
  emulator with IAM enforcement checks them in the integration tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto import mock_aws

from lambdas.aws import clients

TABLE = "maskmill"
UPLOADS, MEDIA, WORK = "maskmill-uploads", "maskmill-media", "maskmill-work"
QUEUES = ("ingest", "plan", "dispatch", "collect", "render", "finish")
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
def cloud() -> Iterator[dict[str, str]]:
    """An account with the table, the buckets and the queues; gives the queues' addresses by name."""
    with mock.patch.dict(os.environ, _ACCOUNT), mock_aws():
        for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
            del os.environ[name]
        clients.forget()
        try:
            make_table()
            for bucket in (UPLOADS, MEDIA, WORK):
                clients.s3().create_bucket(Bucket=bucket)
            yield {name: clients.sqs().create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        finally:
            clients.forget()


def make_table() -> None:
    strings, numbers = ("pk", "sk", "due_pk", "recent_pk", "recent_at"), ("due_at",)
    clients.dynamodb().create_table(
        TableName=TABLE,
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
