from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from infra.config import STAGES
from infra.constructs.people import People
from infra.context import BadConfiguration, chosen
from infra.plans import LOOPBACK
from lambdas.serve_api.routes import ROUTES
from maskmill.core.identity import API_SCOPE
from tests.unit.infra.cloud import Cloud, Resource


def of_door(cloud: Cloud, kind: str) -> list[Resource]:
    """The resources of the HTTP API; sockets have an API of their own."""
    ours = ("Door/", "Routes/")
    return [found for found in cloud.resources(f"ApiGatewayV2::{kind}") if found.name.startswith(ours)]


def home(cloud: Cloud) -> str:
    """Where the page is."""
    return {"local": "https://maskmill.localhost/"}.get(cloud.stage, "https://<Web/Distribution.DomainName>/")


def test_every_path_needs_a_signed_in_person_except_the_public_ones(cloud: Cloud) -> None:
    routes = {route.properties["RouteKey"]: route.properties for route in of_door(cloud, "Route")}
    public = {f"GET /api/v1{route.path}" for route in ROUTES if route.is_public}
    assert set(routes) == {"ANY /api/v1/{proxy+}"} | public
    assert routes["ANY /api/v1/{proxy+}"]["AuthorizationType"] == "JWT"
    assert {routes[key]["AuthorizationType"] for key in public} == {"NONE"}


def test_tokens_are_those_of_our_pool_and_its_clients(cloud: Cloud) -> None:
    authorizer = cloud.only("ApiGatewayV2::Authorizer")
    jwt = authorizer.properties["JwtConfiguration"]
    clients = {f"<{client.name}>" for client in cloud.resources("Cognito::UserPoolClient")}
    assert set(cloud.texts(authorizer.stack, jwt["Audience"])) == clients
    assert cloud.text(authorizer.stack, jwt["Issuer"]).endswith("/<People/Pool>")
    assert authorizer.properties["IdentitySource"] == ["$request.header.Authorization"]


def test_requests_are_limited_and_logged(cloud: Cloud) -> None:
    stage = of_door(cloud, "Stage")[0].properties
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert {logged[name] for name in ("request_id", "method", "path", "status")} == {
        "$context.requestId",
        "$context.httpMethod",
        "$context.path",
        "$context.status",
    }
    assert logged["subject"] == "$context.authorizer.claims.sub"  # who; no other claim, no header, no query
    assert not [value for value in logged.values() if "header" in value or "query" in value.lower()]
    assert [value for value in logged.values() if "claims" in value] == [logged["subject"]]


def test_the_record_of_requests_is_kept_as_long_as_the_stage_says(cloud: Cloud) -> None:
    groups = {group.name: group.properties["RetentionInDays"] for group in cloud.resources("Logs::LogGroup")}
    assert set(groups.values()) == {STAGES[cloud.stage].log_days}
    assert {"AccessLog", "ServeApi/Log"} <= set(groups)


def test_no_other_origin_is_admitted(cloud: Cloud) -> None:
    assert "CorsConfiguration" not in of_door(cloud, "Api")[0].properties


def test_the_gateway_outlasts_the_function(cloud: Cloud) -> None:
    assert of_door(cloud, "Integration")[0].properties["PayloadFormatVersion"] == "2.0"
    assert cloud.named("ServeApi/Function").properties["Timeout"] < 30


def test_people_are_invited_and_have_strong_passwords(cloud: Cloud) -> None:
    pool = cloud.only("Cognito::UserPool").properties
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    password = pool["Policies"]["PasswordPolicy"]
    assert password["MinimumLength"] >= 12
    assert all(password[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))


def test_a_second_factor_is_an_app_and_each_persons_choice(cloud: Cloud) -> None:
    pool = cloud.only("Cognito::UserPool").properties
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])


@pytest.mark.parametrize(("mfa", "configured"), [("off", "OFF"), ("required", "ON")])
def test_a_deployment_may_ask_everybody_for_a_second_factor_or_nobody(mfa: str, configured: str) -> None:
    sign_in = chosen({"stage": "dev", "mfa": mfa}).sign_in
    stack = cdk.Stack(cdk.App(analytics_reporting=False), "S")
    People(stack, "People", sign_in=sign_in, home="https://a.example/", prefix="p", is_disposable=True)
    template = assertions.Template.from_stack(stack)
    template.has_resource_properties("AWS::Cognito::UserPool", {"MfaConfiguration": configured})
    with pytest.raises(BadConfiguration, match="off, optional, required"):
        chosen({"mfa": "sometimes"})


def test_the_pages_to_sign_in_on_are_the_managed_ones_and_have_a_style(cloud: Cloud) -> None:
    """Without a style of its client they say that they are not available."""
    assert cloud.only("Cognito::UserPoolDomain").properties["ManagedLoginVersion"] == 2
    assert cloud.only("Cognito::UserPool").properties["UserPoolTier"] == "ESSENTIALS"
    style = cloud.only("Cognito::ManagedLoginBranding")
    assert cloud.text(style.stack, style.properties["ClientId"]) == "<People/Pool/Client>"
    assert style.properties["UseCognitoProvidedValues"] is True


def test_an_invitation_says_where_to_sign_in_and_with_what(cloud: Cloud) -> None:
    pool = cloud.only("Cognito::UserPool")
    invitation = pool.properties["AdminCreateUserConfig"]["InviteMessageTemplate"]
    text = cloud.text(pool.stack, invitation["EmailMessage"])
    assert f'<a href="{home(cloud)}">' in text
    assert "{username}" in text
    assert "{####}" in text
    days = pool.properties["Policies"]["PasswordPolicy"]["TemporaryPasswordValidityDays"]
    assert f"within {days} days" in text


def test_people_are_admins_or_members_and_an_admin_counts_first(cloud: Cloud) -> None:
    groups = {one.properties["GroupName"]: one.properties for one in cloud.resources("Cognito::UserPoolGroup")}
    assert {name: found["Precedence"] for name, found in groups.items()} == {"admin": 0, "member": 1}
    assert not any("RoleArn" in found for found in groups.values())  # no right in the account


def test_the_address_of_the_api_is_the_pages(cloud: Cloud) -> None:
    assert cloud.outputs()["ApiUrl"] == f"{home(cloud)}api/v1"


def test_the_client_keeps_no_secret_and_tells_nothing_about_who_exists(cloud: Cloud) -> None:
    client = cloud.named("People/Pool/Client").properties
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert set(client["ExplicitAuthFlows"]) == {
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }


def test_people_change_nothing_that_says_whose_data_they_see(cloud: Cloud) -> None:
    """The tenant is the token's `sub`, which is Cognito's own; nothing is put into tokens on the way."""
    pool = cloud.only("Cognito::UserPool").properties
    assert [one["Name"] for one in pool.get("Schema", []) if one["Name"] != "email"] == []
    assert pool.get("LambdaConfig", {}) == {}
    client = cloud.named("People/Pool/Client").properties
    assert client["WriteAttributes"] == client["ReadAttributes"] == ["email"]


def test_people_sign_in_on_hosted_pages_by_a_code_and_come_back_to_known_places(cloud: Cloud) -> None:
    client = cloud.named("People/Pool/Client")
    assert client.properties["AllowedOAuthFlows"] == ["code"]  # never a token in an address
    assert cloud.texts(client.stack, client.properties["AllowedOAuthScopes"]) == ["openid", "<People/Pool/Api>/api"]
    assert client.properties["SupportedIdentityProviders"] == ["COGNITO"]
    places = cloud.texts(client.stack, client.properties["CallbackURLs"])
    assert LOOPBACK in places
    assert home(cloud) in places
    assert home(cloud) in cloud.texts(client.stack, client.properties["LogoutURLs"])
    assert all(place.startswith(("https://", "http://127.0.0.1:", "http://localhost:")) for place in places)
    domain = cloud.only("Cognito::UserPoolDomain")
    assert cloud.text(domain.stack, domain.properties["Domain"]) == f"maskmill-{cloud.stage}-<AWS::AccountId>"


def test_the_api_is_known_by_the_scope_that_its_function_asks_for(cloud: Cloud) -> None:
    server = cloud.only("Cognito::UserPoolResourceServer").properties
    (scope,) = server["Scopes"]
    assert f"{server['Identifier']}/{scope['ScopeName']}" == API_SCOPE


def test_there_are_no_machines_but_those_that_a_stage_names(prod: Cloud, local: Cloud) -> None:
    assert [client.name for client in prod.resources("Cognito::UserPoolClient")] == ["People/Pool/Client"]
    machine = local.named("People/Pool/Machine-laptop")
    assert machine.properties["GenerateSecret"] is True
    assert machine.properties["AllowedOAuthFlows"] == ["client_credentials"]
    assert local.texts(machine.stack, machine.properties["AllowedOAuthScopes"]) == ["<People/Pool/Api>/api"]
    assert machine.properties["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]  # no person signs in through it


def test_no_secret_of_a_machine_is_an_output(local: Cloud) -> None:
    outputs = local.outputs()
    assert outputs["MachineClientIdLaptop"] == "<People/Pool/Machine-laptop>"
    assert not any("ClientSecret" in value for value in outputs.values())


@pytest.mark.parametrize("name", ["", "Robot", "a b", "a/b", "1st", "x" * 33])
def test_a_machine_has_a_plain_name(name: str) -> None:
    with pytest.raises(BadConfiguration):
        chosen({"stage": "dev", "machines": f"{name},ci"})


def test_a_deployment_names_its_pages_and_machines() -> None:
    stage = chosen({"stage": "dev", "machines": "ci,labeller", "callback_urls": "https://a.example/callback"})
    assert stage.sign_in.machines == ("ci", "labeller")
    assert stage.sign_in.callback_urls == (LOOPBACK, "https://a.example/callback")
