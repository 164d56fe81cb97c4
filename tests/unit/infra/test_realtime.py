"""A stage whose endpoint is realtime: always awake, without a queue, and asked by no more than it lets wait."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest

from inference_container.settings import Settings
from infra import shapes
from infra.context import chosen
from infra.plans import REALTIME_S_MAX, WAITING_MAX, EndpointPlan, realtime
from infra.stacks.data import DataStack
from infra.stacks.inference import InferenceStack
from infra.stacks.pipeline import PipelineStack
from lambdas.aws.clients import ANSWER_TIMEOUT_S
from maskmill.core.settings import DispatchShardSettings, EndpointMode
from tests.unit.infra.cloud import Cloud, grants
from tests.unit.infra.test_access import RIGHTS, get, log_of, put, send, traces_of

STAGE = chosen({"stage": "prod", "endpoint": "realtime"})


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """The stacks that the kind of endpoint matters to."""
    outdir = tmp_path_factory.mktemp("cdk-realtime")
    context = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}
    app = cdk.App(analytics_reporting=False, outdir=str(outdir), context=context)
    data = DataStack(app, "data", STAGE)
    pipeline = PipelineStack(app, "pipeline", STAGE, data=data)
    InferenceStack(app, "inference", STAGE, data=data, topics=pipeline.answers)
    app.synth()
    return Cloud("prod", outdir)


def test_it_has_no_queue_and_never_sleeps(now: Cloud) -> None:
    assert "AsyncInferenceConfig" not in now.only("SageMaker::EndpointConfig").properties
    target = now.only("ApplicationAutoScaling::ScalableTarget").properties
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, STAGE.endpoint.instances_max)
    policy = now.only("ApplicationAutoScaling::ScalingPolicy").properties
    tracked: dict[str, Any] = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    }
    assert tracked["TargetValue"] == STAGE.endpoint.invocations_per_instance
    assert "backlog" not in str(now.resources("CloudWatch::Alarm")).lower()


def test_who_asks_it_keeps_the_answer_and_tells_of_it(now: Cloud) -> None:
    endpoint = {(action, name) for action, name in RIGHTS["DispatchShard"] if action == "sagemaker:InvokeEndpointAsync"}
    more = {("sagemaker:InvokeEndpoint", name) for _, name in endpoint}
    more |= get("Work", "t/*/jobs/*/requests/*.json") | put("Work", "async/*", "async-failed/*") | send("Collect")
    assert grants(now, "DispatchShard/Role") == (RIGHTS["DispatchShard"] - endpoint) | more | log_of(
        "DispatchShard"
    ) | traces_of("DispatchShard")


def test_the_model_itself_neither_reads_requests_nor_writes_answers(now: Cloud) -> None:
    held = grants(now, "Role")
    assert not any("<Work" in where or action.startswith("sns:") for action, where in held)


def test_each_waits_longer_than_what_it_waits_for(now: Cloud) -> None:
    """The model ends, then the service would, then the call, then the function, then its message."""
    server = Settings.from_env(now.only("SageMaker::Model").properties["PrimaryContainer"]["Environment"])
    function = now.named("DispatchShard/Function").properties
    hidden_s = now.named("DispatchQueue/Queue").properties["VisibilityTimeout"]
    assert server.deadline_s < REALTIME_S_MAX < ANSWER_TIMEOUT_S < function["Timeout"]
    assert function["Timeout"] == shapes.DISPATCH_SHARD.timeout_s + REALTIME_S_MAX
    assert hidden_s >= 6 * function["Timeout"]


def test_no_more_ask_at_once_than_one_instance_lets_wait(now: Cloud) -> None:
    function = now.named("DispatchShard/Function")
    (mapping,) = [
        found.properties
        for found in now.resources("Lambda::EventSourceMapping")
        if "DispatchShard" in now.text(found.stack, found.properties["FunctionName"])
        and "Letters" not in now.text(found.stack, found.properties["EventSourceArn"])
    ]
    most = mapping["ScalingConfig"]["MaximumConcurrency"]
    server = Settings.from_env(now.only("SageMaker::Model").properties["PrimaryContainer"]["Environment"])
    assert 2 <= most <= server.invocations_max + server.waiting_max
    assert server.waiting_max == WAITING_MAX
    settings = DispatchShardSettings.from_env({**function.properties["Environment"]["Variables"], "X": ""} | _urls())
    assert EndpointMode(settings.endpoint_mode) is EndpointMode.REALTIME


def _urls() -> dict[str, str]:
    return {f"{name}_QUEUE_URL": "a queue" for name in ("DISPATCH", "RENDER", "FINISH", "COLLECT")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"instances_min": 0},
        {"invocation_timeout_s": 61},
        {"instances_max": 5},
        {"instances_min": 2, "instances_max": 1},
    ],
)
def test_an_endpoint_that_could_not_work_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"instance"):
        replace(realtime(EndpointPlan()), **wrong)
