"""A stream whose function takes its time keeps no queue waiting, and changes that come together go out together."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local.aws import client
from local.emulator.environment import ACCOUNT, REGION, EmulatorSettings
from tests.local.test_local_emulator_patches import deploy, function, role, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

SLOW = """
import boto3, os, time
def handler(event, context):
    texts = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["TOLD"], MessageBody=" ".join(texts))
    time.sleep(4)
"""
QUICK = "def handler(event, context): pass"


def source(arn: Any, target: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {"EventSourceArn": arn, "FunctionName": {"Ref": target}, **properties},
        "DependsOn": ["Role"],
    }


def test_a_queue_is_read_while_the_function_of_a_stream_works(emulator: EmulatorSettings) -> None:
    made = deploy(emulator, "beside", {
        "Role": role("lambda.amazonaws.com", {"Effect": "Allow", "Action": "*", "Resource": "*"}),
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}},
        "Told": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "told"}},
        "Asked": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "asked"}},
        "Slow": function(SLOW, Timeout=10, Environment={"Variables": {"TOLD": {"Ref": "Told"}}}),
        "Quick": function(QUICK, Timeout=10),
        "OfTable": source({"Fn::GetAtt": ["Table", "StreamArn"]}, "Slow", StartingPosition="TRIM_HORIZON",
                          MaximumBatchingWindowInSeconds=1),
        "OfQueue": source(f"arn:aws:sqs:{REGION}:{ACCOUNT}:asked", "Quick"),
    })  # fmt: skip
    table, sqs = client("dynamodb", emulator.url), client("sqs", emulator.url)

    def told() -> list[str]:
        found = sqs.receive_message(QueueUrl=made["Told"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [message["Body"] for message in found.get("Messages", [])]

    def are_gone() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=made["Asked"], AttributeNames=names)["Attributes"]
        return not any(map(int, counts.values()))

    sqs.send_message(QueueUrl=made["Asked"], MessageBody="so that its function has started")
    wait_for(are_gone)
    for name in "ab":
        table.put_item(TableName=made["Table"], Item={"pk": {"S": name}})
    began = time.monotonic()
    first: list[str] = []
    while not first:
        first = told()
        assert time.monotonic() - began < 20
    table.put_item(TableName=made["Table"], Item={"pk": {"S": "c"}})
    began = time.monotonic()
    sqs.send_message(QueueUrl=made["Asked"], MessageBody="hello")
    wait_for(are_gone)
    assert time.monotonic() - began < 3.5, "the stream's function sleeps for four seconds"
    rest: list[str] = []
    while len(" ".join(first + rest).split()) < 3:
        rest += told()
    assert " ".join(first + rest) == "a b c"
