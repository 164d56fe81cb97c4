"""Dollars of a usage, line by line, by the one list of prices; it knows no job."""

from __future__ import annotations

from maskmill.core import prices
from maskmill.core.model import Model
from maskmill.core.prices import Price, Resource
from maskmill.core.work import Usage

_DIGITS = 6
_LATER = frozenset({Resource.STORED_GB, Resource.DOWNLOADED_GB})  # paid only by those who keep or fetch the results


class CostLine(Model):
    """One resource; without dollars where the list has no price for it."""

    resource: Resource
    amount: float
    dollars: float | None


class Cost(Model):
    """What a usage costs by the list of `region` and `as_of`, free allowances left out.

    `dollars` are those of the run itself; keeping the results for a month and downloading them once come on top.
    """

    region: str = prices.REGION
    as_of: str = prices.AS_OF
    lines: tuple[CostLine, ...]
    dollars: float
    dollars_to_keep_a_month: float
    dollars_to_download: float


def priced(usage: Usage, *, instance_type: str) -> Cost:
    """The cost of a usage whose segmenter runs on this type of instance."""
    lines = tuple(_line(resource, amount, instance_type) for resource, amount in usage.amounts.items())
    by_resource = {line.resource: line.dollars or 0.0 for line in lines}
    return Cost(
        lines=lines,
        dollars=_rounded(sum(dollars for resource, dollars in by_resource.items() if resource not in _LATER)),
        dollars_to_keep_a_month=by_resource.get(Resource.STORED_GB, 0.0),
        dollars_to_download=by_resource.get(Resource.DOWNLOADED_GB, 0.0),
    )


def price_of(resource: Resource, instance_type: str) -> Price | None:
    """The price of one unit; None where the list has none."""
    return prices.instance_s(instance_type) if resource is Resource.INSTANCE_S else prices.PRICES[resource]


def _line(resource: Resource, amount: float, instance_type: str) -> CostLine:
    price = price_of(resource, instance_type)
    dollars = None if price is None else _rounded(amount * price.dollars)
    return CostLine(resource=resource, amount=_rounded(amount), dollars=dollars)


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
