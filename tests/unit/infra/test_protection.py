"""How what is kept is protected: keys, what may be overwritten, how long it stays, and where the model runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.context import BadConfiguration, chosen
from tests.unit.infra.cloud import Cloud, grants

KEY = "<Key.Arn>"


# Keys -----------------------------------------------------------------------------------------------------------------


def test_no_stage_pays_for_a_key_unless_it_is_asked_for(cloud: Cloud) -> None:
    assert not cloud.resources("KMS::Key")
    assert not [one for one in cloud.resources() if "Kms" in json.dumps(one.properties)]
    with pytest.raises(BadConfiguration, match="aws, kms"):
        chosen({"encryption": "rot13"})


def test_with_a_key_of_its_own_every_bucket_is_encrypted_by_it_at_the_price_of_few_calls(guarded: Cloud) -> None:
    buckets = guarded.resources("S3::Bucket")
    assert {bucket.name for bucket in buckets} == {"Uploads", "Media", "Work", "Site"}
    for bucket in buckets:
        (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        assert (default["SSEAlgorithm"], rule["BucketKeyEnabled"]) == ("aws:kms", True)
        assert guarded.text(bucket.stack, default["KMSMasterKeyID"]) == KEY


def test_and_the_table_every_queue_topic_and_log(guarded: Cloud) -> None:
    table = guarded.only("DynamoDB::GlobalTable")
    assert table.properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    (replica,) = table.properties["Replicas"]
    assert guarded.text(table.stack, replica["SSESpecification"]["KMSMasterKeyId"]) == KEY
    for queue in guarded.resources("SQS::Queue"):
        assert guarded.text(queue.stack, queue.properties["KmsMasterKeyId"]) == KEY, queue.name
        assert "SqsManagedSseEnabled" not in queue.properties
    for topic in guarded.resources("SNS::Topic"):
        assert guarded.text(topic.stack, topic.properties["KmsMasterKeyId"]) == KEY, topic.name
    for log in guarded.resources("Logs::LogGroup"):
        assert guarded.text(log.stack, log.properties["KmsKeyId"]) == KEY, log.name


def policy(cloud: Cloud) -> list[dict[str, Any]]:
    """What the key's policy says beyond that its account manages it."""
    first, *others = cloud.only("KMS::Key").properties["KeyPolicy"]["Statement"]
    assert first["Action"] == "kms:*"
    return others


def test_the_key_is_renewed_and_can_be_called_back(guarded: Cloud) -> None:
    key = guarded.only("KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    assert key.properties["PendingWindowInDays"] == 30
    assert key.body["DeletionPolicy"] == "Retain"


def test_people_and_functions_use_the_key_through_services_alone_and_never_manage_it(guarded: Cloud) -> None:
    people = [one for one in policy(guarded) if one["Principal"] == {"AWS": "*"}]
    (through,) = people
    conditions = through["Condition"]["StringEquals"]
    assert set(conditions) == {"kms:CallerAccount", "kms:ViaService"}
    assert guarded.text("", conditions["kms:CallerAccount"]) == "<AWS::AccountId>"
    named = {guarded.text("", name) for name in conditions["kms:ViaService"]}
    assert named == {f"{service}.<AWS::Region>.amazonaws.com" for service in ("dynamodb", "s3", "sns", "sqs")}
    assert not [action for action in through["Action"] if action.startswith(("kms:Put", "kms:Schedule", "kms:*"))]


def test_services_that_act_by_themselves_use_the_key_for_this_account_alone(guarded: Cloud) -> None:
    found = {}
    for one in policy(guarded):
        if "Service" in one["Principal"]:
            name = guarded.text("", one["Principal"]["Service"])
            found[name] = json.dumps({key: guarded.text("", value) for key, value in _flat(one["Condition"])})
    assert set(found) == {
        "budgets.amazonaws.com",  # a spent budget stops the service
        "cloudwatch.amazonaws.com",
        "cloudfront.amazonaws.com",
        "s3.amazonaws.com",  # an upload has arrived
        "sns.amazonaws.com",  # the endpoint has answered
        "logs.<AWS::Region>.amazonaws.com",
    }
    assert all("<AWS::AccountId>" in conditions for conditions in found.values())


def test_whatever_service_is_admitted_to_something_may_use_the_key_for_it(guarded: Cloud) -> None:
    admitted = {
        guarded.text(found.stack, service)
        for kind in ("S3::BucketPolicy", "SQS::QueuePolicy", "SNS::TopicPolicy")
        for found in guarded.resources(kind)
        for one in found.properties["PolicyDocument"]["Statement"]
        if isinstance(one["Principal"], dict) and "Service" in one["Principal"]
        for service in _listed(one["Principal"]["Service"])
    }
    key = guarded.only("KMS::Key").stack
    known = {guarded.text(key, one["Principal"]["Service"]) for one in policy(guarded) if "Service" in one["Principal"]}
    assert admitted <= known


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _flat(conditions: dict[str, dict[str, Any]]) -> list[tuple[str, Any]]:
    return [pair for kind in conditions.values() for pair in kind.items()]


def test_a_key_gives_nobody_a_right_more(guarded: Cloud, prod: Cloud) -> None:
    for role in ("ServeApi/Role", "RenderItem/Role", "IngestImage/Role", "RemoveDataset/Role"):
        assert grants(guarded, role) == grants(prod, role)


# What may be overwritten ----------------------------------------------------------------------------------------------


def test_what_its_name_does_not_determine_is_written_once(prod: Cloud, local: Cloud) -> None:
    """Masks, which a model may draw a little differently the next time, and plans; nobody has an exception."""
    once = [one for one in statements_of_media(prod) if one["Action"] == "s3:PutObject"]
    (rule,) = once
    assert (rule["Effect"], rule["Principal"]) == ("Deny", {"AWS": "*"})
    assert rule["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    data = prod.named("Media/Policy", "S3::BucketPolicy").stack
    assert set(prod.texts(data, rule["Resource"])) == {
        "<Media.Arn>/t/*/px/*/masks/*.json",
        "<Media.Arn>/t/*/jobs/*/plan.json",
    }
    assert [one["Action"] for one in statements_of_media(local) if one["Effect"] == "Deny"] == ["s3:*"]


def statements_of_media(cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.named("Media/Policy", "S3::BucketPolicy").properties["PolicyDocument"][
        "Statement"
    ]
    return found


# Where the model runs -------------------------------------------------------------------------------------------------


def test_a_model_in_a_network_of_its_own_reaches_its_buckets_and_nothing_else(guarded: Cloud, prod: Cloud) -> None:
    assert not prod.resources("EC2::VPC")
    assert "VpcConfig" not in prod.only("SageMaker::Model").properties
    for road in ("EC2::InternetGateway", "EC2::NatGateway", "EC2::Route", "EC2::VPCGatewayAttachment"):
        assert not guarded.resources(road), road
    store = guarded.only("EC2::VPCEndpoint")
    assert guarded.text(store.stack, store.properties["ServiceName"]) == "com.amazonaws.<AWS::Region>.s3"
    reached = {
        name.removesuffix("/*")
        for one in store.properties["PolicyDocument"]["Statement"]
        for name in guarded.texts(store.stack, one["Resource"])
    }
    assert reached == {"<Media.Arn>", "<Work.Arn>", "arn:<AWS::Partition>:s3:::models"}


def test_nobody_reaches_the_model_from_the_network(guarded: Cloud) -> None:
    group = guarded.only("EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group.properties
    assert {(rule["IpProtocol"], rule["ToPort"]) for rule in group.properties["SecurityGroupEgress"]} == {("tcp", 443)}
    place = guarded.only("SageMaker::Model").properties["VpcConfig"]
    assert guarded.texts(group.stack, place["SecurityGroupIds"]) == [f"<{group.name}.GroupId>"]
    subnets = guarded.resources("EC2::Subnet")
    assert set(guarded.texts(group.stack, place["Subnets"])) == {f"<{one.name}>" for one in subnets}
    assert [one.properties["MapPublicIpOnLaunch"] for one in subnets] == [False, False]
    assert guarded.only("EC2::FlowLog").properties["TrafficType"] == "REJECT"


def test_the_model_server_waits_for_the_road_to_its_buckets(guarded: Cloud) -> None:
    model = guarded.only("SageMaker::Model")
    waits_for = {guarded.name(model.stack, logical_id) for logical_id in model.body["DependsOn"]}
    assert guarded.only("EC2::VPCEndpoint").name in waits_for


def test_the_role_of_the_model_may_plug_into_a_network_only_where_there_is_one(guarded: Cloud, prod: Cloud) -> None:
    network = {pair for pair in grants(guarded, "Role") if pair[0].startswith("ec2:")}
    assert {action for action, resource in network if resource == "*"} == {
        f"ec2:Describe{what}" for what in ("NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups")
    }
    writes = {resource.rpartition(":")[2] for action, resource in network if "Describe" not in action}
    assert len(writes) == 4
    assert {name.partition("/")[0] for name in writes} == {"network-interface", "subnet", "security-group"}
    assert [name for name in writes if "*" in name] == ["network-interface/*"]  # which are named when they are made
    assert not [action for action, _ in grants(prod, "Role") if action.startswith("ec2:")]
    with pytest.raises(BadConfiguration, match="open, private"):
        chosen({"network": "ours"})
