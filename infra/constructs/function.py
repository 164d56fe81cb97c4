"""A function of `lambdas/`: its code, its settings, a role of its own and its log; it knows no logic.

A function can do nothing but write its log until its stack says what else it may.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import bundle
from infra.config import Stage
from infra.constructs import access
from infra.constructs.log import log_group
from infra.constructs.queue import WorkQueue
from infra.shapes import Shape
from maskmill.core.settings import Settings

CHANGES_WAIT_S = 1  # changes of one second are one batch, where they are few
CHANGES_TRIES = 20
CHANGES_AGE_S = 6 * 60 * 60

ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class Function(Construct):
    """The function of a shape, with its settings and exactly the rights that are listed."""

    def __init__(
        self, scope: Construct, shape: Shape, stage: Stage, *, settings: Settings, may: Sequence[iam.PolicyStatement]
    ) -> None:
        super().__init__(scope, _camel(shape.verb))
        self._shape = shape
        name = f"{stage.prefix}-{shape.verb.replace('_', '-')}"
        log = log_group(self, "Log", f"/aws/lambda/{name}", days=stage.log_days)
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self._role.add_to_policy(writes_log(log))
        for statement in may:
            self._role.add_to_policy(statement)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime(f"python{stage.target.python}", lambda_.RuntimeFamily.PYTHON),
            architecture=ARCHITECTURES[stage.target.machine],
            handler=f"lambdas.{shape.verb}.handler.handler",
            code=_code(scope, shape, stage),
            memory_size=shape.memory_mb,
            timeout=cdk.Duration.seconds(shape.timeout_s),
            role=self._role,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE if stage.has_traces else lambda_.Tracing.DISABLED,
            environment={**settings.to_env(), **_telemetry(shape, stage)},
            # Lambda ends a chain of a function's own messages after 16 of them, unless it is told that it is meant.
            recursive_loop=lambda_.RecursiveLoop.ALLOW if shape.feeds_itself else None,
        )

    def reads(self, queue: WorkQueue, *, concurrency: int) -> None:
        """Takes the messages of a queue; those that fail come back one by one."""
        self._reads(queue.name.value, queue.queue, concurrency)

    def reads_letters(self, *queues: WorkQueue) -> None:
        """Takes the messages that the functions of these queues gave up on."""
        for queue in queues:
            self._reads(queue.name.value, queue.letters, concurrency=2)

    def reads_changes(self, table: dynamodb.TableV2, *, of_rows: Sequence[str], letters: sqs.IQueue) -> None:
        """Takes what is written to rows whose sort keys begin so; what was tried too often leaves a letter.

        The changes of a row come in order, those of different rows need not. A batch that fails comes again in halves.
        """
        self._role.add_to_policy(access.read_changes(table))
        self._role.add_to_policy(access.send(letters))
        wanted = {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"Keys": {"sk": {"S": [{"prefix": prefix} for prefix in of_rows]}}},
        }
        lambda_.CfnEventSourceMapping(
            self,
            "Changes",
            function_name=self.function.function_name,
            event_source_arn=access.stream_of(table),
            starting_position="TRIM_HORIZON",
            batch_size=self._shape.batch,
            maximum_batching_window_in_seconds=CHANGES_WAIT_S,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=CHANGES_TRIES,
            maximum_record_age_in_seconds=CHANGES_AGE_S,
            parallelization_factor=1,
            filter_criteria={"filters": [{"pattern": json.dumps(wanted)}]},
            destination_config={"onFailure": {"destination": letters.queue_arn}},
        )

    def _reads(self, name: str, queue: sqs.IQueue, concurrency: int) -> None:
        self._role.add_to_policy(access.receive(queue))
        lambda_.EventSourceMapping(
            self,
            f"{name.capitalize()}Source",
            target=self.function,
            event_source_arn=queue.queue_arn,
            batch_size=self._shape.batch,
            max_concurrency=concurrency,
            report_batch_item_failures=True,
        )


def _code(scope: Construct, shape: Shape, stage: Stage) -> lambda_.Code:
    if not cdk.Stack.of(scope).bundling_required:
        return lambda_.Code.from_asset(str(bundle.ROOT / "lambdas"), asset_hash="not-bundled")
    built = bundle.build(shape.bundle, stage.target)
    return lambda_.Code.from_asset(str(built.path), asset_hash=built.digest)


def writes_log(log: logs.ILogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.log_group_arn])


def _telemetry(shape: Shape, stage: Stage) -> dict[str, str]:
    return {
        "POWERTOOLS_SERVICE_NAME": shape.verb,
        "POWERTOOLS_METRICS_NAMESPACE": stage.metrics,
        "POWERTOOLS_LOG_LEVEL": stage.log_level,
    }


def _camel(verb: str) -> str:
    return "".join(word.capitalize() for word in verb.split("_"))
