from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_sagemaker as sagemaker

from inference_container.settings import Settings
from infra.config import STAGES
from infra.constructs.scale_to_zero import ScaleToZero
from infra.plans import EndpointPlan
from maskmill.core.limits import SHARD_ITEMS_MAX
from tests.unit.infra.cloud import Cloud


def policies(cloud: Cloud) -> dict[str, dict[str, Any]]:
    return {
        found.name.removeprefix("Scaling/"): found.properties
        for found in cloud.resources("ApplicationAutoScaling::ScalingPolicy")
    }


def dimensions(metric: dict[str, Any]) -> dict[str, str]:
    return {found["Name"]: found["Value"] for found in metric["Dimensions"]}


def test_every_scaling_metric_has_the_endpoint_as_its_only_dimension(cloud: Cloud) -> None:
    tracked = policies(cloud)["FollowBacklog"]["TargetTrackingScalingPolicyConfiguration"]
    alarms = [alarm.properties for alarm in cloud.resources("CloudWatch::Alarm") if alarm.name.startswith("Scaling/")]
    metrics = [tracked["CustomizedMetricSpecification"], *alarms]
    assert [metric["MetricName"] for metric in metrics] == [
        "ApproximateBacklogSizePerInstance",
        "HasBacklogWithoutCapacity",
        "ApproximateBacklogSize",
    ]
    for metric in metrics:
        assert metric["Namespace"] == "AWS/SageMaker"
        assert dimensions(metric) == {"EndpointName": f"maskmill-{cloud.stage}"}


def test_the_endpoint_may_go_to_zero(cloud: Cloud) -> None:
    target = cloud.only("ApplicationAutoScaling::ScalableTarget").properties
    config = cloud.only("SageMaker::EndpointConfig").properties
    (variant,) = config["ProductionVariants"]
    assert target["MinCapacity"] == 0
    assert target["MaxCapacity"] == STAGES[cloud.stage].endpoint.instances_max
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert target["ResourceId"] == f"endpoint/maskmill-{cloud.stage}/variant/{variant['VariantName']}"
    assert cloud.only("SageMaker::Endpoint").properties["EndpointName"] == f"maskmill-{cloud.stage}"


def test_one_waiting_request_wakes_an_instance_within_a_minute(cloud: Cloud) -> None:
    alarm = cloud.named("Scaling/WakeAlarm").properties
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Statistic"]) == (60, 1, "Maximum")
    wake = policies(cloud)["Wake"]["StepScalingPolicyConfiguration"]
    assert wake["AdjustmentType"] == "ChangeInCapacity"
    assert wake["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]


def test_no_instance_is_taken_away_while_anything_waits_or_runs(cloud: Cloud) -> None:
    tracked = policies(cloud)["FollowBacklog"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["DisableScaleIn"] is True
    assert tracked["TargetValue"] == 1
    idle = cloud.named("Scaling/IdleAlarm").properties
    assert (idle["ComparisonOperator"], idle["Threshold"]) == ("LessThanThreshold", 1)
    assert idle["TreatMissingData"] == "missing"
    assert idle["EvaluationPeriods"] == STAGES[cloud.stage].endpoint.idle_min
    sleep = policies(cloud)["Sleep"]["StepScalingPolicyConfiguration"]
    assert sleep["AdjustmentType"] == "ExactCapacity"
    assert sleep["StepAdjustments"] == [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}]


@pytest.mark.parametrize("least", [0, 1])
def test_what_is_idle_goes_back_to_the_least_of_the_stage(least: int) -> None:
    stack = cdk.Stack(cdk.App(analytics_reporting=False), "Stack")
    endpoint = sagemaker.CfnEndpoint(stack, "Endpoint", endpoint_config_name="config")
    plan = EndpointPlan(instances_min=least, instances_max=3)
    ScaleToZero(stack, "Scaling", endpoint=endpoint, endpoint_name="e", variant_name="v", plan=plan)
    template = assertions.Template.from_stack(stack)
    target = {"MinCapacity": least, "MaxCapacity": 3, "ResourceId": "endpoint/e/variant/v"}
    template.has_resource(
        "AWS::ApplicationAutoScaling::ScalableTarget", {"Properties": target, "DependsOn": ["Endpoint"]}
    )
    steps = {"AdjustmentType": "ExactCapacity", "StepAdjustments": [{"ScalingAdjustment": least}]}
    template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy", {"StepScalingPolicyConfiguration": steps}
    )


def test_failures_are_never_silent(cloud: Cloud) -> None:
    config = cloud.only("SageMaker::EndpointConfig")
    output = config.properties["AsyncInferenceConfig"]["OutputConfig"]
    assert cloud.text(config.stack, output["S3OutputPath"]) == "s3://<Work>/async"
    assert cloud.text(config.stack, output["S3FailurePath"]) == "s3://<Work>/async-failed"
    topics = output["NotificationConfig"]
    assert cloud.text(config.stack, topics["SuccessTopic"]) == "<Answers/Success>"
    assert cloud.text(config.stack, topics["ErrorTopic"]) == "<Answers/Error>"


def test_a_change_of_the_model_keeps_the_number_of_instances(cloud: Cloud) -> None:
    assert cloud.only("SageMaker::Endpoint").properties["RetainAllVariantProperties"] is True


def test_another_instance_type_is_another_variant(cloud: Cloud) -> None:
    (variant,) = cloud.only("SageMaker::EndpointConfig").properties["ProductionVariants"]
    assert variant["InstanceType"].replace(".", "-") in variant["VariantName"]
    assert variant["InitialInstanceCount"] == 1


def test_the_server_understands_its_environment_and_takes_what_it_is_given(cloud: Cloud) -> None:
    container = cloud.only("SageMaker::Model").properties["PrimaryContainer"]
    server = Settings.from_env(container["Environment"])
    plan = STAGES[cloud.stage].endpoint
    client = cloud.only("SageMaker::EndpointConfig").properties["AsyncInferenceConfig"]["ClientConfig"]
    assert client["MaxConcurrentInvocationsPerInstance"] == plan.invocations_per_instance == server.invocations_max
    assert server.deadline_s < plan.invocation_timeout_s


def test_shards_and_deadlines_are_what_the_service_accepts() -> None:
    for stage in STAGES.values():
        assert 1 <= stage.endpoint.shard_items <= SHARD_ITEMS_MAX
        assert 60 <= stage.endpoint.queue_life_s <= 21_600
        assert 1 <= stage.endpoint.invocation_timeout_s <= 3_600
