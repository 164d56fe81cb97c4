"""A private bucket: no public access, TLS alone, encrypted, owned by the account; it knows no key."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.queue import WorkQueue


def private_bucket(
    scope: Construct,
    name: str,
    *,
    is_disposable: bool,
    expire_days: int | None = None,
    post_origins: Sequence[str] = (),
) -> s3.Bucket:
    """A bucket whose objects go after `expire_days` (None: never) and which pages of `post_origins` may post to.

    A disposable bucket goes with its stack once it is empty; `make destroy` empties it, and nothing of the stack may.
    """
    return s3.Bucket(
        scope,
        name,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=False,
        removal_policy=cdk.RemovalPolicy.DESTROY if is_disposable else cdk.RemovalPolicy.RETAIN,
        cors=[_post_from(post_origins)] if post_origins else None,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="Expire",
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                expiration=cdk.Duration.days(expire_days) if expire_days else None,
            )
        ],
    )


def _post_from(origins: Sequence[str]) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_methods=[s3.HttpMethods.POST],
        allowed_origins=list(origins),
        allowed_headers=["*"],
        exposed_headers=["ETag"],
        max_age=3600,
    )


def admit_distributions(bucket: s3.Bucket, *, keys: Sequence[str]) -> None:
    """Distributions of this account may read objects whose keys match one of the patterns.

    Which one of them is not said: the bucket is of an earlier stack than its distribution. They may list it, too, or
    they would be told that a missing object is forbidden; what they ask for is never the list (`TO_OBJECT`).
    """
    stack = cdk.Stack.of(bucket)
    distributions = stack.format_arn(service="cloudfront", region="", resource="distribution", resource_name="*")
    shown = [bucket.arn_for_objects(key) for key in keys]
    for action, resources in (("s3:GetObject", shown), ("s3:ListBucket", [bucket.bucket_arn])):
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
                actions=[action],
                resources=resources,
                conditions={"ArnLike": {"AWS:SourceArn": distributions}},
            )
        )


def write_once(bucket: s3.Bucket, *, keys: Sequence[str]) -> None:
    """Nobody overwrites objects whose keys match one of the patterns: a write must say that there is none yet."""
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects(key) for key in keys],
            conditions={"Null": {"s3:if-none-match": "true"}},
        )
    )


def announce_arrivals(bucket: s3.Bucket, queue: WorkQueue) -> None:
    """Every new object of the bucket becomes a message of the queue.

    Written as a property of the bucket: the library's own `add_event_notification` adds a function that sets it. The
    queue's policy names the bucket by the start of its name, because naming the bucket itself would be a circle.
    """
    stack = cdk.Stack.of(bucket)
    queue.allow_sender(
        "s3.amazonaws.com",
        source_arn=f"arn:{stack.partition}:s3:::{stack.stack_name}-{bucket.node.id.lower()}*",
        account=stack.account,
    )
    plain = bucket.node.default_child
    if not isinstance(plain, s3.CfnBucket):
        raise TypeError("a bucket is made of a CfnBucket")
    plain.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        queue_configurations=[
            s3.CfnBucket.QueueConfigurationProperty(event="s3:ObjectCreated:*", queue=queue.queue.queue_arn)
        ]
    )
    bucket.node.add_dependency(queue.policy)
