"""The app: which stacks there are and what each hands to the next; it knows nothing of what is in them.

Run by `cdk synth`, `cdk deploy` and the like (see cdk.json): `cdk deploy --all -c stage=dev`.
"""

from __future__ import annotations

import aws_cdk as cdk

from infra.config import Stage
from infra.context import NAMES, chosen
from infra.stacks.api import ApiStack
from infra.stacks.data import DataStack
from infra.stacks.inference import InferenceStack
from infra.stacks.live import LiveStack
from infra.stacks.operations import OperationsStack
from infra.stacks.page import PageStack
from infra.stacks.pipeline import PipelineStack
from infra.stacks.web import WebStack


def build(app: cdk.App, stage: Stage) -> None:
    """data → operations; data → pipeline → inference and live → web → api → page."""
    data = DataStack(app, f"{stage.prefix}-data", stage)
    pipeline = PipelineStack(app, f"{stage.prefix}-pipeline", stage, data=data)
    OperationsStack(app, f"{stage.prefix}-operations", stage, data=data)
    InferenceStack(app, f"{stage.prefix}-inference", stage, data=data, topics=pipeline.answers)
    live = LiveStack(app, f"{stage.prefix}-live", stage, data=data, webhook_queue=pipeline.webhook_queue)
    web = WebStack(app, f"{stage.prefix}-web", stage, data=data, live_url=live.sockets.url)
    api = ApiStack(app, f"{stage.prefix}-api", stage, data=data, pipeline=pipeline, web=web, live_url=live.sockets.url)
    PageStack(app, f"{stage.prefix}-page", stage, web=web, client_id=api.people.client.user_pool_client_id)
    cdk.Tags.of(app).add("application", "maskmill")
    cdk.Tags.of(app).add("stage", stage.name)


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    build(app, chosen({name: app.node.try_get_context(name) for name in NAMES}))
    app.synth()


if __name__ == "__main__":
    main()
