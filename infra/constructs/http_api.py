"""The door: an HTTP API with a limit and a log, and the routes through it; it knows no resource behind it.

They are two constructs because two stacks hold them: the distribution needs the door's address, and the client that
the routes admit needs the distribution's.
"""

from __future__ import annotations

import json

import aws_cdk as cdk
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


class Door(Construct):
    """An HTTP API without routes. The page shares its origin, so no other origin is admitted (no CORS)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, log: logs.ILogGroup, rate: int, burst: int
    ) -> None:
        super().__init__(scope, construct_id)
        self._api = apigateway.HttpApi(self, "Api", api_name=name, create_default_stage=False)
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=self._api.api_id,
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
    def api_id(self) -> str:
        return self._api.api_id

    @property
    def host(self) -> str:
        """The gateway's own name for it."""
        stack = cdk.Stack.of(self)
        return f"{self.api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    @property
    def url(self) -> str:
        """The base of all paths, without a slash at its end."""
        return f"https://{self.host}{BASE}"


class Routes(Construct):
    """What goes through a door to one function: some paths openly, all others for people who signed in."""

    def __init__(
        self, scope: Construct, construct_id: str, *, door: Door, function: lambda_.IFunction, people: People
    ) -> None:
        super().__init__(scope, construct_id)
        # By its id alone: an authorizer is made below the API that it is for, and belongs to the stack of its people.
        self._api = apigateway.HttpApi.from_http_api_attributes(self, "Api", http_api_id=door.api_id)
        self._function = integrations.HttpLambdaIntegration(
            "Function", function, payload_format_version=apigateway.PayloadFormatVersion.VERSION_2_0
        )
        signed_in = authorizers.HttpUserPoolAuthorizer("SignedIn", people.pool, user_pool_clients=people.clients)
        self._route(apigateway.HttpMethod.ANY, f"{BASE}/{{proxy+}}", signed_in)
        for path in OPEN_PATHS:
            self._route(apigateway.HttpMethod.GET, path, None)

    def _route(
        self, method: apigateway.HttpMethod, path: str, authorizer: apigateway.IHttpRouteAuthorizer | None
    ) -> None:
        apigateway.HttpRoute(
            self,
            f"{method.value}{path}",
            http_api=self._api,
            route_key=apigateway.HttpRouteKey.with_(path, method),
            integration=self._function,
            authorizer=authorizer,
        )
