"""What AWS charges in us-east-1, in US dollars: one list of values with source and date; it knows no request.

Prices change and differ by region and contract; free allowances are left out. `docs/costs.md` shows the same list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

REGION = "us-east-1"
AS_OF = "2026-11"  # when the list was put together
HOUR_S = 3600.0
_MILLION = 1e6

GOLDEN_2024_07 = "Infracost's recorded AWS price list, 2024-07"
GOLDEN_2024_11 = "Infracost's recorded AWS price list, 2024-11-15"


class Resource(StrEnum):
    """What is paid for, by the unit that it is counted in."""

    INSTANCE_S = "instance_s"  # seconds of the segmenter's instance; its price depends on the instance's type
    FUNCTION_GB_S = "function_gb_s"  # seconds of functions × GB of their memory
    FUNCTION_CALLS = "function_calls"
    TABLE_WRITES = "table_writes"  # of up to 1 KB
    TABLE_READS = "table_reads"  # of up to 4 KB
    OBJECT_WRITES = "object_writes"
    OBJECT_READS = "object_reads"
    QUEUE_REQUESTS = "queue_requests"  # sends, receives and deletions
    NOTICES = "notices"  # messages of a topic
    STORED_GB = "stored_gb"  # kept for a month
    DOWNLOADED_GB = "downloaded_gb"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit, and who said so."""

    dollars: float
    source: str


PRICES: dict[Resource, Price] = {
    Resource.FUNCTION_GB_S: Price(0.0000133334, f"{GOLDEN_2024_07}, arm64"),
    Resource.FUNCTION_CALLS: Price(0.20 / _MILLION, GOLDEN_2024_07),
    Resource.TABLE_WRITES: Price(0.625 / _MILLION, f"{GOLDEN_2024_11}, on demand"),
    Resource.TABLE_READS: Price(0.125 / _MILLION, f"{GOLDEN_2024_11}, on demand"),
    Resource.OBJECT_WRITES: Price(0.005 / 1000, GOLDEN_2024_07),
    Resource.OBJECT_READS: Price(0.0004 / 1000, GOLDEN_2024_07),
    Resource.QUEUE_REQUESTS: Price(0.40 / _MILLION, f"{GOLDEN_2024_07}, standard queues"),
    Resource.NOTICES: Price(0.50 / _MILLION, GOLDEN_2024_07),
    Resource.STORED_GB: Price(0.023, f"{GOLDEN_2024_07}, S3 Standard, a month"),
    Resource.DOWNLOADED_GB: Price(0.085, f"{GOLDEN_2024_07}, CloudFront, US and Europe, first 10 TB"),
}

# Dollars an hour of SageMaker's instances for endpoints.
INSTANCES: dict[str, Price] = {
    "ml.g4dn.xlarge": Price(0.7364, "four public price tables, 2026"),
    "ml.g5.xlarge": Price(1.408, "four public price tables, 2025-10 and 2026"),
    "ml.g6.xlarge": Price(1.1267, "four public price tables, 2026"),
    "ml.c6i.xlarge": Price(0.204, "EC2's 0.17 × 1.2, the factor of this family; not read from a price list"),
}


class Upkeep(StrEnum):
    """What a stage is billed for beside the resources of its jobs' bills, by the unit that it is counted in."""

    ALARM = "alarm"  # for each metric that it looks at
    COMPOSITE_ALARM = "composite alarm"
    DASHBOARD = "dashboard"
    METRIC = "metric"  # of one's own, published in every hour of a month
    FIREWALL = "firewall"
    FIREWALL_RULE = "firewall rule"
    KEY = "key"
    SECRET = "secret"  # noqa: S105 - a name
    NETWORK_GATEWAY = "network gateway"
    NETWORK_DOOR = "network door"  # an interface endpoint, for each of its zones
    IMAGE_GB = "image gb"  # kept in the registry
    LOG_GB = "log gb"  # written
    LOG_KEPT_GB = "log gb kept"
    API_REQUESTS = "api requests"
    CDN_REQUESTS = "cdn requests"


HOURS = 730.0  # of a month
UPKEEP: dict[Upkeep, Price] = {
    Upkeep.ALARM: Price(0.10, GOLDEN_2024_07),
    Upkeep.COMPOSITE_ALARM: Price(0.50, "AWS's page of CloudWatch's prices; not read from a price list"),
    Upkeep.DASHBOARD: Price(3.00, GOLDEN_2024_07),
    Upkeep.METRIC: Price(0.30, "AWS's page of CloudWatch's prices; not read from a price list"),
    Upkeep.FIREWALL: Price(5.00, GOLDEN_2024_07),
    Upkeep.FIREWALL_RULE: Price(1.00, GOLDEN_2024_07),
    Upkeep.KEY: Price(1.00, GOLDEN_2024_07),
    Upkeep.SECRET: Price(0.40, "AWS's page of Secrets Manager's prices; not read from a price list"),
    Upkeep.NETWORK_GATEWAY: Price(0.045 * HOURS, "AWS's page of VPC's prices; not read from a price list"),
    Upkeep.NETWORK_DOOR: Price(0.01 * HOURS, "AWS's page of PrivateLink's prices; not read from a price list"),
    Upkeep.IMAGE_GB: Price(0.10, GOLDEN_2024_07),
    Upkeep.LOG_GB: Price(0.50, GOLDEN_2024_07),
    Upkeep.LOG_KEPT_GB: Price(0.03, GOLDEN_2024_07),
    Upkeep.API_REQUESTS: Price(1.00 / _MILLION, f"{GOLDEN_2024_07}, HTTP API"),
    Upkeep.CDN_REQUESTS: Price(0.01 / 10_000, f"{GOLDEN_2024_07}, CloudFront, HTTPS, US"),
}

# What AWS gives every account each month, for as long as it is there: AWS's pages of prices, 2025 and 2026.
ALWAYS_FREE: dict[Resource | Upkeep, float] = {
    Resource.QUEUE_REQUESTS: _MILLION,
    Resource.FUNCTION_CALLS: _MILLION,
    Resource.FUNCTION_GB_S: 400_000,
    Resource.NOTICES: _MILLION,
    Upkeep.ALARM: 10,
    Upkeep.DASHBOARD: 3,
    Upkeep.METRIC: 10,
    Upkeep.LOG_GB: 5,
}


def instance_s(instance_type: str) -> Price | None:
    """The price of one second of an instance; None for a type that the list does not have."""
    hourly = INSTANCES.get(instance_type)
    return None if hourly is None else Price(hourly.dollars / HOUR_S, hourly.source)
