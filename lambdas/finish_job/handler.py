"""The edge of finish_job: finish messages in, a finished job each; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import expecting
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.finish_job.dataset import write_dataset
from lambdas.finish_job.logic import Ports, finish
from maskmill.core.limits import FINISH_LEASE_S
from maskmill.core.messages import FinishJob
from maskmill.core.settings import FinishJobSettings


@cache
def connect() -> Ports:
    settings = FinishJobSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
        write_dataset=write_dataset,
        lease_s=FINISH_LEASE_S,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="finish_job", read=expecting(FinishJob), act=partial(finish, connect()))
