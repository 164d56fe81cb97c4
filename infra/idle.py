"""What the stacks of a stage cost by the month while nobody works, read from their templates; it knows no construct.

Counted is what is paid for by being there, in us-east-1. Left out is what was put in: rows, objects, logs and images by
the gigabyte, what the sweep asks for each minute, and free allowances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from maskmill.core.prices import ALWAYS_FREE, HOURS, INSTANCES, PRICES, UPKEEP, Price, Resource, Upkeep

# Requests a month that a queue's reader sends while nothing is there: five readers' long polls of 20 seconds.
POLLS = 15 * 60 * HOURS
NETWORK_ZONES = 2
QUEUE_READER = "queue reader"
_INSTANCE = "an instance "
_KINDS = {
    "AWS::CloudWatch::CompositeAlarm": Upkeep.COMPOSITE_ALARM,
    "AWS::CloudWatch::Dashboard": Upkeep.DASHBOARD,
    "AWS::EC2::NatGateway": Upkeep.NETWORK_GATEWAY,
    "AWS::KMS::Key": Upkeep.KEY,
    "AWS::SecretsManager::Secret": Upkeep.SECRET,
    "AWS::WAFv2::WebACL": Upkeep.FIREWALL,
}


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """So many of one thing, with dollars for each and a month; of `free` of them every account is forgiven."""

    what: str
    count: int
    dollars_each: float
    source: str
    free: float = 0.0

    @property
    def dollars(self) -> float:
        return self.count * self.dollars_each

    @property
    def dollars_forgiven(self) -> float:
        return min(self.count, self.free) * self.dollars_each


def idle(templates: Iterable[Mapping[str, Any]]) -> list[Line]:
    """What is paid for by the month, dearest first."""
    return lines_of(counted(templates))


def counted(templates: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many there are of each thing that is paid for by the month."""
    counts: Counter[str] = Counter()
    for template in templates:
        for resource in template.get("Resources", {}).values():
            for what, many in _parts(resource["Type"], resource.get("Properties", {})):
                counts[what] += many
    return {what: many for what, many in sorted(counts.items()) if many}


def lines_of(counts: Mapping[str, int]) -> list[Line]:
    """Counts with their prices, dearest first."""
    lines = [_line(what, many) for what, many in counts.items()]
    return sorted(lines, key=lambda line: (-line.dollars, line.what))


def _line(what: str, many: int) -> Line:
    if what == QUEUE_READER:
        price, free = PRICES[Resource.QUEUE_REQUESTS], ALWAYS_FREE[Resource.QUEUE_REQUESTS]
        return Line(what, many, POLLS * price.dollars, price.source, free / POLLS)
    if what.startswith(_INSTANCE):
        hourly = INSTANCES.get(what.removeprefix(_INSTANCE).partition(",")[0], Price(0.0, "none"))
        return Line(what, many, hourly.dollars * HOURS, hourly.source)
    upkeep = Upkeep(what)
    price = UPKEEP[upkeep]
    return Line(what, many, price.dollars, price.source, ALWAYS_FREE.get(upkeep, 0.0))


def _parts(kind: str, properties: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    if kind in _KINDS:
        yield _KINDS[kind], 1
    if kind == "AWS::CloudWatch::Alarm":
        yield Upkeep.ALARM, max(1, sum("MetricStat" in query for query in properties.get("Metrics", ())))
    if kind == "AWS::WAFv2::WebACL":
        yield Upkeep.FIREWALL_RULE, len(properties.get("Rules", ()))
    if kind == "AWS::EC2::VPCEndpoint" and properties.get("VpcEndpointType") == "Interface":
        yield Upkeep.NETWORK_DOOR, NETWORK_ZONES
    if kind == "AWS::SageMaker::EndpointConfig" and "AsyncInferenceConfig" not in properties:
        yield from _awake(properties)
    if kind == "AWS::Lambda::EventSourceMapping" and "StartingPosition" not in properties:
        yield QUEUE_READER, 1


def _awake(properties: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """The instances of an endpoint that never sleeps."""
    for variant in properties["ProductionVariants"]:
        pools = variant.get("InstancePools", [variant])
        kind = pools[0]["InstanceType"]
        unknown = "" if kind in INSTANCES else ", at a price that is not known here"
        yield f"{_INSTANCE}{kind}, always awake{unknown}", int(variant.get("InitialInstanceCount", 1))


def told(lines: Iterable[Line]) -> list[str]:
    """The lines in words, with their sum."""
    found = list(lines)
    words = [f"  ${line.dollars:6.2f}  {line.count:3d} × {line.what}" for line in found]
    return [*words, f"  ${sum(line.dollars for line in found):6.2f}  a month while nobody works"]
