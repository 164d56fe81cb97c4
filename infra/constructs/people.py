"""Who may sign in: people invited by an administrator, and machines that the stage names; it knows no API.

    people       the page and the command line share one client without a secret: a password, or the hosted pages with
                 an authorization code and PKCE (no code without its verifier, once a challenge was sent)
    machines     each has a client of its own with a secret, which trades it for a token (client credentials)

A token is good for the API when it has the API's scope; a machine's token has no other.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.plans import SignIn
from maskmill.core.identity import API_NAME, API_SCOPE_NAME

PASSWORD_CHARS_MIN = 12


def hosted_pages(prefix: str) -> str:
    """Where the pages to sign in on will lie: others are told of them before they are there."""
    return f"https://{_domain(prefix)}.auth.{cdk.Aws.REGION}.amazoncognito.com"


def _domain(prefix: str) -> str:
    """The name of the pages below Cognito's own: no other account may have the same one."""
    return f"{prefix}-{cdk.Aws.ACCOUNT_ID}"


class People(Construct):
    """A user pool without sign-up, with pages to sign in on, the client of people and those of machines."""

    def __init__(self, scope: Construct, name: str, *, sign_in: SignIn, prefix: str, is_disposable: bool) -> None:
        super().__init__(scope, name)
        self.pool = _pool(self, is_disposable=is_disposable)
        self.domain = self.pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=_domain(prefix))
        )
        self._scope = _api_scope(self.pool)
        self.client = self._people_client(sign_in)
        self.machines = {machine: self._machine_client(machine) for machine in sign_in.machines}

    @property
    def clients(self) -> list[cognito.IUserPoolClient]:
        """All whose tokens open the API."""
        return [self.client, *self.machines.values()]

    def _people_client(self, sign_in: SignIn) -> cognito.UserPoolClient:
        return self.pool.add_client(
            "Client",
            auth_flows=cognito.AuthFlow(user_password=True, user_srp=True),
            generate_secret=False,
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            read_attributes=_attributes(),
            write_attributes=_attributes(),  # without a word, whatever attribute there will ever be
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, self._scope],
                callback_urls=list(sign_in.callback_urls),
                logout_urls=list(sign_in.logout_urls),
            ),
            access_token_validity=cdk.Duration.hours(1),
            id_token_validity=cdk.Duration.hours(1),
            refresh_token_validity=cdk.Duration.days(30),
        )

    def _machine_client(self, name: str) -> cognito.UserPoolClient:
        """Its secret is Cognito's to keep: no output and no template ever shows it."""
        client = self.pool.add_client(
            f"Machine-{name}",
            generate_secret=True,
            enable_token_revocation=True,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True, authorization_code_grant=False),
                scopes=[self._scope],
            ),
            access_token_validity=cdk.Duration.hours(1),
        )
        child = client.node.default_child
        if isinstance(child, cognito.CfnUserPoolClient):
            child.explicit_auth_flows = ["ALLOW_REFRESH_TOKEN_AUTH"]  # without a word, people could sign in through it
        return client


def _attributes() -> cognito.ClientAttributes:
    """What people may know and change of themselves; none of it says whose data they see."""
    return cognito.ClientAttributes().with_standard_attributes(email=True)


def _pool(scope: Construct, *, is_disposable: bool) -> cognito.UserPool:
    return cognito.UserPool(
        scope,
        "Pool",
        self_sign_up_enabled=False,
        sign_in_aliases=cognito.SignInAliases(email=True),
        sign_in_case_sensitive=False,
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        mfa=cognito.Mfa.OPTIONAL,
        mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
        password_policy=cognito.PasswordPolicy(
            min_length=PASSWORD_CHARS_MIN,
            require_lowercase=True,
            require_uppercase=True,
            require_digits=True,
            require_symbols=True,
            temp_password_validity=cdk.Duration.days(3),
        ),
        deletion_protection=not is_disposable,
        removal_policy=cdk.RemovalPolicy.DESTROY if is_disposable else cdk.RemovalPolicy.RETAIN,
    )


def _api_scope(pool: cognito.UserPool) -> cognito.OAuthScope:
    """The one scope of the API, as Cognito knows it."""
    scope = cognito.ResourceServerScope(scope_name=API_SCOPE_NAME, scope_description="Use the API")
    server = pool.add_resource_server("Api", identifier=API_NAME, scopes=[scope])
    return cognito.OAuthScope.resource_server(server, scope)
