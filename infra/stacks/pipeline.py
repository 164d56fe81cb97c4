"""From an upload to a dataset: the queues, the functions that read them, and what each may do; it knows no logic."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.access import absence, clear, invoke_endpoint, objects, rows, send
from infra.constructs.function import Function
from infra.constructs.queue import WorkQueue
from infra.constructs.topics import AnswerTopics
from infra.shapes import Shape
from infra.stacks.data import DataStack
from infra.stacks.repairs import bury_letters, every_minute, sweep
from maskmill.core import settings
from maskmill.core.messages import QueueName
from maskmill.core.settings import EndpointMode


class PipelineStack(cdk.Stack):
    """Each queue has one function; each function sends to the next; a sweep and an undertaker see to what is lost."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack) -> None:
        super().__init__(scope, name, description="Maskmill: queues and functions")
        self._stage = stage
        self._data = data
        self.ingest_queue = data.ingest_queue
        self.plan_queue = WorkQueue(self, QueueName.PLAN, read_by=shapes.PLAN_JOB)
        self.dispatch_queue = WorkQueue(self, QueueName.DISPATCH, read_by=self._dispatching)
        self.collect_queue = WorkQueue(self, QueueName.COLLECT, read_by=shapes.COLLECT_MASKS)
        self.render_queue = WorkQueue(self, QueueName.RENDER, read_by=shapes.RENDER_ITEM)
        self.finish_queue = WorkQueue(self, QueueName.FINISH, read_by=shapes.FINISH_JOB)
        self.webhook_queue = WorkQueue(self, QueueName.WEBHOOK, read_by=shapes.DELIVER_WEBHOOK)
        self.export_queue = WorkQueue(self, QueueName.EXPORT, read_by=shapes.EXPORT_DATASET)
        self.remove_queue = WorkQueue(self, QueueName.REMOVE, read_by=shapes.REMOVE_DATASET)
        self.answers = AnswerTopics(self, "Answers", to=self.collect_queue)

        self._reads(self._ingest_image(), self.ingest_queue)
        self._reads(self._plan_job(), self.plan_queue)
        self._dispatch_shard().reads(self.dispatch_queue, concurrency=stage.dispatchers)
        self._reads(self._collect_masks(), self.collect_queue)
        self._reads(self._render_item(), self.render_queue)
        self._reads(self._finish_job(), self.finish_queue)
        self._reads(self._deliver_webhook(), self.webhook_queue)
        self._reads(self._export_dataset(), self.export_queue)
        self._reads(self._remove_dataset(), self.remove_queue)
        bury_letters(self, stage, data=data, queues=self.queues).reads_letters(*self.queues)
        every_minute(self, sweep(self, stage, data=data, queues=self.queues))

        self.answers.output()
        for queue in self.queues[1:]:
            queue.output()
        cdk.CfnOutput(self, "EndpointName", value=stage.endpoint_name)

    @property
    def queues(self) -> tuple[WorkQueue, ...]:
        first = (self.ingest_queue, self.plan_queue, self.dispatch_queue)
        last = (self.finish_queue, self.export_queue, self.webhook_queue, self.remove_queue)
        return (*first, self.collect_queue, self.render_queue, *last)

    def _reads(self, function: Function, queue: WorkQueue) -> None:
        function.reads(queue, concurrency=self._stage.concurrency.of(queue.name))

    def _ingest_image(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.INGEST_IMAGE,
            self._stage,
            settings=settings.IngestImageSettings(
                table_name=data.table.table_name,
                uploads_bucket=data.uploads.bucket_name,
                media_bucket=data.media.bucket_name,
            ),
            may=[
                rows(data.table, "GetItem", "PutItem", "UpdateItem"),
                objects(data.uploads, "GetObject", "DeleteObject", keys=(prefixes.UPLOADS,)),
                objects(data.media, "PutObject", keys=(prefixes.NORMALS, prefixes.THUMBNAILS)),
                absence(data.uploads),
            ],
        )

    def _plan_job(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.PLAN_JOB,
            self._stage,
            settings=settings.PlanJobSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                plan_queue_url=self.plan_queue.url,
                dispatch_queue_url=self.dispatch_queue.url,
                finish_queue_url=self.finish_queue.url,
                chunk_items=self._stage.endpoint.shard_items,
                window_shards=self._stage.endpoint.window_shards,
            ),
            may=[
                rows(data.table, "GetItem", "Query", "PutItem", "UpdateItem"),
                objects(data.media, "GetObject", keys=(prefixes.PLANS,)),
                objects(data.media, "PutObject", keys=(prefixes.PLANS, prefixes.CHUNKS)),
                absence(data.media),
                send(self.plan_queue.queue, self.dispatch_queue.queue, self.finish_queue.queue),
            ],
        )

    @property
    def _dispatching(self) -> Shape:
        return shapes.DISPATCH_SHARD.waiting(self._stage.endpoint.wait_s)

    def _dispatch_shard(self) -> Function:
        data, plan = self._data, self._stage.endpoint
        return Function(
            self,
            self._dispatching,
            self._stage,
            settings=settings.DispatchShardSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                work_bucket=data.work.bucket_name,
                dispatch_queue_url=self.dispatch_queue.url,
                render_queue_url=self.render_queue.url,
                finish_queue_url=self.finish_queue.url,
                endpoint_name=self._stage.endpoint_name,
                endpoint_mode=plan.mode.value,
                collect_queue_url=self.collect_queue.url,
                queue_life_s=plan.queue_life_s,
                invocation_timeout_s=plan.invocation_timeout_s,
            ),
            may=[
                rows(data.table, "GetItem", "BatchGetItem", "UpdateItem"),
                objects(data.media, "GetObject", keys=(prefixes.CHUNKS,)),
                objects(data.work, "PutObject", keys=(prefixes.REQUESTS,)),
                absence(data.media),
                *self._asking(plan.mode),
                send(self.dispatch_queue.queue, self.render_queue.queue, self.finish_queue.queue),
            ],
        )

    def _asking(self, mode: EndpointMode) -> list[iam.PolicyStatement]:
        """Calling the endpoint, and keeping the answer and telling of it where the endpoint does neither."""
        name, work = self._stage.endpoint_name, self._data.work
        if mode is EndpointMode.ASYNC:
            return [invoke_endpoint(self, name, "InvokeEndpointAsync")]
        return [
            invoke_endpoint(self, name, "InvokeEndpoint"),
            objects(work, "GetObject", keys=(prefixes.REQUESTS,)),
            objects(work, "PutObject", keys=(prefixes.ANSWERS, prefixes.FAILURES)),
            send(self.collect_queue.queue),
        ]

    def _collect_masks(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.COLLECT_MASKS,
            self._stage,
            settings=settings.CollectMasksSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                work_bucket=data.work.bucket_name,
                dispatch_queue_url=self.dispatch_queue.url,
                render_queue_url=self.render_queue.url,
                finish_queue_url=self.finish_queue.url,
            ),
            may=[
                rows(data.table, "GetItem", "BatchGetItem", "PutItem", "UpdateItem"),
                objects(data.work, "GetObject", keys=(prefixes.REQUESTS, prefixes.ANSWERS, prefixes.FAILURES)),
                objects(data.media, "PutObject", keys=(prefixes.MASKS,)),
                absence(data.work),
                send(self.dispatch_queue.queue, self.render_queue.queue, self.finish_queue.queue),
            ],
        )

    def _render_item(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.RENDER_ITEM,
            self._stage,
            settings=settings.RenderItemSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                finish_queue_url=self.finish_queue.url,
            ),
            may=[
                rows(data.table, "BatchGetItem", "PutItem", "UpdateItem"),
                objects(data.media, "GetObject", keys=(prefixes.NORMALS, prefixes.MASKS, prefixes.CHUNKS)),
                objects(data.media, "GetObject", "PutObject", keys=(prefixes.LABELS, prefixes.VARIANTS)),
                absence(data.media),
                send(self.finish_queue.queue),
            ],
        )

    def _finish_job(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.FINISH_JOB,
            self._stage,
            settings=settings.FinishJobSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                export_queue_url=self.export_queue.url,
            ),
            may=[
                rows(data.table, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"),
                objects(data.media, "GetObject", keys=(prefixes.LABELS, prefixes.CHUNKS, prefixes.RESULTS)),
                objects(data.media, "PutObject", "AbortMultipartUpload", keys=(prefixes.DATASETS,)),
                absence(data.media),
                send(self.export_queue.queue),
            ],
        )

    def _export_dataset(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.EXPORT_DATASET,
            self._stage,
            settings=settings.ExportDatasetSettings(
                table_name=data.table.table_name,
                media_bucket=data.media.bucket_name,
                export_queue_url=self.export_queue.url,
            ),
            may=[
                rows(data.table, "GetItem", "BatchGetItem", "Query", "UpdateItem"),
                objects(data.media, "GetObject", keys=(prefixes.NORMALS, prefixes.LABELS, prefixes.VARIANTS)),
                objects(data.media, "GetObject", keys=(prefixes.CHUNKS,)),
                objects(data.media, "PutObject", "AbortMultipartUpload", keys=(prefixes.EXPORTS,)),
                absence(data.media),
                send(self.export_queue.queue),
            ],
        )

    def _deliver_webhook(self) -> Function:
        """It calls addresses of users' choice from outside of any network of ours."""
        data = self._data
        return Function(
            self,
            shapes.DELIVER_WEBHOOK,
            self._stage,
            settings=settings.DeliverWebhookSettings(
                table_name=data.table.table_name,
                webhook_queue_url=self.webhook_queue.url,
                webhook_private_hosts=",".join(self._stage.webhook_private_hosts),
            ),
            may=[
                rows(data.table, "GetItem", "UpdateItem"),
                send(self.webhook_queue.queue),
            ],
        )

    def _remove_dataset(self) -> Function:
        data = self._data
        return Function(
            self,
            shapes.REMOVE_DATASET,
            self._stage,
            settings=settings.RemoveDatasetSettings(
                table_name=data.table.table_name,
                uploads_bucket=data.uploads.bucket_name,
                media_bucket=data.media.bucket_name,
                work_bucket=data.work.bucket_name,
                plan_queue_url=self.plan_queue.url,
                remove_queue_url=self.remove_queue.url,
                late_s=self._stage.late_s,
            ),
            may=[
                rows(data.table, "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
                *clear(data.uploads, prefixes.UPLOADS_FOLDER),
                *clear(data.media, prefixes.PICTURE_FOLDER, prefixes.JOB_FOLDER),
                *clear(data.work, prefixes.JOB_FOLDER, *prefixes.ANSWER_FOLDERS),
                send(self.plan_queue.queue, self.remove_queue.queue),
            ],
        )
