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


def endpoint_role(
    scope: Construct,
    *,
    media: s3.IBucket,
    work: s3.IBucket,
    topics: AnswerTopics,
    log: logs.ILogGroup,
    weights: str | None,
) -> iam.Role:
    """Reads requests and upright pictures, keeps embeddings, writes answers and failures, and says so on the topics."""
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    statements = [
        objects(work, "GetObject", keys=(prefixes.REQUESTS,)),
        objects(media, "GetObject", keys=(prefixes.NORMALS,)),
        objects(media, "GetObject", "PutObject", keys=(prefixes.EMBEDDINGS,)),
        objects(work, "PutObject", "AbortMultipartUpload", keys=(prefixes.ANSWERS, prefixes.FAILURES)),
        absence(work, media),
        iam.PolicyStatement(actions=["sns:Publish"], resources=[topics.success.topic_arn, topics.error.topic_arn]),
        iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[log.log_group_arn],
        ),
        # The endpoint's metrics: this right cannot be narrowed to a resource.
        iam.PolicyStatement(actions=["cloudwatch:PutMetricData"], resources=["*"]),
    ]
    for statement in [*statements, *read_weights(cdk.Stack.of(scope), weights)]:
        role.add_to_policy(statement)
    return role
