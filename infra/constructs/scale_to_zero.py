"""An endpoint that costs nothing while nobody works: from 0 instances to N and back; it knows no model.

    first request        a backlog without an instance wakes one (within a minute, plus the instance's start)
    more requests        one instance for each piece of work, up to the maximum
    nothing left         after some idle minutes all instances go but the least, by an alarm of our own

The tracking policy never scales in: it would call "less than a full backlog per instance" idle, and could take an
instance away in the middle of its work. Our own alarm waits until nothing is queued or in process.

All three metrics carry the dimension EndpointName alone; with a variant name beside it they would never fire.
"""

from __future__ import annotations

from typing import TypedDict

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.plans import EndpointPlan

NAMESPACE = "AWS/SageMaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
BACKLOG_PER_INSTANCE = 1
WAKE_COOLDOWN_S = 300  # an instance that is starting must not be taken for none


class Watched(TypedDict):
    """What an alarm looks at."""

    namespace: str
    metric_name: str
    dimensions: list[cloudwatch.CfnAlarm.DimensionProperty]
    statistic: str
    period: int


def instances_of(
    scope: Construct, endpoint: sagemaker.CfnEndpoint, *, endpoint_name: str, variant_name: str, plan: EndpointPlan
) -> scaling.CfnScalableTarget:
    """The number of instances of a variant, as something that is scaled; it is let go before the endpoint is."""
    target = scaling.CfnScalableTarget(
        scope,
        "Target",
        service_namespace="sagemaker",
        scalable_dimension=DIMENSION,
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        min_capacity=plan.instances_min,
        max_capacity=plan.instances_max,
    )
    target.add_resource_dependency(endpoint)
    return target


class ScaleToZero(Construct):
    """Scaling of one variant of an endpoint by what waits for it."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        endpoint: sagemaker.CfnEndpoint,
        endpoint_name: str,
        variant_name: str,
        plan: EndpointPlan,
    ) -> None:
        super().__init__(scope, name)
        self._endpoint_name = endpoint_name
        self._target = instances_of(self, endpoint, endpoint_name=endpoint_name, variant_name=variant_name, plan=plan)
        self._follow_backlog()
        self._wake()
        self._sleep(plan)

    def _follow_backlog(self) -> None:
        kinds = scaling.CfnScalingPolicy
        metric = kinds.CustomizedMetricSpecificationProperty(
            namespace=NAMESPACE,
            metric_name="ApproximateBacklogSizePerInstance",
            dimensions=[kinds.MetricDimensionProperty(name="EndpointName", value=self._endpoint_name)],
            statistic="Average",
        )
        scaling.CfnScalingPolicy(
            self,
            "FollowBacklog",
            policy_name=f"{self._endpoint_name}-follow-backlog",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self._target.ref,
            target_tracking_scaling_policy_configuration=kinds.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=BACKLOG_PER_INSTANCE,
                customized_metric_specification=metric,
                disable_scale_in=True,
                scale_out_cooldown=60,
            ),
        )

    def _wake(self) -> None:
        """+1 as soon as something waits and there is no instance."""
        step = scaling.CfnScalingPolicy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)
        policy = self._steps("Wake", "ChangeInCapacity", step, cooldown_s=WAKE_COOLDOWN_S)
        cloudwatch.CfnAlarm(
            self,
            "WakeAlarm",
            **self._watched("HasBacklogWithoutCapacity"),
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.ref],
        )

    def _sleep(self, plan: EndpointPlan) -> None:
        """To the least when nothing was queued or in process for some minutes; a gap in the metric is no idleness."""
        step = scaling.CfnScalingPolicy.StepAdjustmentProperty(
            metric_interval_upper_bound=0, scaling_adjustment=plan.instances_min
        )
        policy = self._steps("Sleep", "ExactCapacity", step, cooldown_s=60)
        cloudwatch.CfnAlarm(
            self,
            "IdleAlarm",
            **self._watched("ApproximateBacklogSize"),
            threshold=1,
            comparison_operator="LessThanThreshold",
            evaluation_periods=plan.idle_min,
            treat_missing_data="missing",
            alarm_actions=[policy.ref],
        )

    def _steps(
        self,
        name: str,
        adjustment: str,
        step: scaling.CfnScalingPolicy.StepAdjustmentProperty,
        *,
        cooldown_s: int,
    ) -> scaling.CfnScalingPolicy:
        return scaling.CfnScalingPolicy(
            self,
            name,
            policy_name=f"{self._endpoint_name}-{name.lower()}",
            policy_type="StepScaling",
            scaling_target_id=self._target.ref,
            step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type=adjustment,
                cooldown=cooldown_s,
                metric_aggregation_type="Maximum",
                step_adjustments=[step],
            ),
        )

    def _watched(self, metric_name: str) -> Watched:
        """The largest value of each minute of a metric of this endpoint."""
        return Watched(
            namespace=NAMESPACE,
            metric_name=metric_name,
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=self._endpoint_name)],
            statistic="Maximum",
            period=60,
        )
