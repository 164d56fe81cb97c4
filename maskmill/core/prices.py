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


def instance_s(instance_type: str) -> Price | None:
    """The price of one second of an instance; None for a type that the list does not have."""
    hourly = INSTANCES.get(instance_type)
    return None if hourly is None else Price(hourly.dollars / HOUR_S, hourly.source)
