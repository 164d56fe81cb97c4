"""A stage's stacks leave an account: what may go is emptied and removed, what stays is listed. It deploys nothing.

Stacks are removed by name, the newest first, because each uses only what was there before it: so stacks go, too, that
the sources no longer know. Buckets that go with their stack are emptied first; CloudFormation removes no full one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from local.delivery.account import Account, stacks_of

BUCKET = "AWS::S3::Bucket"
POLL_S, POLLS_MAX = 5, 720  # an hour: a distribution and an endpoint take minutes each
ROUNDS_MAX = 100_000  # of a thousand objects
LOGS = ("/aws/lambda/{}-", "/aws/sagemaker/Endpoints/{}", "/aws/vendedlogs/{}-", "/aws/apigateway/{}-")
ASSETS = "CDKToolkit"


class RemovalFailed(RuntimeError):
    """A stack did not go; the message says which and why."""


def remove(account: Account, prefix: str, *, tell: Callable[[str], None] = print) -> None:
    """Remove every stack of a stage; raises RemovalFailed."""
    for stack in stacks_of(account, prefix):
        for bucket in _buckets_that_go(account, stack):
            tell(f"{stack}: emptied {bucket} of {_empty(account, bucket):,} objects")
        _delete(account, stack)
        tell(f"{stack}: removed")


def _buckets_that_go(account: Account, stack: str) -> Iterator[str]:
    cloudformation = account.client("cloudformation")
    template = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for found in page["StackResourceSummaries"]:
            if found["ResourceType"] != BUCKET or "PhysicalResourceId" not in found:
                continue
            if template["Resources"].get(found["LogicalResourceId"], {}).get("DeletionPolicy") == "Delete":
                yield found["PhysicalResourceId"]


def _empty(account: Account, bucket: str) -> int:
    """Remove all objects and their versions, and say how many; a bucket that is gone is empty."""
    s3, count = account.client("s3"), 0
    for _ in range(ROUNDS_MAX):
        try:
            page = s3.list_object_versions(Bucket=bucket, MaxKeys=1000)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return count
            raise
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not found:
            return count
        names = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
        if answer.get("Errors"):
            raise RemovalFailed(f"{bucket} could not be emptied: {answer['Errors'][0]}")
        count += len(names)
    raise RemovalFailed(f"{bucket} does not get empty: somebody goes on writing to it")


def _delete(account: Account, stack: str) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=stack, WaiterConfig={"Delay": POLL_S, "MaxAttempts": POLLS_MAX}
        )
    except WaiterError as error:
        raise RemovalFailed(f"{stack} did not go: {_reason(cloudformation, stack) or error}") from error


def _reason(cloudformation: Any, stack: str) -> str:
    """What CloudFormation says of the first resource that would not go."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"] == "DELETE_FAILED" and "ResourceStatusReason" in one]
    return f"{failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}" if failed else ""


def remaining(account: Account, prefix: str, stage: str) -> list[str]:
    """What of a stage is still in the account: stacks, what carries its tags, logs under its names."""
    found = [f"stack {name}" for name in stacks_of(account, prefix)]
    tags = [{"Key": "application", "Values": ["maskmill"]}, {"Key": "stage", "Values": [stage]}]
    for page in account.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=tags):
        found += [one["ResourceARN"] for one in page["ResourceTagMappingList"]]
    logs = account.client("logs").get_paginator("describe_log_groups")
    for pattern in LOGS:
        for page in logs.paginate(logGroupNamePrefix=pattern.format(prefix)):
            found += [f"log group {one['logGroupName']}" for one in page["logGroups"]]
    return found


def shared(account: Account) -> list[str]:
    """What all stages share and no stage removes: the bucket and the registry that the CDK puts assets into."""
    try:
        pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=ASSETS)
        found = [one for page in pages for one in page["StackResourceSummaries"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return []
        raise
    kinds = {BUCKET: "bucket", "AWS::ECR::Repository": "registry"}
    return [
        f"{kinds[one['ResourceType']]} {one['PhysicalResourceId']}" for one in found if one["ResourceType"] in kinds
    ]
