"""A small stack with every construct that Maskmill leans on, deployed by the tests of the local cloud."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

FUNCTIONS = str(Path(__file__).parent / "functions")
ORIGIN = "http://localhost:5173"


class ScratchStack(cdk.Stack):
    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name, env=cdk.Environment(account="000000000000", region="us-east-1"))
        self.table = dynamodb.TableV2(
            self, "Table", partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at", removal_policy=cdk.RemovalPolicy.DESTROY,
        )  # fmt: skip
        self.media = s3.Bucket(
            self, "Media", enforce_ssl=True, block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            cors=[s3.CorsRule(allowed_methods=[s3.HttpMethods.POST], allowed_origins=[ORIGIN], allowed_headers=["*"])],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )  # fmt: skip
        self.uploads()
        self.endpoint()
        self.api()
        self.schedule()

    def function(self, name: str, handler: str, **environment: str) -> lambda_.Function:
        return lambda_.Function(
            self, name, runtime=lambda_.Runtime.PYTHON_3_13, handler=f"handlers.{handler}", timeout=cdk.Duration.seconds(10),
            code=lambda_.Code.from_asset(FUNCTIONS), environment={"TABLE": self.table.table_name, **environment},
        )  # fmt: skip

    def uploads(self) -> None:
        """Presigned POST → bucket → notification → queue → function with partial batch responses → table."""
        dead = sqs.Queue(self, "IngestDead")
        queue = sqs.Queue(
            self, "Ingest", visibility_timeout=cdk.Duration.seconds(2),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=2),
        )  # fmt: skip
        self.media.add_event_notification(
            s3.EventType.OBJECT_CREATED,
            notifications.SqsDestination(queue),
            s3.NotificationKeyFilter(prefix="uploads/"),
        )
        function = self.function("IngestFunction", "ingest")
        self.table.grant_read_write_data(function)
        function.add_event_source(
            sources.SqsEventSource(queue, batch_size=10, report_batch_item_failures=True, max_concurrency=2)
        )
        cdk.CfnOutput(self, "DeadQueueUrl", value=dead.queue_url)
        cdk.CfnOutput(self, "IngestName", value=function.function_name)

    def endpoint(self) -> None:
        """An async endpoint whose topics feed a queue, and a function that may invoke it and one that may not."""
        ok, failed = sns.Topic(self, "MasksReady"), sns.Topic(self, "MasksFailed")
        queue = sqs.Queue(self, "Collect")
        for topic in (ok, failed):
            topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
        role = iam.Role(self, "EndpointRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        self.media.grant_read(role, "shards/*")
        self.media.grant_put(role, "masks/*")
        ok.grant_publish(role)
        failed.grant_publish(role)
        model = sagemaker.CfnModel(
            self, "Model", execution_role_arn=role.role_arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image="000000000000.dkr.ecr.us-east-1.amazonaws.com/model:1", environment={"MASKMILL_ENGINE": "classic"}
            ),
        )  # fmt: skip
        config = sagemaker.CfnEndpointConfig(
            self, "EndpointConfig",
            production_variants=[sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name="main", model_name=model.attr_model_name, instance_type="ml.g5.xlarge", initial_instance_count=1)],
            async_inference_config=sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty(
                client_config=sagemaker.CfnEndpointConfig.AsyncInferenceClientConfigProperty(max_concurrent_invocations_per_instance=2),
                output_config=sagemaker.CfnEndpointConfig.AsyncInferenceOutputConfigProperty(
                    s3_output_path=self.media.s3_url_for_object("masks/out"),
                    s3_failure_path=self.media.s3_url_for_object("masks/failed"),
                    notification_config=sagemaker.CfnEndpointConfig.AsyncInferenceNotificationConfigProperty(
                        success_topic=ok.topic_arn, error_topic=failed.topic_arn))),
        )  # fmt: skip
        endpoint = sagemaker.CfnEndpoint(self, "Endpoint", endpoint_config_name=config.attr_endpoint_config_name)
        allowed = self.function("Dispatch", "dispatch", ENDPOINT=endpoint.attr_endpoint_name)
        self.function("Stranger", "dispatch", ENDPOINT=endpoint.attr_endpoint_name)
        allowed.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:InvokeEndpointAsync"], resources=[endpoint.ref])
        )
        cdk.CfnOutput(self, "EndpointName", value=endpoint.attr_endpoint_name)
        cdk.CfnOutput(self, "CollectUrl", value=queue.queue_url)
        cdk.CfnOutput(self, "DispatchName", value=allowed.function_name)
        cdk.CfnOutput(self, "StrangerName", value=self.node.find_child("Stranger").function_name)  # type: ignore[attr-defined]

    def api(self) -> None:
        """HTTP API with a JWT authorizer on a user pool; the function signs uploads and echoes the claims."""
        pool = cognito.UserPool(self, "People", removal_policy=cdk.RemovalPolicy.DESTROY)
        client = pool.add_client("Command", auth_flows=cognito.AuthFlow(user_password=True))
        function = self.function("Api", "api", BUCKET=self.media.bucket_name)
        self.media.grant_put(function, "uploads/*")
        api = apigwv2.HttpApi(
            self, "HttpApi",
            cors_preflight=apigwv2.CorsPreflightOptions(
                allow_origins=[ORIGIN], allow_methods=[apigwv2.CorsHttpMethod.ANY], allow_headers=["authorization"]),
            default_authorizer=authorizers.HttpUserPoolAuthorizer("Jwt", pool, user_pool_clients=[client]),
        )  # fmt: skip
        api.add_routes(path="/api/v1/{proxy+}", integration=integrations.HttpLambdaIntegration("Integration", function))
        cdk.CfnOutput(self, "ApiId", value=api.api_id)
        cdk.CfnOutput(self, "PoolId", value=pool.user_pool_id)
        cdk.CfnOutput(self, "ClientId", value=client.user_pool_client_id)
        cdk.CfnOutput(self, "MediaName", value=self.media.bucket_name)
        cdk.CfnOutput(self, "TableName", value=self.table.table_name)

    def schedule(self) -> None:
        sweep = self.function("Sweep", "sweep")
        self.table.grant_read_write_data(sweep)
        events.Rule(
            self,
            "Every",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[targets.LambdaFunction(sweep)],
        )


app = cdk.App()
ScratchStack(app, "Scratch")
app.synth()
