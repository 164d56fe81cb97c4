"""The edge of remove_dataset: removal messages in, less and less left of what they name; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import removals_in
from lambdas.aws.ids import RandomIds
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import logger_of
from lambdas.remove_dataset.images import remove_image
from lambdas.remove_dataset.logic import remove_dataset
from lambdas.remove_dataset.ports import Ports
from maskmill.core.messages import RemoveDataset, RemoveImage
from maskmill.core.settings import RemoveDatasetSettings

FUNCTION = "remove_dataset"


@cache
def connect() -> Ports:
    settings = RemoveDatasetSettings.from_env(os.environ)
    clock = SystemClock()
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        uploads=S3Objects(clients.s3(), settings.uploads_bucket),
        media=S3Objects(clients.s3(), settings.media_bucket),
        work=S3Objects(clients.s3(), settings.work_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=clock,
        ids=RandomIds(clock),
        late_s=settings.late_s,
    )


def _remove(ports: Ports, message: RemoveDataset | RemoveImage) -> None:
    if isinstance(message, RemoveImage):
        remove_image(ports, message)
    elif remove_dataset(ports, message):
        logger_of(FUNCTION).info("dataset removed")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function=FUNCTION, read=removals_in, act=partial(_remove, connect()))
