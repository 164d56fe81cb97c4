"""What the model server and the service around it may do; it knows no instance and no scaling."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs import prefixes
from infra.constructs.access import absence, objects, read_weights
from infra.constructs.topics import AnswerTopics
from infra.plans import EndpointPlan
from maskmill.core.settings import EndpointMode


def endpoint_role(
    scope: Construct,
    plan: EndpointPlan,
    *,
    media: s3.IBucket,
    work: s3.IBucket,
    topics: AnswerTopics,
    log: logs.ILogGroup,
) -> iam.Role:
    """Reads upright pictures and keeps embeddings; of an endpoint with a queue also what that takes."""
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    statements = [
        objects(media, "GetObject", keys=(prefixes.NORMALS,)),
        objects(media, "GetObject", "PutObject", keys=(prefixes.EMBEDDINGS,)),
        absence(media),
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[log.log_group_arn],
        ),
        # The endpoint's metrics: this right cannot be narrowed to a resource.
        iam.PolicyStatement(actions=["cloudwatch:PutMetricData"], resources=["*"]),
    ]
    if plan.mode is EndpointMode.ASYNC:
        statements += _queueing(work, topics)
    for statement in [*statements, *read_weights(cdk.Stack.of(scope), plan.segmenter.weights)]:
        role.add_to_policy(statement)
    return role


def _queueing(work: s3.IBucket, topics: AnswerTopics) -> list[iam.PolicyStatement]:
    """Reads requests, writes answers and failures, and says so on the topics."""
    return [
        objects(work, "GetObject", keys=(prefixes.REQUESTS,)),
        objects(work, "PutObject", "AbortMultipartUpload", keys=(prefixes.ANSWERS, prefixes.FAILURES)),
        absence(work),
        iam.PolicyStatement(actions=["sns:Publish"], resources=[topics.success.topic_arn, topics.error.topic_arn]),
    ]
