"""The edge of render_item: render messages in, ended items out; it decides nothing."""

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
from lambdas.render_item.logic import Ports, render
from lambdas.render_item.pictures import look, paint
from maskmill.core.messages import RenderItems
from maskmill.core.settings import RenderItemSettings


@cache
def connect() -> Ports:
    settings = RenderItemSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
        look=look,
        paint=paint,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="render_item", read=expecting(RenderItems), act=partial(render, connect()))
