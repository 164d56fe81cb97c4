"""The app: which stacks there are and what each hands to the next; it knows nothing of what is in them.

Run by `cdk synth`, `cdk deploy` and the like (see cdk.json): `cdk deploy --all -c stage=dev`.
"""

from __future__ import annotations

import os

import aws_cdk as cdk
from constructs import Construct

from infra.config import Stage
from infra.constructs.encryption import EncryptedWith
from infra.context import NAMES, check_region, chosen
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.inference import InferenceStack
from infra.stacks.key import KeyStack
from infra.stacks.live import LiveStack
from infra.stacks.operations import OperationsStack
from infra.stacks.page import PageStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.watch import WatchStack
from infra.stacks.web import WebStack


def build(app: Construct, stage: Stage, *, before: str | None = None) -> None:
    """data → operations; data → pipeline → inference and live → web → api → page; web → watch; before all a key.

    `before` begins the stacks' names: the stage's prefix, or nothing within a scope that has it as its own name.
    """
    first = f"{stage.prefix}-" if before is None else before
    data = DataStack(app, f"{first}data", stage)
    pipeline = PipelineStack(app, f"{first}pipeline", stage, data=data)
    OperationsStack(app, f"{first}operations", stage, data=data)
    InferenceStack(app, f"{first}inference", stage, data=data, topics=pipeline.answers)
    live = LiveStack(app, f"{first}live", stage, data=data, webhook_queue=pipeline.webhook_queue)
    web = WebStack(app, f"{first}web", stage, data=data, live_url=live.sockets.url)
    api = ApiStack(app, f"{first}api", stage, data=data, pipeline=pipeline, web=web, live_url=live.sockets.url)
    PageStack(app, f"{first}page", stage, web=web, client_id=api.people.client.user_pool_client_id)
    if stage.is_watched:
        WatchStack(app, f"{first}watch", stage, pipeline=pipeline, live=live, web=web)
    if stage.has_own_key:
        cdk.Aspects.of(app).add(EncryptedWith(KeyStack(app, f"{first}key", stage).key))
    cdk.Tags.of(app).add("application", "maskmill")
    cdk.Tags.of(app).add("stage", stage.name)


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    stage = chosen({name: app.node.try_get_context(name) for name in NAMES})
    check_region(stage, os.environ.get("CDK_DEFAULT_REGION"))
    build(app, stage)
    app.synth()


if __name__ == "__main__":
    main()
