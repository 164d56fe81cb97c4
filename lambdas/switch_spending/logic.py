"""Turning the switch: an operator's word with a reason, or the notice of a budget; it knows no row.

A budget's notice can only stop. Whoever lets work run again has looked at why it was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from lambdas import spending, state
from maskmill.core.errors import InvalidInput
from maskmill.core.limits import SPENDING_REASON_CHARS_MAX
from maskmill.core.model import Model
from maskmill.core.ports import Clock, Table
from maskmill.core.rows import Spending

BUDGET = "The budget of this service is spent."


class Halt(Model):
    """An operator's order to stop; the reason is shown to everybody who is refused."""

    action: Literal["halt"]
    reason: Annotated[str, Field(min_length=1, max_length=SPENDING_REASON_CHARS_MAX)]


class Resume(Model):
    action: Literal["resume"]


class Status(Model):
    action: Literal["status"]


_ORDER: TypeAdapter[Halt | Resume | Status] = TypeAdapter(
    Annotated[Halt | Resume | Status, Field(discriminator="action")]
)


@dataclass(frozen=True, slots=True)
class Ports:
    """What the switch needs."""

    table: Table
    clock: Clock


def turn(ports: Ports, event: Mapping[str, Any]) -> Spending:
    """Do what an event says; returns what the switch says then. Raises InvalidInput for an event of another shape."""
    at_s = state.now_s(ports.clock)
    match _order_of(event):
        case Halt(reason=reason):
            return spending.stop(ports.table, reason, now_s=at_s)
        case Resume():
            return spending.resume(ports.table, now_s=at_s)
        case Status():
            return spending.read(ports.table)


def _order_of(event: Mapping[str, Any]) -> Halt | Resume | Status:
    if "Records" in event:
        return Halt(action="halt", reason=BUDGET)  # nobody but the budget may publish to the topic
    try:
        return _ORDER.validate_python(dict(event))
    except ValidationError as error:
        raise InvalidInput(detail=f"no order: {error.error_count()} faults") from error
