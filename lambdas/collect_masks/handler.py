"""The edge of collect_masks: the endpoint's callbacks and the sweep's messages in, masks kept; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import AnswerFailed, AnswerReady, callbacks_in
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.collect_masks.logic import Ports, collect_failure, collect_found, collect_success
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle
from maskmill.core.messages import CollectAnswer
from maskmill.core.settings import CollectMasksSettings
from maskmill.imaging.masks import mask_of


@cache
def connect() -> Ports:
    settings = CollectMasksSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        media=S3Objects(clients.s3(), settings.media_bucket),
        work=S3Objects(clients.s3(), settings.work_bucket),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
        work_bucket=settings.work_bucket,
        check=_check,
    )


def _check(rle: Rle, size: Size) -> None:
    mask_of(rle, size=size)


def _collect(ports: Ports, callback: AnswerReady | AnswerFailed | CollectAnswer) -> None:
    match callback:
        case AnswerReady():
            collect_success(ports, callback.request_key, callback.answer)
        case AnswerFailed():
            collect_failure(ports, callback.request_key, callback.reason, callback.failure)
        case CollectAnswer():
            collect_found(ports, callback)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="collect_masks", read=callbacks_in, act=partial(_collect, connect()))
