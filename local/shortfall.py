"""What of the deployed templates the laptop's emulator does not hold, in words for whoever deploys. It deploys nothing.

A type that is neither here nor held by the emulator itself fails the deployment: nothing is left out without a word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local.emulator.patches.recorded_types import RECORDED_TYPES

Template = Mapping[str, Any]

STOOD_IN_FOR = {  # by something of ours, which does what the template says
    "AWS::SageMaker::Endpoint": "local/endpoint answers in its place, with the model server of this machine",
    "AWS::SageMaker::EndpointConfig": "local/endpoint obeys it; there is no GPU and one size of instance",
    "AWS::SageMaker::Model": "its environment is given to the model server of this machine, and no image is run",
    "AWS::ApplicationAutoScaling::ScalableTarget": "local/endpoint sleeps and wakes within its bounds",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "recorded: local/endpoint wakes by rules of its own",
    "AWS::CloudFront::PublicKey": "additions of ours check signed cookies with it",
    "AWS::CloudFront::KeyGroup": "additions of ours check signed cookies with it",
}
NOT_DONE = {  # held by the emulator, which does not act on it
    ("AWS::ApiGatewayV2::Stage", "DefaultRouteSettings"): "no request is throttled",
    ("AWS::ApiGatewayV2::Stage", "AccessLogSettings"): "no access log is written",
    ("AWS::CloudFront::Distribution", "DistributionConfig"): "nothing is cached at an edge, or compressed there",
    ("AWS::CloudWatch::Alarm", "AlarmActions"): "alarms of the endpoint never go off: it has no metrics here",
    ("AWS::Cognito::UserPoolDomain", "Domain"): "one page of ours stands in for the hosted ones",
    ("AWS::DynamoDB::GlobalTable", "Replicas"): "no backups",
    (
        "AWS::Lambda::EventSourceMapping",
        "MaximumBatchingWindowInSeconds",
    ): "a quiet stream's first change goes out at once",
    ("AWS::Lambda::Function", "MemorySize"): "memory is not bounded",
    ("AWS::S3::Bucket", "BucketEncryption"): "objects are not encrypted",
    ("AWS::S3::Bucket", "LifecycleConfiguration"): "objects do not expire",
    ("AWS::WAFv2::WebACL", "Rules"): "no request is filtered",
}
LEFT_OUT = {  # of the stages for AWS, because nothing of it could be seen here
    "AWS::Budgets::Budget": "nothing is spent",
    "AWS::WAFv2::WebACL": "requests come from this machine alone",
    "AWS::WAFv2::LoggingConfiguration": "there is no firewall that could write a log",
    "Custom::MaskmillDoorWord": "programs go to the gateway itself, so it asks for no word of the distribution's",
}


def shortfall(templates: Iterable[Template]) -> list[str]:
    """A line for each kind of resource that is more on AWS than it is here."""
    kinds = list(_resources(templates))
    counts = Counter(kind for kind, _ in kinds)
    lines = [f"{kind} ({many}): {_instead_of(kind)}" for kind, many in sorted(counts.items()) if _instead_of(kind)]
    for (kind, name), words in NOT_DONE.items():
        many = sum(kind == found and name in properties for found, properties in kinds)
        if many:
            lines.append(f"{kind}.{name} ({many}): {words}")
    return [*lines, *(f"{kind}: left out, {words}" for kind, words in LEFT_OUT.items() if kind not in counts)]


def of_assembly(assembly: Path) -> list[str]:
    """The same of the templates in a folder."""
    return shortfall(json.loads(path.read_text()) for path in sorted(assembly.glob("*.template.json")))


def _resources(templates: Iterable[Template]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for template in templates:
        for resource in template.get("Resources", {}).values():
            yield resource["Type"], resource.get("Properties", {})


def _instead_of(kind: str) -> str:
    return STOOD_IN_FOR.get(kind) or ("recorded: it does nothing here" if kind in RECORDED_TYPES else "")
