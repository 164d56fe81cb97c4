"""The one table with its two indexes; it knows no row."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from maskmill.core.table import Index

TEXT = dynamodb.AttributeType.STRING
NUMBER = dynamodb.AttributeType.NUMBER


def row_table(scope: Construct, name: str, *, is_disposable: bool, has_backups: bool) -> dynamodb.TableV2:
    """Rows by pk and sk, paid by use; rows with `expires_at` go after that moment; a stream tells of every write."""
    return dynamodb.TableV2(
        scope,
        name,
        partition_key=dynamodb.Attribute(name="pk", type=TEXT),
        sort_key=dynamodb.Attribute(name="sk", type=TEXT),
        billing=dynamodb.Billing.on_demand(),
        time_to_live_attribute="expires_at",
        dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        global_secondary_indexes=[_index(Index.DUE, sort_type=NUMBER), _index(Index.RECENT, sort_type=TEXT)],
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=has_backups
        ),
        deletion_protection=not is_disposable,
        removal_policy=cdk.RemovalPolicy.DESTROY if is_disposable else cdk.RemovalPolicy.RETAIN,
    )


def _index(index: Index, *, sort_type: dynamodb.AttributeType) -> dynamodb.GlobalSecondaryIndexPropsV2:
    """`<index>_pk` and `<index>_at`; only rows that carry both are in it, whole."""
    return dynamodb.GlobalSecondaryIndexPropsV2(
        index_name=index.value,
        partition_key=dynamodb.Attribute(name=f"{index.value}_pk", type=TEXT),
        sort_key=dynamodb.Attribute(name=f"{index.value}_at", type=sort_type),
        projection_type=dynamodb.ProjectionType.ALL,
    )
