"""The synthesized stacks of a stage as one cloud, with references resolved to the names of constructs.

A value reads as text in which `<Media>` stands for the bucket of that construct and `<Media.Arn>` for an attribute of
it, whatever its logical id and whichever stack it lies in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    stack: str
    name: str  # the path of its construct inside its stack
    type: str
    properties: dict[str, Any]
    body: dict[str, Any]


class Cloud:
    """All resources and outputs of one stage."""

    def __init__(self, stage: str, assembly: Path) -> None:
        self.stage = stage
        self.folder = assembly
        self._templates = {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in sorted(assembly.glob("*.template.json"))
        }

    @property
    def templates(self) -> list[dict[str, Any]]:
        return list(self._templates.values())

    @property
    def stacks(self) -> set[str]:
        return set(self._templates)

    def template(self, stack: str) -> dict[str, Any]:
        return dict(self._templates[stack])

    def resources(self, kind: str | None = None) -> list[Resource]:
        return [found for found in self._all() if kind is None or found.type == f"AWS::{kind}"]

    def only(self, kind: str) -> Resource:
        (found,) = self.resources(kind)
        return found

    def named(self, name: str, kind: str | None = None) -> Resource:
        (found,) = [resource for resource in self.resources(kind) if resource.name == name]
        return found

    def outputs(self) -> dict[str, str]:
        return {
            name: self.text(stack, output["Value"])
            for stack, template in self._templates.items()
            for name, output in template.get("Outputs", {}).items()
            if not name.startswith("ExportsOutput")
        }

    def text(self, stack: str, value: Any) -> str:
        """A value with all intrinsic functions resolved to names."""
        if not isinstance(value, dict):
            return str(value)
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"<{self.name(stack, argument)}>"
        if function == "Fn::GetAtt":
            return f"<{self.name(stack, argument[0])}.{argument[1]}>"
        if function == "Fn::Join":
            return str(argument[0]).join(self.text(stack, part) for part in argument[1])
        if function == "Fn::Sub":
            return re.sub(r"\$\{([A-Za-z:]+)\}", r"<\1>", argument)
        if function == "Fn::ImportValue":
            other, _, _ = argument.partition(":")
            outputs = self._templates[other]["Outputs"].values()
            (found,) = [output["Value"] for output in outputs if output.get("Export", {}).get("Name") == argument]
            return self.text(other, found)
        raise ValueError(f"an intrinsic function that the tests do not know: {function}")

    def texts(self, stack: str, value: Any) -> list[str]:
        return [self.text(stack, part) for part in (value if isinstance(value, list) else [value])]

    def _all(self) -> Iterator[Resource]:
        for stack, template in self._templates.items():
            for logical_id, body in template["Resources"].items():
                name = self.name(stack, logical_id)
                yield Resource(stack, name, body["Type"], body.get("Properties", {}), body)

    def name(self, stack: str, logical_id: str) -> str:
        if logical_id.startswith("AWS::"):
            return logical_id
        path = self._templates[stack]["Resources"][logical_id]["Metadata"]["aws:cdk:path"]
        return "/".join(path.split("/")[1:]).removesuffix("/Resource")


@dataclass(frozen=True)
class Statement:
    effect: str
    actions: frozenset[str]
    resources: frozenset[str]
    conditions: str  # as JSON


def statements(cloud: Cloud, role: str) -> list[Statement]:
    """What the policies of a role say, by the role's construct name."""
    return [
        Statement(
            entry["Effect"],
            frozenset(cloud.texts(policy.stack, entry["Action"])),
            frozenset(cloud.texts(policy.stack, entry["Resource"])),
            json.dumps(entry.get("Condition", {})),
        )
        for policy in cloud.resources("IAM::Policy")
        if f"<{role}>" in cloud.texts(policy.stack, policy.properties["Roles"])
        for entry in policy.properties["PolicyDocument"]["Statement"]
    ]


def grants(cloud: Cloud, role: str) -> set[tuple[str, str]]:
    """Every pair of an action and a resource that a role is allowed."""
    return {
        (action, resource)
        for statement in statements(cloud, role)
        for action in statement.actions
        for resource in statement.resources
        if statement.effect == "Allow"
    }
