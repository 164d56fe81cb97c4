"""What the stacks of a stage cost by the month while nobody works, read from their templates; it knows no construct.

Counted is what is paid for by being there, in us-east-1. Left out is what was put in: rows, objects, logs and images by
the gigabyte, and free allowances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from maskmill.core.prices import INSTANCES

HOURS = 730.0
POLLS = 15 * 60 * HOURS  # requests a month that a queue's reader sends while nothing is there
QUEUE_REQUEST_DOLLARS = 0.40 / 1e6
NETWORK_ZONES = 2


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """So many of one thing, and dollars for each and a month."""

    what: str
    count: int
    dollars_each: float

    @property
    def dollars(self) -> float:
        return self.count * self.dollars_each


MONTHLY = {  # dollars; sources as in maskmill/core/prices.py
    "AWS::CloudWatch::Alarm": 0.10,
    "AWS::CloudWatch::CompositeAlarm": 0.50,
    "AWS::CloudWatch::Dashboard": 3.00,
    "AWS::EC2::NatGateway": 0.045 * HOURS,
    "AWS::KMS::Key": 1.00,
    "AWS::SecretsManager::Secret": 0.40,
    "AWS::WAFv2::WebACL": 5.00,
}
QUEUE_READER, RULE, NETWORK_DOOR = "a queue's reader", "a rule of a web ACL", "a network's door to a service"
_RULE_DOLLARS, _DOOR_DOLLARS = 1.00, 0.01 * HOURS * NETWORK_ZONES


def idle(templates: Iterable[Mapping[str, Any]]) -> list[Line]:
    """What is paid for by the month, dearest first."""
    counts: Counter[tuple[str, float]] = Counter()
    for template in templates:
        for resource in template.get("Resources", {}).values():
            kind, properties = resource["Type"], resource.get("Properties", {})
            for what, dollars, many in _parts(kind, properties):
                counts[what, dollars] += many
    lines = (Line(what, many, dollars) for (what, dollars), many in counts.items() if many)
    return sorted(lines, key=lambda line: (-line.dollars, line.what))


def _parts(kind: str, properties: Mapping[str, Any]) -> Iterable[tuple[str, float, int]]:
    if kind in MONTHLY:
        yield kind, MONTHLY[kind], 1
    if kind == "AWS::WAFv2::WebACL":
        yield RULE, _RULE_DOLLARS, len(properties.get("Rules", ()))
    if kind == "AWS::EC2::VPCEndpoint" and properties.get("VpcEndpointType") == "Interface":
        yield NETWORK_DOOR, _DOOR_DOLLARS, 1
    if kind == "AWS::SageMaker::EndpointConfig" and "AsyncInferenceConfig" not in properties:
        yield from _awake(properties)
    if kind == "AWS::Lambda::EventSourceMapping" and "StartingPosition" not in properties:
        yield QUEUE_READER, POLLS * QUEUE_REQUEST_DOLLARS, 1


def _awake(properties: Mapping[str, Any]) -> Iterable[tuple[str, float, int]]:
    """The instances of an endpoint that never sleeps."""
    for variant in properties["ProductionVariants"]:
        pools = variant.get("InstancePools", [variant])
        kind = pools[0]["InstanceType"]
        price = INSTANCES.get(kind)
        words = f"an instance {kind}, always awake" + ("" if price else ", at a price that is not known here")
        yield words, price.dollars * HOURS if price else 0.0, int(variant.get("InitialInstanceCount", 1))


def told(lines: Iterable[Line]) -> list[str]:
    """The lines in words, with their sum."""
    found = list(lines)
    words = [f"  ${line.dollars:6.2f}  {line.count:3d} × {line.what}" for line in found]
    return [*words, f"  ${sum(line.dollars for line in found):6.2f}  a month while nobody works"]
