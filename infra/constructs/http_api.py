"""The door: one route for people who signed in, a few open ones, a limit and a log; it knows no resource behind it."""

from __future__ import annotations

import json

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.people import People

BASE = "/api/v1"
OPEN_PATHS = tuple(
    f"{BASE}/{name}"
    for name in (
        "health",
        "limits",
        "openapi.json",
        "docs",
        "docs/start.js",
        "docs/swagger-ui.js",
        "docs/swagger-ui.css",
    )
)

LOGGED = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "response_bytes": "$context.responseLength",
    "subject": "$context.authorizer.claims.sub",
    "error": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    """An HTTP API in front of one function. The page shares its origin, so no other origin is admitted (no CORS)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function: lambda_.IFunction,
        people: People,
        log: logs.ILogGroup,
        rate: int,
        burst: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(self, "Api", api_name=name, create_default_stage=False)
        integration = integrations.HttpLambdaIntegration(
            "Function", function, payload_format_version=apigateway.PayloadFormatVersion.VERSION_2_0
        )
        signed_in = authorizers.HttpUserPoolAuthorizer("SignedIn", people.pool, user_pool_clients=people.clients)
        self.api.add_routes(
            path=f"{BASE}/{{proxy+}}",
            methods=[apigateway.HttpMethod.ANY],
            integration=integration,
            authorizer=signed_in,
        )
        for path in OPEN_PATHS:
            self.api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration)
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=rate, throttling_burst_limit=burst
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
            ),
        )

    @property
    def url(self) -> str:
        """The base of all paths, without a slash at its end."""
        return f"{self.api.api_endpoint}{BASE}"
