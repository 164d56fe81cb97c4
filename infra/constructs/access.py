"""The statements that policies are made of, by what they let a function do; it knows no function.

The library's own grants are wider than what is needed: they allow every kind of read or write, on every key.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from maskmill.core.rsa import PUBLIC
from maskmill.core.table import Index


def rows(table: dynamodb.ITableV2, *actions: str) -> iam.PolicyStatement:
    """Single rows and partitions of the table, by the actions' names without their service."""
    return iam.PolicyStatement(actions=[f"dynamodb:{action}" for action in actions], resources=[table.table_arn])


def index(table: dynamodb.ITableV2, *names: Index) -> iam.PolicyStatement:
    """Queries of secondary indexes."""
    arns = [f"{table.table_arn}/index/{name.value}" for name in names]
    return iam.PolicyStatement(actions=["dynamodb:Query"], resources=arns)


def read_changes(table: dynamodb.TableV2) -> iam.PolicyStatement:
    """What an event source needs of the stream that it reads."""
    actions = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]
    return iam.PolicyStatement(actions=[f"dynamodb:{action}" for action in actions], resources=[stream_of(table)])


def stream_of(table: dynamodb.TableV2) -> str:
    """The address of the table's stream."""
    if table.table_stream_arn is None:
        raise ValueError("the table has no stream")
    return table.table_stream_arn


def objects(bucket: s3.IBucket, *actions: str, keys: tuple[str, ...]) -> iam.PolicyStatement:
    """Objects whose keys match one of the patterns."""
    arns = [bucket.arn_for_objects(key) for key in keys]
    return iam.PolicyStatement(actions=[f"s3:{action}" for action in actions], resources=arns)


def absence(*buckets: s3.IBucket) -> iam.PolicyStatement:
    """Being told that an object is missing: without it the store answers "forbidden" instead of "not found"."""
    return iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn for bucket in buckets])


def see(bucket: s3.IBucket) -> iam.PolicyStatement:
    """The names of all that a bucket holds."""
    return iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])


def clear(bucket: s3.IBucket, *folders: str) -> list[iam.PolicyStatement]:
    """Seeing what lies below folders of these names, and removing it."""
    below = {"StringLike": {"s3:prefix": list(folders)}}
    see = iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn], conditions=below)
    return [see, objects(bucket, "DeleteObject", keys=tuple(f"{folder}*" for folder in folders))]


def send(*queues: sqs.IQueue) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in queues])


def receive(*queues: sqs.IQueue) -> iam.PolicyStatement:
    """What an event source needs of the queue that it reads."""
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return iam.PolicyStatement(actions=actions, resources=[queue.queue_arn for queue in queues])


def invoke_endpoint(scope: cdk.Stack, name: str, action: str) -> iam.PolicyStatement:
    arn = scope.format_arn(service="sagemaker", resource="endpoint", resource_name=name)
    return iam.PolicyStatement(actions=[f"sagemaker:{action}"], resources=[arn])


def invoke_function(scope: cdk.Stack, name: str) -> iam.PolicyStatement:
    arn = scope.format_arn(
        service="lambda", resource="function", resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )
    return iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[arn])


def read_secret(stack: cdk.Stack, name: str) -> iam.PolicyStatement:
    """A secret parameter; the account's own key, which encrypts it, admits everybody who may read the parameter."""
    return iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[_parameter(stack, name)])


def lock_away(stack: cdk.Stack, folder: str) -> list[iam.PolicyStatement]:
    """Secrets below a folder that are written and removed and never read, and the plain halves beside them."""
    everything, public = _parameter(stack, f"{folder}/*"), _parameter(stack, f"{folder}/*/{PUBLIC}")
    return [
        iam.PolicyStatement(actions=["ssm:PutParameter", "ssm:DeleteParameter"], resources=[everything]),
        iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[public]),
    ]


def _parameter(stack: cdk.Stack, name: str) -> str:
    return stack.format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/"))


def read_weights(stack: cdk.Stack, uri: str | None, *, names: tuple[str, ...] = ("*",)) -> list[iam.PolicyStatement]:
    """Files of these names below the prefix of the weights, which lie in a bucket of the user's own."""
    if uri is None:
        return []
    bucket, prefix = bucket_and_prefix(uri)
    arn = f"arn:{stack.partition}:s3:::{bucket}"
    return [
        iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"{arn}/{prefix}{name}" for name in names]),
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[arn]),
    ]


def bucket_and_prefix(uri: str) -> tuple[str, str]:
    """The two parts of `s3://bucket/prefix/`."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix
