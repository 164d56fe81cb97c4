"""The diagram of ARCHITECTURE.md, drawn from the synthesised stacks: `make diagram` writes it anew.

It shows who hands work to whom: what a queue, a topic, a schedule or a gateway calls, what a function may send to or
invoke, what lies behind the distribution. It leaves out who reads and writes rows and objects, and letters.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.emulator.environment import REPOSITORY

PAGE = REPOSITORY / "ARCHITECTURE.md"
BEGIN, END = "<!-- drawn by `make diagram` -->\n", "<!-- end of what is drawn -->\n"
STAGE = "prod"
SHAPES = {  # how Mermaid draws a kind of resource
    "AWS::ApiGatewayV2::Api": '{{"%s"}}',
    "AWS::Budgets::Budget": '{{"%s"}}',
    "AWS::CloudFront::Distribution": '{{"%s"}}',
    "AWS::DynamoDB::GlobalTable": '[("%s")]',
    "AWS::Events::Rule": '(["%s"])',
    "AWS::Lambda::Function": '["%s"]',
    "AWS::S3::Bucket": '[("%s")]',
    "AWS::SNS::Topic": '>"%s"]',
    "AWS::SQS::Queue": '[/"%s"/]',
    "AWS::SageMaker::Endpoint": '[["%s"]]',
}
HANDS_ON = ("sqs:SendMessage", "sns:Publish", "lambda:InvokeFunction", "execute-api:ManageConnections")
ASKS = "sagemaker:InvokeEndpoint"
LETTERS = "Letters"


@dataclass(frozen=True, slots=True)
class Node:
    """A resource by its stack and the path of its construct there."""

    stack: str
    path: str
    kind: str

    @property
    def name(self) -> str:
        return re.sub(r"\W", "_", f"{self.stack}_{self.path}")

    @property
    def is_letters(self) -> bool:
        return self.kind == "AWS::SQS::Queue" and self.path.endswith(LETTERS)

    @property
    def label(self) -> str:
        """A function's verb, as its folder is called; else the construct's name in words."""
        first, *rest = self.path.split("/")
        words = re.sub(r"(?<!^)(?=[A-Z])", " ", first).lower()
        if self.kind == "AWS::Lambda::Function":
            return words.replace(" ", "_")
        return " ".join([words, *(part.lower() for part in rest if part not in ("Queue", "Api", "Distribution"))])


@dataclass(slots=True)
class Stacks:
    """The templates of one stage, by the part of the stage that each is."""

    templates: Mapping[str, Mapping[str, Any]]
    prefix: str
    _named: dict[str, Node] = field(default_factory=dict)  # by the physical name that the template gives

    def __post_init__(self) -> None:
        for node, properties in self.of("AWS::SageMaker::Endpoint"):
            self._named[f"endpoint/{properties['EndpointName']}"] = node
        for node, properties in self.of("AWS::Lambda::Function"):
            self._named[f"function:{properties['FunctionName']}"] = node

    def of(self, *kinds: str) -> Iterator[tuple[Node, Mapping[str, Any]]]:
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] in kinds:
                    yield self.node(stack, logical_id), resource.get("Properties", {})

    def node(self, stack: str, logical_id: str) -> Node:
        resource = self.templates[stack]["Resources"][logical_id]
        path = resource["Metadata"]["aws:cdk:path"].split("/")[1:]
        return Node(stack, "/".join(part for part in path if part not in ("Resource", "Function")), resource["Type"])

    def meant(self, stack: str, value: Any) -> Iterator[Node]:
        """The resources that a value names, by reference or in its text."""
        if isinstance(value, list):
            for part in value:
                yield from self.meant(stack, part)
        elif isinstance(value, str):
            yield from (node for text, node in self._named.items() if value.endswith(text))
        elif isinstance(value, dict):
            for key, argument in value.items():
                if key == "Ref" and argument in self.templates[stack]["Resources"]:
                    yield self.node(stack, argument)
                elif key == "Fn::GetAtt":
                    yield self.node(stack, argument[0])
                elif key == "Fn::ImportValue":
                    yield from self._imported(argument)
                else:
                    yield from self.meant(stack, argument)

    def _imported(self, export: str) -> Iterator[Node]:
        stack = export.partition(":")[0].removeprefix(f"{self.prefix}-")
        for output in self.templates[stack]["Outputs"].values():
            if output.get("Export", {}).get("Name") == export:
                yield from self.meant(stack, output["Value"])


def drawn(assembly: Path, prefix: str) -> str:
    """The Mermaid text of the stacks whose templates lie in a folder."""
    paths = sorted(assembly.glob(f"{prefix}-*.template.json"))
    named = {path.name.removeprefix(f"{prefix}-").removesuffix(".template.json"): path for path in paths}
    stacks = Stacks({name: json.loads(path.read_text()) for name, path in named.items()}, prefix)
    arrows = sorted({one for one in _arrows(stacks) if not (one[0].is_letters or one[2].is_letters)}, key=str)
    shown = [node for node, _ in stacks.of(*SHAPES) if not node.is_letters]
    lines = ["flowchart LR"]
    for stack in stacks.templates:
        lines.append(f"  subgraph {stack}")
        within = sorted((one for one in shown if one.stack == stack), key=lambda one: one.name)
        lines += [f"    {node.name}{SHAPES[node.kind] % node.label}" for node in within]
        lines.append("  end")
    lines += [f"  {start.name} {line} {end.name}" for start, line, end in arrows]
    return "\n".join(lines) + "\n"


def _arrows(stacks: Stacks) -> Iterator[tuple[Node, str, Node]]:
    """Start, line and end: `-->` for what hands on work, `-.->` for what only repairs."""
    for start, end in (*_called(stacks), *_behind(stacks)):
        yield start, "-->", end
    scheduled = {end for start, end in _called(stacks) if start.kind == "AWS::Events::Rule"}
    for start, end in _allowed(stacks):
        yield start, "-.->" if start in scheduled or LETTERS in start.path else "-->", end  # and who reads letters


def _called(stacks: Stacks) -> Iterator[tuple[Node, Node]]:
    """By services: queues and streams, topics, buckets, schedules, gateways, budgets."""
    pairs = {
        "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName"),
        "AWS::SNS::Subscription": ("TopicArn", "Endpoint"),
        "AWS::ApiGatewayV2::Integration": ("ApiId", "IntegrationUri"),
    }
    for node, properties in stacks.of(*pairs):
        start, end = pairs[node.kind]
        yield from _each(stacks, node.stack, properties[start], properties[end])
    owned = {
        "AWS::S3::Bucket": "NotificationConfiguration",
        "AWS::Events::Rule": "Targets",
        "AWS::Budgets::Budget": "NotificationsWithSubscribers",
    }
    for node, properties in stacks.of(*owned):
        yield from ((node, called) for called in stacks.meant(node.stack, properties.get(owned[node.kind])))


def _behind(stacks: Stacks) -> Iterator[tuple[Node, Node]]:
    for node, properties in stacks.of("AWS::CloudFront::Distribution"):
        for origin in properties["DistributionConfig"]["Origins"]:
            for end in stacks.meant(node.stack, origin["DomainName"]):
                yield node, end


def _allowed(stacks: Stacks) -> Iterator[tuple[Node, Node]]:
    """By functions and the endpoint: what their roles may send to, publish to or invoke."""
    holders: dict[Node, list[Node]] = {}
    for node, properties in stacks.of("AWS::Lambda::Function"):
        for role in stacks.meant(node.stack, properties["Role"]):
            holders.setdefault(role, []).append(node)
    for node, properties in stacks.of("AWS::SageMaker::Model"):
        for role in stacks.meant(node.stack, properties["ExecutionRoleArn"]):
            holders.setdefault(role, []).extend(one for one, _ in stacks.of("AWS::SageMaker::Endpoint"))
    for policy, properties in stacks.of("AWS::IAM::Policy"):
        for statement in properties["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if not any(action in HANDS_ON or action.startswith(ASKS) for action in actions):
                continue
            for role in stacks.meant(policy.stack, properties["Roles"]):
                for start in holders.get(role, ()):
                    for end in stacks.meant(policy.stack, statement["Resource"]):
                        yield start, end


def _each(stacks: Stacks, stack: str, starts: Any, ends: Any) -> Iterator[tuple[Node, Node]]:
    for start in stacks.meant(stack, starts):
        for end in stacks.meant(stack, ends):
            yield start, end


def written(page: str, diagram: str) -> str:
    """The page with the diagram between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}```mermaid\n{diagram}```\n{END}{rest.partition(END)[2]}"


def main() -> int:
    import aws_cdk as cdk

    from infra.app import build
    from infra.context import chosen

    with tempfile.TemporaryDirectory() as folder:
        page, assembly = Path(folder, "page"), Path(folder, "cdk.out")
        page.mkdir()
        (page / "index.html").touch()
        context = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}
        app = cdk.App(outdir=str(assembly), context=context, analytics_reporting=False)
        stage = chosen({"stage": STAGE, "page": str(page)})
        build(app, stage)
        app.synth()
        PAGE.write_text(written(PAGE.read_text(), drawn(assembly, stage.prefix)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
