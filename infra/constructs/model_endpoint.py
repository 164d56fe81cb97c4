"""An endpoint of one model, asynchronous or realtime; it knows no shard and no mask.

The endpoint's name is fixed. Those of its model and configuration follow from what they say: a change gives new ones
beside those in use, the endpoint is updated in place, and only then the old ones go. The instance types are part of the
variant's name, because a variant that is registered for scaling cannot change them. The model server reads the store,
so its network is not isolated.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs import prefixes
from infra.constructs.network import PrivateNetwork
from infra.constructs.topics import AnswerTopics
from infra.plans import WAITING_MAX, EndpointPlan, Segmenter
from maskmill.core.settings import EndpointMode

MARGIN_S = 20  # the server gives up this long before the service gives up on it
STARTUP_S = 900  # pull and unpack of the weights; load onto the device
PROVISION_S = 900  # for an instance of one type to be had, before the next type is tried
NAME_DIGITS = 12
GPU_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"  # driver 580: torch's CUDA 13 does not run on the default's 535


class ModelEndpoint(Construct):
    """Model, configuration and endpoint. A new one starts with one instance: the service allows no fewer."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        plan: EndpointPlan,
        image_uri: str,
        role: iam.Role,
        work: s3.IBucket,
        topics: AnswerTopics,
        network: PrivateNetwork | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.variant_name = variant_name(plan.segmenter)
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            enable_network_isolation=False,
            vpc_config=network.config if network else None,
            primary_container=_container(plan, image_uri),
        )
        model.model_name = _named_by_content(model, f"{name}-{plan.segmenter.engine}")
        model.node.add_dependency(role, *([network] if network else []))  # with its rights, and the road to S3
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[_variant(plan, self.variant_name, model.attr_model_name)],
            async_inference_config=_async_config(plan, work, topics) if plan.mode is EndpointMode.ASYNC else None,
        )
        config.endpoint_config_name = _named_by_content(config, f"{name}-{plan.mode}", model.model_name)
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=name,
            endpoint_config_name=config.attr_endpoint_config_name,
            retain_all_variant_properties=True,  # a new model must not wake an instance
        )


def variant_name(segmenter: Segmenter) -> str:
    """For example `ml-g5-xlarge`, or `ml-g6-xlarge-g5-xlarge` of two types."""
    return "ml-" + "-".join(one.removeprefix("ml.").replace(".", "-") for one in segmenter.instance_types)


def _named_by_content(resource: cdk.CfnResource, prefix: str, *more: str) -> str:
    """A name that is another one as soon as anything in the resource is, because its kind cannot be changed.

    What it refers to counts by its logical id: a bucket, role or subnet that is replaced needs a new one.
    """
    content = cdk.Stack.of(resource).resolve(resource._cfn_properties)
    digest = hashlib.sha256(json.dumps([content, *more], sort_keys=True).encode()).hexdigest()
    return f"{prefix.replace('.', '-')}-{digest[:NAME_DIGITS]}"


def _container(plan: EndpointPlan, image_uri: str) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    environment = {
        **plan.segmenter.to_env(),
        **({"DEVICE": "cuda"} if plan.segmenter.has_gpu else {}),  # never quietly on the processor beside it
        "INVOCATIONS_MAX": str(plan.invocations_per_instance),
        "WAITING_MAX": str(WAITING_MAX),
        "DEADLINE_S": str(plan.invocation_timeout_s - MARGIN_S),
    }
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        image=image_uri,
        environment=environment,
        model_data_source=None if plan.segmenter.weights is None else _weights(plan.segmenter.weights),
    )


def _weights(uri: str) -> sagemaker.CfnModel.ModelDataSourceProperty:
    """Plain files below a prefix: nothing to unpack on the way up."""
    source = sagemaker.CfnModel.S3DataSourceProperty(s3_uri=uri, s3_data_type="S3Prefix", compression_type="None")
    return sagemaker.CfnModel.ModelDataSourceProperty(s3_data_source=source)


def _variant(plan: EndpointPlan, name: str, model_name: str) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=name,
        model_name=model_name,
        initial_instance_count=max(1, plan.instances_min),
        initial_variant_weight=1,
        container_startup_health_check_timeout_in_seconds=STARTUP_S,
        inference_ami_version=GPU_AMI if plan.segmenter.has_gpu else None,
        **_instances(plan.segmenter.instance_types),
    )


def _instances(types: tuple[str, ...]) -> dict[str, Any]:
    """One type, or pools of several: the first, and those that stand in while it is not to be had."""
    if len(types) == 1:
        return {"instance_type": types[0]}
    parts = sagemaker.CfnEndpointConfig
    return {
        "instance_pools": [
            parts.InstancePoolProperty(instance_type=one, priority=priority) for priority, one in enumerate(types, 1)
        ],
        "variant_instance_provision_timeout_in_seconds": PROVISION_S,
        "routing_config": parts.RoutingConfigProperty(routing_strategy="LEAST_OUTSTANDING_REQUESTS"),
    }


def _async_config(
    plan: EndpointPlan, work: s3.IBucket, topics: AnswerTopics
) -> sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty:
    """Both topics and a failure path: without them a failure of the platform would be silent."""
    parts = sagemaker.CfnEndpointConfig
    return parts.AsyncInferenceConfigProperty(
        client_config=parts.AsyncInferenceClientConfigProperty(
            max_concurrent_invocations_per_instance=plan.invocations_per_instance
        ),
        output_config=parts.AsyncInferenceOutputConfigProperty(
            s3_output_path=work.s3_url_for_object(prefixes.ANSWERS_FOLDER),
            s3_failure_path=work.s3_url_for_object(prefixes.FAILURES_FOLDER),
            notification_config=parts.AsyncInferenceNotificationConfigProperty(
                success_topic=topics.success.topic_arn, error_topic=topics.error.topic_arn
            ),
        ),
    )
