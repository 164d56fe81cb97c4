from __future__ import annotations

from lambdas.serve_api.routes import ROUTES
from tests.unit.infra.cloud import Cloud, Resource


def of_door(cloud: Cloud, kind: str) -> list[Resource]:
    """The resources of the HTTP API; sockets have an API of their own."""
    return [found for found in cloud.resources(f"ApiGatewayV2::{kind}") if found.name.startswith("Door/")]


def test_every_path_needs_a_signed_in_person_except_the_public_ones(cloud: Cloud) -> None:
    routes = {route.properties["RouteKey"]: route.properties for route in of_door(cloud, "Route")}
    public = {f"GET /api/v1{route.path}" for route in ROUTES if route.is_public}
    assert set(routes) == {"ANY /api/v1/{proxy+}"} | public
    assert routes["ANY /api/v1/{proxy+}"]["AuthorizationType"] == "JWT"
    assert {routes[key]["AuthorizationType"] for key in public} == {"NONE"}


def test_tokens_are_those_of_our_pool_and_client(cloud: Cloud) -> None:
    authorizer = cloud.only("ApiGatewayV2::Authorizer")
    jwt = authorizer.properties["JwtConfiguration"]
    assert cloud.texts(authorizer.stack, jwt["Audience"]) == ["<People/Pool/Client>"]
    assert cloud.text(authorizer.stack, jwt["Issuer"]).endswith("/<People/Pool>")
    assert authorizer.properties["IdentitySource"] == ["$request.header.Authorization"]


def test_requests_are_limited_and_logged(cloud: Cloud) -> None:
    stage = of_door(cloud, "Stage")[0].properties
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    assert "$context.requestId" in stage["AccessLogSettings"]["Format"]


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


def test_the_client_keeps_no_secret_and_tells_nothing_about_who_exists(cloud: Cloud) -> None:
    client = cloud.only("Cognito::UserPoolClient").properties
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert set(client["ExplicitAuthFlows"]) == {
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }
