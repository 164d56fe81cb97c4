"""An asynchronous endpoint of one model: requests and answers lie in the store; it knows no shard and no mask.

The endpoint's name is fixed; the names of its model and configuration are not, so that a change of them replaces
them under the running endpoint. The instance type is part of the variant's name, because a variant that is
registered for scaling cannot change its type. The model server reads the store, so its network is not isolated.
"""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs import prefixes
from infra.constructs.topics import AnswerTopics
from infra.plans import EndpointPlan

MARGIN_S = 20  # the server gives up this long before the service gives up on it
STARTUP_S = 900  # pull and unpack of the weights; load onto the device


class AsyncEndpoint(Construct):
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
    ) -> None:
        super().__init__(scope, construct_id)
        self.variant_name = plan.segmenter.instance_type.replace(".", "-")
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            enable_network_isolation=False,
            primary_container=_container(plan, image_uri),
        )
        model.node.add_dependency(role)
        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[_variant(plan, self.variant_name, model.attr_model_name)],
            async_inference_config=_async_config(plan, work, topics),
        )
        self.endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=name,
            endpoint_config_name=config.attr_endpoint_config_name,
            retain_all_variant_properties=True,  # a new model must not wake an instance
        )


def _container(plan: EndpointPlan, image_uri: str) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    environment = {
        **plan.segmenter.to_env(),
        "INVOCATIONS_MAX": str(plan.invocations_per_instance),
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
        instance_type=plan.segmenter.instance_type,
        initial_instance_count=1,
        initial_variant_weight=1,
        container_startup_health_check_timeout_in_seconds=STARTUP_S,
    )


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
