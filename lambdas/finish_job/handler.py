"""The edge of finish_job: finish messages in, a finished job each; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import expecting
from lambdas.aws.ids import RandomIds
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import count
from lambdas.finish_job.dataset import write_dataset
from lambdas.finish_job.logic import Ports, finish
from maskmill.core.limits import FINISH_LEASE_S
from maskmill.core.messages import FinishJob
from maskmill.core.settings import FinishJobSettings

FUNCTION = "finish_job"


@cache
def connect() -> Ports:
    settings = FinishJobSettings.from_env(os.environ)
    clock = SystemClock()
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=clock,
        ids=RandomIds(clock),
        write_dataset=write_dataset,
        lease_s=FINISH_LEASE_S,
    )


def _finish(ports: Ports, message: FinishJob) -> None:
    """What became of jobs and of their items is counted here, for the dashboard and the alarms."""
    ended = finish(ports, message)
    if ended is not None:
        items = {"items_done": ended.counts.done, "items_failed": ended.counts.failed}
        count(FUNCTION, {f"jobs_{ended.status.value}": 1, **items})


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function=FUNCTION, read=expecting(FinishJob), act=partial(_finish, connect()))
