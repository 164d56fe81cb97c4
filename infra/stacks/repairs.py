"""What sees to work that was lost or given up, as parts of the pipeline's stack; it knows no logic."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from infra import shapes
from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.access import absence, index, objects, rows, send
from infra.constructs.function import Function
from infra.constructs.queue import WorkQueue
from infra.stacks.data import DataStack
from maskmill.core.messages import QueueName
from maskmill.core.settings import BuryLettersSettings, SweepSettings
from maskmill.core.table import Index


def sweep(stack: cdk.Stack, stage: Stage, *, data: DataStack, queues: Sequence[WorkQueue]) -> Function:
    """The function that sends again what was lost, to whichever queue."""
    return Function(
        stack,
        shapes.SWEEP,
        stage,
        settings=SweepSettings(
            table_name=data.table.table_name,
            uploads_bucket=data.uploads.bucket_name,
            work_bucket=data.work.bucket_name,
            **{f"{queue.name.value}_queue_url": queue.url for queue in queues},
        ),
        may=[
            rows(data.table, "GetItem", "Query", "UpdateItem"),
            index(data.table, Index.DUE),
            objects(data.uploads, "GetObject", keys=(prefixes.UPLOADS,)),
            objects(data.work, "GetObject", keys=(prefixes.ANSWERS, prefixes.FAILURES)),
            absence(data.uploads, data.work),
            send(*(queue.queue for queue in queues)),
        ],
    )


def bury_letters(stack: cdk.Stack, stage: Stage, *, data: DataStack, queues: Sequence[WorkQueue]) -> Function:
    """The function that gives an end to what dead letters are about, and hands on what did not die."""
    told = {queue.name: queue for queue in queues}
    dispatch, render = told[QueueName.DISPATCH], told[QueueName.RENDER]
    finish, export = told[QueueName.FINISH], told[QueueName.EXPORT]
    return Function(
        stack,
        shapes.BURY_LETTERS,
        stage,
        settings=BuryLettersSettings(
            table_name=data.table.table_name,
            dispatch_queue_url=dispatch.url,
            render_queue_url=render.url,
            finish_queue_url=finish.url,
            export_queue_url=export.url,
        ),
        may=[
            rows(data.table, "GetItem", "Query", "UpdateItem"),
            send(dispatch.queue, render.queue, finish.queue, export.queue),
        ],
    )


def every_minute(stack: cdk.Stack, function: Function) -> None:
    """A run that fails is not repeated: the next one comes within the minute."""
    function.function.configure_async_invoke(retry_attempts=0, max_event_age=cdk.Duration.minutes(1))
    events.Rule(
        stack,
        "EveryMinute",
        schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
        targets=[targets.LambdaFunction(function.function, retry_attempts=0)],
    )
