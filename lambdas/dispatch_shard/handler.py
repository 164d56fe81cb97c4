"""The edge of dispatch_shard: dispatch messages in, items on their way to their masks; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.endpoint import SageMakerEndpoint
from lambdas.aws.events import expecting
from lambdas.aws.objects import S3Objects
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.realtime_endpoint import RealtimeEndpoint
from lambdas.aws.table import DynamoTable
from lambdas.dispatch_shard.logic import Ports, dispatch
from lambdas.spending import Switch
from maskmill.core.messages import DispatchItems
from maskmill.core.ports import Endpoint, Objects
from maskmill.core.settings import DispatchShardSettings, EndpointMode

CALLBACK_GRACE_S = 10 * 60  # for the answer's way back, and for clocks that differ


@cache
def connect() -> Ports:
    settings = DispatchShardSettings.from_env(os.environ)
    table, clock = DynamoTable(clients.dynamodb(), settings.table_name), SystemClock()
    work = S3Objects(clients.s3(), settings.work_bucket)
    return Ports(
        table=table,
        media=S3Objects(clients.s3(), settings.media_bucket),
        work=work,
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        endpoint=_endpoint(settings, work),
        clock=clock,
        spending=Switch(table, clock),
        media_bucket=settings.media_bucket,
        lease_s=settings.queue_life_s + settings.invocation_timeout_s + CALLBACK_GRACE_S,
    )


def _endpoint(settings: DispatchShardSettings, work: Objects) -> Endpoint:
    name, bucket = settings.endpoint_name, settings.work_bucket
    if EndpointMode(settings.endpoint_mode) is EndpointMode.REALTIME:
        return RealtimeEndpoint(
            clients.realtime_runtime(),
            clients.sqs(),
            name=name,
            work=work,
            work_bucket=bucket,
            collect_queue_url=settings.collect_queue_url,
        )
    return SageMakerEndpoint(
        clients.sagemaker_runtime(),
        name=name,
        work_bucket=bucket,
        queue_life_s=settings.queue_life_s,
        invocation_timeout_s=settings.invocation_timeout_s,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    read = expecting(DispatchItems)
    return answer_batch(event, function="dispatch_shard", read=read, act=partial(dispatch, connect()))
