"""The edge of hold_connection: the gateway's events of sockets in, a status out; it decides nothing.

Its log is the record of who came and went: the gateway's own would need a role of the whole account.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import texts_of
from lambdas.aws.sockets import GatewaySockets
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import logger_of
from lambdas.hold_connection.logic import NoEntry, Ports, admit, hear, leave
from maskmill.core.errors import Unavailable
from maskmill.core.settings import HoldConnectionSettings

FUNCTION = "hold_connection"


@cache
def connect() -> Ports:
    settings = HoldConnectionSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        sockets=GatewaySockets(clients.sockets(settings.sockets_url)),
        clock=SystemClock(),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    about = texts_of(texts_of(event).get("requestContext"), "connectionId", "eventType")
    facts = {"connection_id": about["connectionId"], "event": about["eventType"]}
    try:
        return {"statusCode": _serve(event, about["eventType"], about["connectionId"], facts)}
    except Unavailable as error:
        logger_of(FUNCTION).warning("socket not served", extra={**facts, "code": error.code, "why": error.detail})
        return {"statusCode": 503}


def _serve(event: dict[str, Any], kind: str, connection_id: str, facts: dict[str, Any]) -> int:
    if kind == "CONNECT":
        return _admit(event, connection_id, {**facts, "ip": event["requestContext"]["identity"]["sourceIp"]})
    if kind == "DISCONNECT":
        leave(connect(), connection_id)
        logger_of(FUNCTION).info("socket closed", extra=facts)
    else:
        hear(connect(), connection_id, str(event.get("body") or ""))
    return 200


def _admit(event: dict[str, Any], connection_id: str, facts: dict[str, Any]) -> int:
    ticket = str((event.get("queryStringParameters") or {}).get("ticket", ""))
    try:
        tenant = admit(connect(), connection_id, ticket)
    except NoEntry as refusal:
        logger_of(FUNCTION).info("socket refused", extra={**facts, "why": str(refusal)})
        return 403
    logger_of(FUNCTION).info("socket opened", extra={**facts, "tenant": tenant})
    return 200
