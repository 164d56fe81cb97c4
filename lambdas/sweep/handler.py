"""The edge of the sweep: a schedule's tick in, counted repairs out; it decides nothing."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.clock import SystemClock
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import CORRELATION, count, logger_of
from lambdas.spending import Switch
from lambdas.sweep.logic import sweep
from lambdas.sweep.ports import Ports
from maskmill.core.settings import SweepSettings


@cache
def connect() -> Ports:
    settings = SweepSettings.from_env(os.environ)
    table, clock = DynamoTable(clients.dynamodb(), settings.table_name), SystemClock()
    return Ports(
        table=table,
        uploads=S3Objects(clients.s3(), settings.uploads_bucket),
        work=S3Objects(clients.s3(), settings.work_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=clock,
        spending=Switch(table, clock),
        work_bucket=settings.work_bucket,
    )


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    repairs = sweep(connect())
    logger = logger_of("sweep")
    for key, error in repairs.failures:
        logger.error("row not swept", extra={"pk": key.pk, "sk": key.sk}, exc_info=error)
    for job_id in repairs.jobs:
        logger.info("job repaired", extra={CORRELATION: job_id, "job_id": job_id})
    logger.info("swept", extra={"repairs": repairs.counts, "is_cut_short": repairs.is_cut_short})
    counts = {"repairs": repairs.total, "failures": len(repairs.failures), "cut_short": int(repairs.is_cut_short)}
    counts |= {f"repairs_{kind}": times for kind, times in repairs.counts.items()}
    count("sweep", {name: times for name, times in counts.items() if times})  # a zero each minute costs by the month
    return {"repairs": repairs.counts}
