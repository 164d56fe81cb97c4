"""The model server twice: behind an endpoint that scales by itself, and in a function for those who wait.

It knows no job and no queue.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.config import Stage
from infra.constructs.access import bucket_and_prefix
from infra.constructs.endpoint_role import endpoint_role
from infra.constructs.lane import Lane
from infra.constructs.log import log_group
from infra.constructs.model_endpoint import ModelEndpoint
from infra.constructs.model_image import Libraries, built_image, existing_image, libraries_for
from infra.constructs.network import PrivateNetwork
from infra.constructs.scale_to_zero import ScaleToZero
from infra.constructs.scale_with_load import ScaleWithLoad
from infra.constructs.topics import AnswerTopics
from infra.stacks.data import DataStack
from maskmill.core.settings import EndpointMode


class InferenceStack(cdk.Stack):
    """An image, a role, an endpoint, its log, the rules by which instances come and go, and the interactive lane."""

    def __init__(self, scope: Construct, name: str, stage: Stage, *, data: DataStack, topics: AnswerTopics) -> None:
        super().__init__(scope, name, description="Maskmill: the model's endpoint")
        plan = stage.endpoint
        image = (
            existing_image(self, plan.image_uri)
            if plan.image_uri
            else built_image(self, "Image", libraries_for(plan.segmenter), base=stage.base_image)
        )
        log = log_group(self, "Log", f"/aws/sagemaker/Endpoints/{stage.endpoint_name}", days=stage.log_days)
        role = endpoint_role(self, plan, media=data.media, work=data.work, topics=topics, log=log)
        network = self._network(stage, data) if stage.has_private_network else None
        for statement in [*image.pull, *(network.rights if network else ())]:
            role.add_to_policy(statement)
        model = ModelEndpoint(
            self,
            "Segmenter",
            name=stage.endpoint_name,
            plan=plan,
            image_uri=image.uri,
            role=role,
            work=data.work,
            topics=topics,
            network=network,
        )
        scale = ScaleToZero if plan.mode is EndpointMode.ASYNC else ScaleWithLoad
        scale(
            self,
            "Scaling",
            endpoint=model.endpoint,
            endpoint_name=stage.endpoint_name,
            variant_name=model.variant_name,
            plan=plan,
        )
        Lane(self, "Lane", stage, image_uri=self._lane_image(stage), media=data.media)
        cdk.CfnOutput(self, "SegmenterVersion", value=plan.segmenter.version)
        cdk.CfnOutput(self, "EndpointRoleArn", value=role.role_arn)
        cdk.CfnOutput(self, "LaneName", value=stage.lane_name)

    def _network(self, stage: Stage, data: DataStack) -> PrivateNetwork:
        """Of the endpoint: it reaches pictures, requests and its weights."""
        weights = stage.endpoint.segmenter.weights
        foreign = [] if weights is None else [f"arn:{self.partition}:s3:::{bucket_and_prefix(weights)[0]}"]
        log = log_group(self, "Refused", f"/maskmill/{stage.prefix}-network", days=stage.log_days)
        return PrivateNetwork(self, "Network", buckets=[data.media.bucket_arn, data.work.bucket_arn, *foreign], log=log)

    def _lane_image(self, stage: Stage) -> str:
        """The service that runs functions pulls with rights of its own, which the registry of the account gives."""
        if stage.lane.image_uri:
            return stage.lane.image_uri
        libraries = Libraries.CPU if stage.fast.needs_weights else Libraries.CLASSIC
        return built_image(self, "LaneImage", libraries, target="lane", base=stage.base_image).uri
