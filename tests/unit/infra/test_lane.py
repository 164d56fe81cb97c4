"""The interactive lane: the model server's image in a function, bounded by what somebody waits for."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk

from inference_container.settings import Settings
from infra import shapes
from infra.app import build
from infra.config import STAGES
from infra.constructs import lane
from infra.context import chosen
from lambdas.aws import clients
from maskmill.core.limits import AUTOMASK_SIDE_MAX
from tests.unit.infra.cloud import Cloud

GATEWAY_S = 30


def lane_of(cloud: Cloud) -> dict[str, Any]:
    return cloud.named("Lane/Function").properties


def variables(cloud: Cloud) -> dict[str, str]:
    found: dict[str, str] = lane_of(cloud)["Environment"]["Variables"]
    return found


def test_the_api_names_the_function_and_its_segmenter(cloud: Cloud) -> None:
    api = cloud.named("ServeApi/Function").properties["Environment"]["Variables"]
    stage = STAGES[cloud.stage]
    assert api["LANE_NAME"] == lane_of(cloud)["FunctionName"] == f"maskmill-{cloud.stage}-lane"
    assert api["LANE_SEGMENTER"] == stage.fast.version
    assert variables(cloud)["SEGMENTER"] == stage.fast.engine
    assert cloud.outputs()["LaneName"] == api["LANE_NAME"]


def test_the_server_in_it_understands_its_environment(cloud: Cloud) -> None:
    server = Settings.from_env(variables(cloud))
    assert server.engine is STAGES[cloud.stage].fast.engine
    assert server.threads is not None
    assert server.threads * lane.PROCESSOR_MB <= max(lane.PROCESSOR_MB, lane_of(cloud)["MemorySize"])
    assert server.embeddings_bytes_max < lane_of(cloud)["MemorySize"] * 1024 * 1024 / 4


def test_each_waits_longer_than_what_it_waits_for(cloud: Cloud) -> None:
    """The model ends, then the lane answers, then the API does, and the gateway is still there."""
    api = cloud.named("ServeApi/Function").properties
    assert Settings.from_env(variables(cloud)).deadline_s < clients.LANE_TIMEOUT_S
    assert clients.LANE_TIMEOUT_S + clients.CONNECT_TIMEOUT_S < api["Timeout"] == shapes.SERVE_API.timeout_s < GATEWAY_S
    assert lane_of(cloud)["Timeout"] > clients.LANE_TIMEOUT_S


def test_it_is_an_image_that_logs_like_every_function(cloud: Cloud) -> None:
    function = lane_of(cloud)
    assert function["PackageType"] == "Image"
    assert function["Architectures"] == ["x86_64"]
    assert "Handler" not in function
    log = cloud.text(cloud.named("Lane/Function").stack, function["LoggingConfig"]["LogGroup"]).strip("<>")
    group = cloud.named(log, "Logs::LogGroup").properties
    assert group["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"
    assert group["RetentionInDays"] == STAGES[cloud.stage].log_days


def test_the_laptop_builds_no_image_and_aws_builds_the_lanes_own(local: Cloud, prod: Cloud) -> None:
    assert lane_of(local)["Code"]["ImageUri"] == STAGES["local"].lane.image_uri
    assert "cdk-" in str(lane_of(prod)["Code"]["ImageUri"])
    model = prod.only("SageMaker::Model").properties["PrimaryContainer"]["Image"]
    assert lane_of(prod)["Code"]["ImageUri"] != model


def test_how_many_run_at_once_is_a_value_of_the_stage(cloud: Cloud) -> None:
    assert lane_of(cloud).get("ReservedConcurrentExecutions") == STAGES[cloud.stage].lane.most_at_once


def test_searches_are_bounded_by_what_the_lanes_engine_ends_in_time() -> None:
    weights = {"fast_weights": "s3://models/sam/"}
    for name in STAGES:
        slow, quick = chosen({"stage": name}), chosen({"stage": name, "fast": "sam-vit-b", **weights})
        assert 1 <= slow.lane_side_max < quick.lane_side_max <= AUTOMASK_SIDE_MAX


def test_weights_are_read_from_their_prefix_by_a_function_with_room_for_them() -> None:
    sha256 = "ab" * 32
    stage = chosen({"fast": "sam-vit-b", "fast_weights": "s3://models/sam", "fast_weights_sha256": sha256})
    app = cdk.App(analytics_reporting=False, context={"aws:cdk:bundling-stacks": []})
    build(app, stage)
    template = app.synth().get_stack_by_name("maskmill-dev-inference").template
    (function,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
    assert function["Properties"]["Environment"]["Variables"]["MODEL_DIR"] == "s3://models/sam/"
    assert function["Properties"]["EphemeralStorage"]["Size"] > 2000
    policies = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Policy"]
    (lanes,) = [one for one in policies if one["PolicyName"].startswith("LaneRole")]
    assert "s3:::models/sam/*" in str(lanes["PolicyDocument"])
