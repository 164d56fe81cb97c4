"""The way in: people sign in, and one function answers their requests; it knows queues and not their readers."""

from __future__ import annotations

from dataclasses import replace

import aws_cdk as cdk
from constructs import Construct

from infra import shapes
from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.access import absence, index, invoke_function, objects, read_secret, rows, send
from infra.constructs.distribution import MEDIA_FOLDER
from infra.constructs.function import Function
from infra.constructs.http_api import BASE, Routes
from infra.constructs.people import People
from infra.plans import SignIn
from infra.stacks.data import DataStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.web import WebStack
from maskmill.core.settings import ServeApiSettings
from maskmill.core.table import Index
from maskmill.core.usage import Quota


class ApiStack(cdk.Stack):
    """A user pool, the routes that admit its people, and the function behind them.

    The function signs addresses with its own rights: it may put uploads and get pictures so that its callers may.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        stage: Stage,
        *,
        data: DataStack,
        pipeline: PipelineStack,
        web: WebStack,
        live_url: str,
    ) -> None:
        super().__init__(scope, name, description="Maskmill: sign-in and HTTP API")
        self._stage, self._data, self._pipeline, self._web, self._live_url = stage, data, pipeline, web, live_url
        self.people = People(
            self,
            "People",
            sign_in=_with_page(stage.sign_in, f"{web.origin}/"),
            home=f"{web.origin}/",
            prefix=stage.prefix,
            is_disposable=stage.is_disposable,
        )
        Routes(self, "Routes", door=web.door, function=self._serve_api().function, people=self.people)

        cdk.CfnOutput(self, "ApiUrl", value=f"{web.origin}{BASE}")
        cdk.CfnOutput(self, "ApiId", value=web.door.api_id)
        cdk.CfnOutput(self, "UserPoolId", value=self.people.pool.user_pool_id)
        cdk.CfnOutput(self, "UserPoolClientId", value=self.people.client.user_pool_client_id)
        cdk.CfnOutput(self, "SignInUrl", value=self.people.domain.base_url())
        for machine, client in self.people.machines.items():
            cdk.CfnOutput(self, f"MachineClientId{_camel(machine)}", value=client.user_pool_client_id)

    def _serve_api(self) -> Function:
        data, pipeline = self._data, self._pipeline
        queues = (pipeline.plan_queue, pipeline.export_queue, pipeline.webhook_queue, pipeline.remove_queue)
        return Function(
            self,
            shapes.SERVE_API,
            self._stage,
            settings=self._settings(),
            may=[
                rows(data.table, "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
                index(data.table, Index.RECENT),
                objects(data.uploads, "PutObject", keys=(prefixes.UPLOADS,)),
                objects(data.media, "GetObject", keys=(prefixes.RESULTS,)),
                objects(data.media, "GetObject", keys=(prefixes.CHUNKS, prefixes.DATASETS, prefixes.EXPORTS)),
                objects(data.media, "GetObject", keys=(prefixes.EMBEDDINGS,)),
                objects(data.media, "GetObject", "PutObject", keys=(prefixes.AUTOMASKS,)),
                absence(data.media),
                read_secret(self, self._web.media_keys.signing_name),
                invoke_function(self, self._stage.lane_name),
                send(*(queue.queue for queue in queues)),
            ],
        )

    def _settings(self) -> ServeApiSettings:
        stage, data, pipeline = self._stage, self._data, self._pipeline
        return ServeApiSettings(
            table_name=data.table.table_name,
            uploads_bucket=data.uploads.bucket_name,
            media_bucket=data.media.bucket_name,
            plan_queue_url=pipeline.plan_queue.url,
            webhook_queue_url=pipeline.webhook_queue.url,
            remove_queue_url=pipeline.remove_queue.url,
            webhook_private_hosts=",".join(stage.webhook_private_hosts),
            export_queue_url=pipeline.export_queue.url,
            segmenter=stage.endpoint.segmenter.version,
            lane_name=stage.lane_name,
            lane_segmenter=stage.fast.version,
            live_url=self._live_url,
            media_url=f"{self._web.origin}{MEDIA_FOLDER}",
            media_key_name=self._web.media_keys.signing_name,
            media_key_pair_id=self._web.media_keys.signing_id,
            lane_side_max=stage.lane_side_max,
            trial_life_s=stage.trial_hours * 3600,
            **{f"quota_{quota}": stage.quotas.of(quota) for quota in Quota},
            requests_per_minute=stage.requests_per_minute,
            door_digests=",".join(self._web.words.digests),
            instance_type=stage.endpoint.segmenter.instance_type,
            instances_min=stage.endpoint.instances_min,
            instances_max=stage.endpoint.instances_max,
            instance_idle_s=stage.endpoint.idle_min * 60,
            chunk_items=stage.endpoint.shard_items,
            renders_at_once=stage.concurrency.render,
        )


def _with_page(sign_in: SignIn, home: str) -> SignIn:
    """People come back to the page after they signed in and after they signed out."""
    return replace(sign_in, callback_urls=(*sign_in.callback_urls, home), logout_urls=(*sign_in.logout_urls, home))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
