"""Who may sign in: people invited by an administrator, and machines that the stage names; it knows no API.

    people       the page and the command line share one client without a secret: a password, or the hosted pages with
                 an authorization code and PKCE (no code without its verifier, once a challenge was sent)
    machines     each has a client of its own with a secret, which trades it for a token (client credentials)

A token is good for the API when it has the API's scope; a machine's token has no other. A person's token names the
person's groups, which only an administrator of the pool gives; a machine's token never names any.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from infra.plans import Mfa, SignIn
from maskmill.core.identity import API_NAME, API_SCOPE_NAME, Group

PASSWORD_CHARS_MIN = 12
INVITATION_DAYS = 3
MFA = {Mfa.OFF: cognito.Mfa.OFF, Mfa.OPTIONAL: cognito.Mfa.OPTIONAL, Mfa.REQUIRED: cognito.Mfa.REQUIRED}
ABOUT = {Group.ADMIN: "May stop and resume what costs money", Group.MEMBER: "May use the service"}


def hosted_pages(prefix: str) -> str:
    """Where the pages to sign in on will lie: others are told of them before they are there."""
    return f"https://{_domain(prefix)}.auth.{cdk.Aws.REGION}.amazoncognito.com"


def _domain(prefix: str) -> str:
    """The name of the pages below Cognito's own: no other account may have the same one."""
    return f"{prefix}-{cdk.Aws.ACCOUNT_ID}"


class People(Construct):
    """A user pool without sign-up, with pages to sign in on, the client of people and those of machines.

    `home` is where the page is, which an invitation names.
    """

    def __init__(
        self, scope: Construct, name: str, *, sign_in: SignIn, home: str, prefix: str, is_disposable: bool
    ) -> None:
        super().__init__(scope, name)
        self.pool = _pool(self, mfa=sign_in.mfa, home=home, is_disposable=is_disposable)
        self.domain = self.pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(domain_prefix=_domain(prefix)),
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
        )
        self._scope = _api_scope(self.pool)
        self.client = self._people_client(sign_in)
        self._style(self.client)
        for precedence, group in enumerate(Group):
            self.pool.add_group(
                f"Group-{group.value}", group_name=group.value, description=ABOUT[group], precedence=precedence
            )
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

    def _style(self, client: cognito.UserPoolClient) -> None:
        """Cognito's own style: without a word on it, its pages say that they are not available."""
        cognito.CfnManagedLoginBranding(
            self,
            "Pages",
            user_pool_id=self.pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
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


def _pool(scope: Construct, *, mfa: Mfa, home: str, is_disposable: bool) -> cognito.UserPool:
    return cognito.UserPool(
        scope,
        "Pool",
        self_sign_up_enabled=False,
        sign_in_aliases=cognito.SignInAliases(email=True),
        sign_in_case_sensitive=False,
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        feature_plan=cognito.FeaturePlan.ESSENTIALS,
        mfa=MFA[mfa],
        mfa_second_factor=None if mfa is Mfa.OFF else cognito.MfaSecondFactor(otp=True, sms=False),
        user_invitation=_invitation(home),
        password_policy=cognito.PasswordPolicy(
            min_length=PASSWORD_CHARS_MIN,
            require_lowercase=True,
            require_uppercase=True,
            require_digits=True,
            require_symbols=True,
            temp_password_validity=cdk.Duration.days(INVITATION_DAYS),
        ),
        deletion_protection=not is_disposable,
        removal_policy=cdk.RemovalPolicy.DESTROY if is_disposable else cdk.RemovalPolicy.RETAIN,
    )


def _invitation(home: str) -> cognito.UserInvitationConfig:
    """What somebody reads who was invited; Cognito fills in the name and the password."""
    return cognito.UserInvitationConfig(
        email_subject="You are invited to Maskmill",
        email_body=(
            f'<p>You may use Maskmill at <a href="{home}">{home}</a>.</p>'
            "<p>Sign in as {username} with the password {####}<br>"
            f"within {INVITATION_DAYS} days; you then choose your own.</p>"
        ),
    )


def _api_scope(pool: cognito.UserPool) -> cognito.OAuthScope:
    """The one scope of the API, as Cognito knows it."""
    scope = cognito.ResourceServerScope(scope_name=API_SCOPE_NAME, scope_description="Use the API")
    server = pool.add_resource_server("Api", identifier=API_NAME, scopes=[scope])
    return cognito.OAuthScope.resource_server(server, scope)
