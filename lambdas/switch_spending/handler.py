"""The edge of switch_spending: an operator's order or a budget's notice in, what the switch says out."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import records_of, texts_of
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import count, logger_of
from lambdas.switch_spending.logic import Ports, turn
from maskmill.core.settings import SwitchSpendingSettings

FUNCTION = "switch_spending"


@cache
def connect() -> Ports:
    settings = SwitchSpendingSettings.from_env(os.environ)
    return Ports(table=DynamoTable(clients.dynamodb(), settings.table_name), clock=SystemClock())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Raises ForeignEvent: what another source sends by mistake must not stop a service."""
    if "Records" in texts_of(event):
        for record in records_of(event):
            texts_of(texts_of(record).get("Sns"), "Message")
    found = asdict(turn(connect(), event))
    logger_of(FUNCTION).warning("spending switch", extra={**found, "by_budget": "Records" in event})
    count(FUNCTION, {"stopped": int(found["is_stopped"])})
    return found
