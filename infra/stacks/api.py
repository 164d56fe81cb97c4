"""The way in: people sign in, and one function answers their requests; it knows queues and not their readers."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.access import absence, index, invoke_function, objects, rows, send
from infra.constructs.function import Function
from infra.constructs.http_api import HttpApi
from infra.constructs.log import log_group
from infra.constructs.people import People
from infra.constructs.queue import WorkQueue
from infra.stacks.data import DataStack
from maskmill.core.settings import ServeApiSettings
from maskmill.core.table import Index
from maskmill.core.usage import Quota


class ApiStack(cdk.Stack):
    """A user pool, an HTTP API that admits its people, and the function behind it.

    The function signs addresses with its own rights: it may put uploads and get pictures so that its callers may.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        *,
        data: DataStack,
        plan_queue: WorkQueue,
        webhook_queue: WorkQueue,
        export_queue: WorkQueue,
        live_url: str,
        remove_queue: WorkQueue,
    ) -> None:
        super().__init__(scope, name, description="Maskmill: sign-in and HTTP API")
        people = People(
            self,
            "People",
            sign_in=stage.sign_in,
            domain_prefix=f"{stage.prefix}-{cdk.Aws.ACCOUNT_ID}",  # no other account may have the same one
            is_disposable=stage.is_disposable,
        )
        serve_api = Function(
            self,
            shapes.SERVE_API,
            stage,
            settings=ServeApiSettings(
                table_name=data.table.table_name,
                uploads_bucket=data.uploads.bucket_name,
                media_bucket=data.media.bucket_name,
                plan_queue_url=plan_queue.url,
                webhook_queue_url=webhook_queue.url,
                remove_queue_url=remove_queue.url,
                webhook_private_hosts=",".join(stage.webhook_private_hosts),
                export_queue_url=export_queue.url,
                segmenter=stage.endpoint.segmenter.version,
                lane_name=stage.lane_name,
                lane_segmenter=stage.fast.version,
                live_url=live_url,
                lane_side_max=stage.lane_side_max,
                trial_life_s=stage.trial_hours * 3600,
                **{f"quota_{quota}": stage.quotas.of(quota) for quota in Quota},
                requests_per_minute=stage.requests_per_minute,
                instance_type=stage.endpoint.segmenter.instance_type,
                instances_max=stage.endpoint.instances_max,
                instance_idle_s=stage.endpoint.idle_min * 60,
                chunk_items=stage.endpoint.shard_items,
                renders_at_once=stage.concurrency.render,
            ),
            may=[
                rows(data.table, "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
                index(data.table, Index.RECENT),
                objects(data.uploads, "PutObject", keys=(prefixes.UPLOADS,)),
                objects(data.media, "GetObject", keys=(prefixes.NORMALS, prefixes.THUMBNAILS)),
                objects(data.media, "GetObject", keys=(prefixes.LABEL_PICTURES, prefixes.VARIANTS)),
                objects(data.media, "GetObject", keys=(prefixes.CHUNKS, prefixes.DATASETS, prefixes.EXPORTS)),
                objects(data.media, "GetObject", keys=(prefixes.EMBEDDINGS, prefixes.MASKS)),
                objects(data.media, "GetObject", "PutObject", keys=(prefixes.AUTOMASKS,)),
                absence(data.media),
                invoke_function(self, stage.lane_name),
                send(plan_queue.queue, export_queue.queue, webhook_queue.queue, remove_queue.queue),
            ],
        )
        door = HttpApi(
            self,
            "Door",
            name=stage.prefix,
            function=serve_api.function,
            people=people,
            log=log_group(self, "AccessLog", f"/aws/vendedlogs/{stage.prefix}-api", days=stage.log_days),
            rate=stage.api_rate,
            burst=stage.api_burst,
        )
        cdk.CfnOutput(self, "ApiUrl", value=door.url)
        cdk.CfnOutput(self, "ApiId", value=door.api.api_id)
        cdk.CfnOutput(self, "UserPoolId", value=people.pool.user_pool_id)
        cdk.CfnOutput(self, "UserPoolClientId", value=people.client.user_pool_client_id)
        cdk.CfnOutput(self, "SignInUrl", value=people.domain.base_url())
        for name, machine in people.machines.items():
            cdk.CfnOutput(self, f"MachineClientId{_camel(name)}", value=machine.user_pool_client_id)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
