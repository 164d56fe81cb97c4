"""A realtime endpoint that follows its load between two numbers of instances and never sleeps; it knows no model.

A realtime endpoint refuses calls while it has no instance, so that it cannot be woken by them: its least is one.
"""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs.scale_to_zero import instances_of
from infra.plans import EndpointPlan

SCALE_IN_COOLDOWN_S = 300


class ScaleWithLoad(Construct):
    """Scaling of one variant of an endpoint by the requests that each instance has at once."""

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
        target = instances_of(self, endpoint, endpoint_name=endpoint_name, variant_name=variant_name, plan=plan)
        kinds = scaling.CfnScalingPolicy
        metric = kinds.PredefinedMetricSpecificationProperty(
            predefined_metric_type="SageMakerVariantConcurrentRequestsPerModelHighResolution"
        )
        scaling.CfnScalingPolicy(
            self,
            "FollowLoad",
            policy_name=f"{endpoint_name}-follow-load",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=kinds.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=plan.invocations_per_instance,
                predefined_metric_specification=metric,
                scale_in_cooldown=SCALE_IN_COOLDOWN_S,
                scale_out_cooldown=60,
            ),
        )
