"""The edge of push_progress: a batch of the table's stream in, events of jobs out; it decides nothing.

A batch of which something could not be told comes again, in halves: what was told already is told again, which does no
harm.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.sockets import GatewaySockets
from lambdas.aws.stream import changes_in
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import CORRELATION, logger_of
from lambdas.push_progress.logic import Ports, push
from maskmill.core.errors import Unavailable
from maskmill.core.settings import PushProgressSettings

FUNCTION = "push_progress"


@cache
def connect() -> Ports:
    settings = PushProgressSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        sockets=GatewaySockets(clients.sockets(settings.sockets_url)),
        clock=SystemClock(),
    )


def handler(event: dict[str, Any], _context: object) -> None:
    failures = push(connect(), changes_in(event))
    for change, error in failures:
        about = {CORRELATION: change.job_id, "tenant": change.tenant, "job_id": change.job_id}
        if isinstance(error, Unavailable):
            logger_of(FUNCTION).warning("job comes again", extra={**about, "code": error.code, "why": error.detail})
        else:
            logger_of(FUNCTION).error("job not told of", extra=about, exc_info=error)
    if failures:
        raise Unavailable(detail=f"{len(failures)} jobs could not be told of")
