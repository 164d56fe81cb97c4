"""What lets one repository's workflows deploy one stage without a key: an identity provider and a role.

GitHub signs a token for each run that says which repository and which environment it is for. The role is for exactly
one of each, so who may deploy is said by the environment's own rules: its branches and its reviewers.
"""

from __future__ import annotations

import re

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.context import BadConfiguration

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
QUALIFIER = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
STEPS = ("deploy", "file-publishing", "image-publishing", "lookup")  # the roles that `cdk bootstrap` makes for them
SESSION_HOURS = 2  # an image with CUDA takes most of an hour to build and send
_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")


class TrustStack(cdk.Stack):
    """The role takes on those that `cdk bootstrap` made, and can do nothing by itself.

    An account has one provider for an issuer: `provider_arn` is that of one that is there already.
    """

    def __init__(
        self, scope: Construct, name: str, *, repository: str, environment: str, provider_arn: str | None = None
    ) -> None:
        super().__init__(scope, name, description=f"Maskmill: who may deploy {environment}")
        if not _REPOSITORY.fullmatch(repository):
            raise BadConfiguration(f"a repository is OWNER/NAME: {repository!r}")
        provider = provider_arn or self._provider()
        role = iam.Role(
            self,
            "Deployer",
            role_name=f"maskmill-{environment}-deployer",
            description=f"Workflows of {repository} in the environment {environment}",
            max_session_duration=cdk.Duration.hours(SESSION_HOURS),
            assumed_by=iam.WebIdentityPrincipal(
                provider,
                {
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": f"repo:{repository}:environment:{environment}",
                    }
                },
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[self._step(step) for step in STEPS])
        )
        cdk.CfnOutput(self, "DeployerArn", value=role.role_arn)
        cdk.CfnOutput(self, "ProviderArn", value=provider)

    def _provider(self) -> str:
        made = iam.OidcProviderNative(
            self,
            "GitHub",
            url=f"https://{ISSUER}",
            client_ids=[AUDIENCE],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        return made.oidc_provider_arn

    def _step(self, step: str) -> str:
        return self.format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name=f"cdk-{QUALIFIER}-{step}-role-{self.account}-{self.region}",
        )
