"""What the deployed template says about the endpoints. It knows the emulator's JSON file and no running process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONCURRENCY_DEFAULT = 4
"""Invocations at once when the template names no limit; on AWS SageMaker chooses a number it does not tell."""


@dataclass(frozen=True, slots=True)
class DeployedEndpoint:
    """One endpoint as deployed: where results go, whom to tell, how much at once, and as which role."""

    name: str
    account: str
    region: str
    role: str
    output_path: str | None  # None: a realtime endpoint, which answers at once
    failure_path: str | None = None
    success_topic: str | None = None
    error_topic: str | None = None
    responses_in_topics: frozenset[str] = frozenset()
    concurrency: int = CONCURRENCY_DEFAULT
    instances_min: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:endpoint/{self.name.lower()}"


def read_endpoints(deployed_file: Path) -> dict[str, DeployedEndpoint]:
    """Every deployed endpoint by name; empty before the first deployment."""
    if not deployed_file.exists():
        return {}
    content = json.loads(deployed_file.read_text())
    found = (_endpoint(content, name, properties) for name, properties in content["endpoints"].items())
    return {endpoint.name: endpoint for endpoint in found if endpoint is not None}


def _endpoint(content: Mapping[str, Any], name: str, properties: Mapping[str, Any]) -> DeployedEndpoint | None:
    config = content["endpoint_configs"].get(properties["EndpointConfigName"])
    if config is None:
        return None
    variant = config["ProductionVariants"][0]
    model = content["models"].get(variant["ModelName"], {})
    queueing = config.get("AsyncInferenceConfig", {})
    output, client = queueing.get("OutputConfig", {}), queueing.get("ClientConfig", {})
    topics = output.get("NotificationConfig", {})
    target = content["scalable_targets"].get(f"endpoint/{name}/variant/{variant['VariantName']}", {})
    return DeployedEndpoint(
        name=name,
        account=content["account"],
        region=content["region"],
        role=model.get("ExecutionRoleArn", ""),
        output_path=output.get("S3OutputPath"),
        failure_path=output.get("S3FailurePath"),
        success_topic=topics.get("SuccessTopic"),
        error_topic=topics.get("ErrorTopic"),
        responses_in_topics=frozenset(topics.get("IncludeInferenceResponseIn", [])),
        concurrency=int(client.get("MaxConcurrentInvocationsPerInstance", CONCURRENCY_DEFAULT)),
        instances_min=int(target.get("MinCapacity", 1)),
        environment=_environment(model),
    )


def _environment(model: Mapping[str, Any]) -> dict[str, str]:
    containers = [model.get("PrimaryContainer"), *model.get("Containers", [])]
    first: Mapping[str, Any] = next((container for container in containers if container), {})
    return {name: str(value) for name, value in first.get("Environment", {}).items()}
