from __future__ import annotations

from typing import Any

import pytest

from infra.config import STAGES
from maskmill.core.table import Index
from tests.unit.infra.cloud import Cloud

BUCKETS = ("Uploads", "Media", "Work", "Site")


def lifecycle(cloud: Cloud, bucket: str) -> dict[str, Any]:
    (rule,) = cloud.named(bucket, "S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
    assert rule["Status"] == "Enabled"
    return dict(rule)


def test_there_are_four_buckets_closed_to_the_public(cloud: Cloud) -> None:
    buckets = {bucket.name: bucket.properties for bucket in cloud.resources("S3::Bucket")}
    assert set(buckets) == set(BUCKETS)
    for properties in buckets.values():
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert "VersioningConfiguration" not in properties


def test_buckets_answer_over_tls_alone(cloud: Cloud) -> None:
    guarded = set()
    for policy in cloud.resources("S3::BucketPolicy"):
        entry = policy.properties["PolicyDocument"]["Statement"][0]
        assert (entry["Effect"], entry["Action"]) == ("Deny", "s3:*")
        assert entry["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        guarded.add(cloud.text(policy.stack, policy.properties["Bucket"]).strip("<>"))
    assert guarded == set(BUCKETS)


def test_what_is_passing_expires_and_what_was_made_stays(cloud: Cloud) -> None:
    assert lifecycle(cloud, "Work")["ExpirationInDays"] == 7
    assert lifecycle(cloud, "Uploads")["ExpirationInDays"] == STAGES[cloud.stage].upload_days
    assert "ExpirationInDays" not in lifecycle(cloud, "Media")
    for bucket in BUCKETS:
        assert lifecycle(cloud, bucket)["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_every_upload_is_announced_to_the_ingest_queue_without_a_helper_function(cloud: Cloud) -> None:
    uploads = cloud.named("Uploads", "S3::Bucket")
    (announced,) = uploads.properties["NotificationConfiguration"]["QueueConfigurations"]
    assert announced["Event"] == "s3:ObjectCreated:*"
    assert cloud.text(uploads.stack, announced["Queue"]) == "<IngestQueue/Queue.Arn>"
    policy = cloud.named("IngestQueue/Queue/Policy", "SQS::QueuePolicy")
    waits_for = {cloud.name(uploads.stack, logical_id) for logical_id in uploads.body["DependsOn"]}
    assert policy.name in waits_for, "the store checks its right to send when the bucket is made"
    assert not [found for found in cloud.resources() if found.type.startswith("Custom::S3")]


def test_only_the_uploads_bucket_admits_pages_and_those_of_distributions_alone(cloud: Cloud) -> None:
    """The distribution's name is not known yet when the bucket is made; a page still needs a form that was signed."""
    admitting = [bucket for bucket in cloud.resources("S3::Bucket") if "CorsConfiguration" in bucket.properties]
    assert [bucket.name for bucket in admitting] == ["Uploads"]
    (rule,) = admitting[0].properties["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedMethods"] == ["POST"]
    own = {"local": ["https://maskmill.localhost", "http://localhost:5173"]}
    assert rule["AllowedOrigins"] == own.get(cloud.stage, ["https://*.cloudfront.net"])


def test_the_table_has_the_keys_and_indexes_that_rows_are_written_with(cloud: Cloud) -> None:
    table = cloud.only("DynamoDB::GlobalTable").properties
    types = {found["AttributeName"]: found["AttributeType"] for found in table["AttributeDefinitions"]}
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes) == {index.value for index in Index}
    for name, index in indexes.items():
        assert [key["AttributeName"] for key in index["KeySchema"]] == [f"{name}_pk", f"{name}_at"]
        assert index["Projection"] == {"ProjectionType": "ALL"}
    strings = {"pk", "sk", "due_pk", "recent_pk", "recent_at"}
    assert types == {**dict.fromkeys(strings, "S"), "due_at": "N"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("name", ["Table", "Uploads", "Media", "Work", "People/Pool"])
def test_what_people_made_outlives_its_stack_in_production(prod: Cloud, local: Cloud, name: str) -> None:
    assert prod.named(name).body["DeletionPolicy"] == "Retain"
    assert local.named(name).body["DeletionPolicy"] == "Delete"


def test_the_table_of_production_is_backed_up_and_guarded(prod: Cloud) -> None:
    (replica,) = prod.only("DynamoDB::GlobalTable").properties["Replicas"]
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert replica["DeletionProtectionEnabled"] is True


def test_the_page_is_made_anew_at_every_deployment_and_goes_with_its_stack(cloud: Cloud) -> None:
    assert cloud.named("Site", "S3::Bucket").body["DeletionPolicy"] == "Delete"
