"""The edge of export_dataset: export messages in, files of another tool's form out; it decides nothing."""

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
from lambdas.export_dataset.logic import Ports, export
from lambdas.export_dataset.maker import DatasetMaker
from maskmill.core.limits import EXPORT_LEASE_S
from maskmill.core.messages import ExportDataset
from maskmill.core.settings import ExportDatasetSettings


@cache
def connect() -> Ports:
    settings = ExportDatasetSettings.from_env(os.environ)
    clock = SystemClock()
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=clock,
        ids=RandomIds(clock),
        maker=DatasetMaker(),
        lease_s=EXPORT_LEASE_S,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="export_dataset", read=expecting(ExportDataset), act=partial(export, connect()))
