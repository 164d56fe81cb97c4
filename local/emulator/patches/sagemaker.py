"""Write the deployed SageMaker resources to a JSON file. It runs no model and scales nothing.

Reason: the emulator has no SageMaker, and the endpoint stand-in must do exactly what the deployed template says:
names, output and failure paths, topics, concurrency, the model's environment and role. The file is the only thing
the two share:

    {"account": "...", "region": "...", "models": {name: properties}, "endpoint_configs": {name: properties},
     "endpoints": {name: properties}, "scalable_targets": {resource id: properties}}
"""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.emulator.internals import account_and_region, resource_handlers
from local.emulator.patches.recorded_types import physical_name
from local.emulator.patches.wrapping import Properties

KINDS = ("models", "endpoint_configs", "endpoints", "scalable_targets")


class DeployedResources:
    """The JSON file and its lock: several stacks may be deployed at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def put(self, kind: str, name: str, properties: Properties) -> None:
        with self._lock:
            content = self.read()
            content["account"], content["region"] = account_and_region()
            content[kind][name] = properties
            self._write(content)

    def remove(self, kind: str, name: str) -> None:
        with self._lock:
            content = self.read()
            content[kind] = {kept: value for kept, value in content[kind].items() if kept.lower() != name.lower()}
            self._write(content)

    def read(self) -> dict[str, Any]:
        stored = json.loads(self._path.read_text()) if self._path.exists() else {}
        return {"account": "", "region": "", **{kind: {} for kind in KINDS}, **stored}

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self, content: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True))
        os.replace(temporary, self._path)


def apply(deployed_file: Path) -> None:
    deployed = DeployedResources(deployed_file)
    if os.environ.get("PERSIST_STATE") != "1":
        deployed.clear()
    handlers = resource_handlers()
    handlers["AWS::SageMaker::Model"] = _named(deployed, "models", "ModelName", "model", _nothing_needed)
    handlers["AWS::SageMaker::EndpointConfig"] = _named(
        deployed, "endpoint_configs", "EndpointConfigName", "endpoint-config", _needs_models
    )
    handlers["AWS::SageMaker::Endpoint"] = _named(deployed, "endpoints", "EndpointName", "endpoint", _needs_config)
    handlers["AWS::ApplicationAutoScaling::ScalableTarget"] = _scalable_target(deployed)


def _named(
    deployed: DeployedResources,
    kind: str,
    name_property: str,
    arn_part: str,
    check: Callable[[dict[str, Any], Properties], None],
) -> dict[str, Any]:
    """Handlers of a SageMaker type: `Ref` is the ARN, its name in lower case, and `GetAtt` the name, as on AWS."""

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        check(deployed.read(), properties)
        name = physical_name(name_property, logical_id, properties, stack)
        account, region = account_and_region()
        deployed.put(kind, name, properties)
        arn = f"arn:aws:sagemaker:{region}:{account}:{arn_part}/{name.lower()}"
        return arn, {"Arn": arn, "Id": arn, name_property: name}

    def delete(physical_id: str, properties: Properties) -> None:
        del properties
        deployed.remove(kind, physical_id.rsplit("/", 1)[-1])

    return {"create": create, "delete": delete}


def _scalable_target(deployed: DeployedResources) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        del logical_id, stack
        resource_id = str(properties["ResourceId"])
        deployed.put("scalable_targets", resource_id, properties)
        physical_id = f"{resource_id}|{properties['ScalableDimension']}|{properties['ServiceNamespace']}"
        return physical_id, {"Id": physical_id}

    def delete(physical_id: str, properties: Properties) -> None:
        del properties
        deployed.remove("scalable_targets", physical_id.split("|", 1)[0])

    return {"create": create, "delete": delete}


def _nothing_needed(content: dict[str, Any], properties: Properties) -> None:
    del content, properties


def _needs_models(content: dict[str, Any], properties: Properties) -> None:
    for variant in properties.get("ProductionVariants", []):
        if variant.get("ModelName") not in content["models"]:
            raise ValueError(f'Could not find model "{variant.get("ModelName")}".')


def _needs_config(content: dict[str, Any], properties: Properties) -> None:
    if properties.get("EndpointConfigName") not in content["endpoint_configs"]:
        raise ValueError(f'Could not find endpoint configuration "{properties.get("EndpointConfigName")}".')
