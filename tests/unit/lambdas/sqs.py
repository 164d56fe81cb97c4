"""Events as SQS and Lambda make them."""

from __future__ import annotations

from typing import Any


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {"Records": [_record(number, body) for number, body in enumerate(bodies)]}


def failed(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def _record(number: int, body: str) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": "handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1793527200000",
            "SenderId": "AROAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1793527200001",
            "MessageGroupId": "a",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        "awsRegion": "us-east-1",
    }
