"""Everything that keeps something is encrypted with one key; it knows no stack.

It goes over the finished stacks, so that no bucket, queue or log can be forgotten, whoever adds it.
"""

from __future__ import annotations

import aws_cdk as cdk
import jsii
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import IConstruct

REUSED_S = 60 * 60  # for which a queue keeps a data key: messages come by thousands and a call of the key is paid for


@jsii.implements(cdk.IAspect)
class EncryptedWith:
    """Buckets, tables, queues, topics and logs below a scope get this key in place of AWS's own."""

    def __init__(self, key: kms.IKey) -> None:
        self._key = key

    def visit(self, node: IConstruct) -> None:
        arn = self._key.key_arn
        match node:
            case s3.CfnBucket():
                node.bucket_encryption = _of_bucket(arn)
            case dynamodb.CfnGlobalTable():
                # The table says that it has a key, and each of its replicas which.
                node.sse_specification = dynamodb.CfnGlobalTable.SSESpecificationProperty(
                    sse_enabled=True, sse_type="KMS"
                )
                node.add_property_override("Replicas.0.SSESpecification", {"KMSMasterKeyId": arn})
            case sqs.CfnQueue():
                node.sqs_managed_sse_enabled = None
                node.kms_master_key_id = arn
                node.kms_data_key_reuse_period_seconds = REUSED_S
            case sns.CfnTopic():
                node.kms_master_key_id = arn
            case logs.CfnLogGroup():
                node.kms_key_id = arn


def _of_bucket(arn: str) -> s3.CfnBucket.BucketEncryptionProperty:
    """One data key for many objects: without it each object costs a call of the key."""
    parts = s3.CfnBucket
    rule = parts.ServerSideEncryptionRuleProperty(
        bucket_key_enabled=True,
        server_side_encryption_by_default=parts.ServerSideEncryptionByDefaultProperty(
            sse_algorithm="aws:kms", kms_master_key_id=arn
        ),
    )
    return parts.BucketEncryptionProperty(server_side_encryption_configuration=[rule])
