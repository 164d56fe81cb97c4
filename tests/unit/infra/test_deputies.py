"""Who else may do something on our behalf: services, each for a thing of this account alone, and nobody without TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.infra.cloud import Cloud, Resource

POLICIES = ("SQS::QueuePolicy", "SNS::TopicPolicy", "S3::BucketPolicy", "KMS::Key", "SecretsManager::ResourcePolicy")
ACCOUNT = "<AWS::AccountId>"
OF_THIS_ACCOUNT = ("aws:SourceAccount", "aws:SourceArn")
INVOKERS = {"apigateway.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"}  # the last for a spent budget


def statements_of(cloud: Cloud) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of every policy that lies with a resource."""
    for kind in POLICIES:
        for policy in cloud.resources(kind):
            document = policy.properties.get("PolicyDocument") or policy.properties["KeyPolicy"]
            yield from ((policy, statement) for statement in document["Statement"])


def sources(cloud: Cloud, policy: Resource, statement: dict[str, Any]) -> dict[str, list[str]]:
    """What a statement asks of the thing that a service acts for, by the condition's key."""
    return {
        key: cloud.texts(policy.stack, value)
        for condition in statement.get("Condition", {}).values()
        for key, value in condition.items()
        if key.lower() in {name.lower() for name in OF_THIS_ACCOUNT}
    }


def is_ours(cloud: Cloud, found: dict[str, list[str]]) -> bool:
    """Whether the account is named: by itself, in an ARN, or as the owner of a resource of these stacks."""
    names = {f"<{resource.name}>" for resource in cloud.resources()}
    accounts = found.get("aws:SourceAccount", [])
    arns = next((value for key, value in found.items() if key.lower() == "aws:sourcearn"), [])
    named = bool(arns) and all(ACCOUNT in arn or arn in names for arn in arns)
    return bool(arns) and (accounts == [ACCOUNT] or named)


def test_a_service_acts_for_things_of_this_account_alone(cloud: Cloud) -> None:
    acting = [(policy, one) for policy, one in statements_of(cloud) if one["Effect"] == "Allow"]
    assert acting
    for policy, statement in acting:
        assert set(statement["Principal"]) == {"Service"}, policy.name
        assert is_ours(cloud, sources(cloud, policy, statement)), (policy.name, statement)


def test_only_services_that_act_for_a_thing_of_ours_invoke_functions(cloud: Cloud) -> None:
    for permission in cloud.resources("Lambda::Permission"):
        arn = cloud.text(permission.stack, permission.properties["SourceArn"])
        assert permission.properties["Principal"] in INVOKERS
        assert ACCOUNT in arn or arn.startswith("<"), permission.name
        assert not arn.endswith(":*"), permission.name


@pytest.mark.parametrize("kind", ["SQS::Queue", "SNS::Topic", "S3::Bucket"])
def test_whatever_is_reached_from_outside_is_reached_over_tls_alone(cloud: Cloud, kind: str) -> None:
    guarded = set()
    for policy, statement in statements_of(cloud):
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
            named = [policy.properties[key] for key in ("Queues", "Topics", "Bucket") if key in policy.properties]
            for one in named:
                guarded |= {text.strip("<>") for text in cloud.texts(policy.stack, one)}
    assert {resource.name for resource in cloud.resources(kind)} <= guarded


def test_no_policy_names_everybody(cloud: Cloud) -> None:
    for policy, statement in statements_of(cloud):
        if statement["Effect"] == "Allow":
            assert "*" not in json.dumps([statement["Principal"], statement["Action"]]), policy.name
