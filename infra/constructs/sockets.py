"""The door for sockets: one function lets clients in and hears them, others send to them; it knows no message.

The gateway keeps no log of its own here: for sockets it would write with a role that belongs to the whole account, and
the function's log says who came and went.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

STAGE = "live"  # the path under which clients connect
ROUTES = ("$connect", "$disconnect", "$default")


class Sockets(Construct):
    """A WebSocket API of one stage. Admission is by what $connect is told, since browsers send no headers of theirs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, base: str | None, rate: int, burst: int
    ) -> None:
        super().__init__(scope, construct_id)
        self._base = base
        self._rate, self._burst = rate, burst
        self.api = apigateway.CfnApi(
            self,
            "Api",
            name=name,
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.type",
        )

    def served_by(self, function: lambda_.IFunction) -> None:
        """All that happens to a socket goes to this function."""
        stack = cdk.Stack.of(self)
        invocation = f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions"
        integration = apigateway.CfnIntegration(
            self,
            "Function",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=f"{invocation}/{function.function_arn}/invocations",
        )
        stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name=STAGE,
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=self._rate, throttling_burst_limit=self._burst
            ),
        )
        for key in ROUTES:
            route = apigateway.CfnRoute(
                self,
                key.strip("$").capitalize(),
                api_id=self.api.ref,
                route_key=key,
                authorization_type="NONE",
                target=f"integrations/{integration.ref}",
            )
            stage.add_dependency(route)
        lambda_.CfnPermission(
            self,
            "MayInvoke",
            action="lambda:InvokeFunction",
            function_name=function.function_name,
            principal="apigateway.amazonaws.com",
            source_arn=self._arn(f"{STAGE}/*"),
        )

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self._address("wss") if self._base is None else self._address("").replace("http", "ws", 1)

    @property
    def sending_url(self) -> str:
        """Where the gateway takes what is to be sent to a socket."""
        return self._address("https")

    def send(self, *methods: str) -> iam.PolicyStatement:
        """What is asked of open sockets: POST sends to one, DELETE ends it."""
        arns = [self._arn(f"{STAGE}/{method}/@connections/*") for method in methods]
        return iam.PolicyStatement(actions=["execute-api:ManageConnections"], resources=arns)

    def _address(self, scheme: str) -> str:
        if self._base is not None:
            return f"{self._base}/{self.api.ref}/{STAGE}"
        stack = cdk.Stack.of(self)
        return f"{scheme}://{self.api.ref}.execute-api.{stack.region}.{stack.url_suffix}/{STAGE}"

    def _arn(self, rest: str) -> str:
        return cdk.Stack.of(self).format_arn(service="execute-api", resource=self.api.ref, resource_name=rest)
