"""The interactive lane: the model server's image as a function, with exactly the rights it needs; it knows no route.

The function is written as the plain resource, because the library's own kind takes an image of a repository or an
asset, and not an address.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Stage
from infra.constructs import prefixes
from infra.constructs.access import absence, objects, read_weights
from infra.constructs.function import writes_log
from infra.constructs.log import log_group

TIMEOUT_S = 60
DEADLINE_S = 20  # the API waits for 24 seconds; what is not ready then is told to come back, and goes on loading
PROCESSOR_MB = 1769  # of memory, for which a function gets one processor
SCRATCH_MB = 512  # the least, and enough without weights
SCRATCH_WITH_WEIGHTS_MB = 4096


class Lane(Construct):
    """A function that reads upright pictures and keeps embeddings, and can do nothing else but write its log."""

    def __init__(self, scope: Construct, construct_id: str, stage: Stage, *, image_uri: str, media: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        log = log_group(self, "Log", f"/aws/lambda/{stage.lane_name}", days=stage.log_days)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        for statement in [
            writes_log(log),
            objects(media, "GetObject", keys=(prefixes.NORMALS,)),
            objects(media, "GetObject", "PutObject", keys=(prefixes.EMBEDDINGS,)),
            absence(media),
            *read_weights(cdk.Stack.of(self), stage.fast.weights),
        ]:
            role.add_to_policy(statement)
        function = lambda_.CfnFunction(
            self,
            "Function",
            function_name=stage.lane_name,
            package_type="Image",
            code=lambda_.CfnFunction.CodeProperty(image_uri=image_uri),
            architectures=["x86_64"],
            role=role.role_arn,
            memory_size=stage.lane.memory_mb,
            timeout=TIMEOUT_S,
            ephemeral_storage=lambda_.CfnFunction.EphemeralStorageProperty(size=_scratch_mb(stage)),
            reserved_concurrent_executions=stage.lane.most_at_once,
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=_environment(stage)),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.log_group_name),
        )
        function.node.add_dependency(role)


def _scratch_mb(stage: Stage) -> int:
    return SCRATCH_WITH_WEIGHTS_MB if stage.fast.needs_weights else SCRATCH_MB


def _environment(stage: Stage) -> dict[str, str]:
    """What the model server's settings read; the function fetches the weights, which the endpoint finds in a folder."""
    return {
        **stage.fast.to_env(),
        **({} if stage.fast.weights is None else {"MODEL_DIR": stage.fast.weights}),
        "DEADLINE_S": str(DEADLINE_S),
        "THREADS": str(max(1, stage.lane.memory_mb // PROCESSOR_MB)),
        "EMBEDDINGS_BYTES_MAX": str(128 * 1024 * 1024),
    }
