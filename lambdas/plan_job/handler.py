"""The edge of plan_job: plan messages in, a planned job each; it decides nothing."""

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
from lambdas.plan_job.logic import Ports, plan
from maskmill.core.messages import PlanJob
from maskmill.core.settings import PlanJobSettings


@cache
def connect() -> Ports:
    settings = PlanJobSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
        chunk_items=settings.chunk_items,
        window_shards=settings.window_shards,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="plan_job", read=expecting(PlanJob), act=partial(plan, connect()))
