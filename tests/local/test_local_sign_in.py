"""The user pool of the stacks on the emulator: people by a password and by the hosted pages' code, machines by a secret."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import urllib.error
import urllib.parse
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import httpx
import pytest

from infra.config import LOCAL
from infra.constructs.people import People
from infra.plans import LOOPBACK
from local.accounts import Pool, machine_token
from local.aws import client
from local.emulator.environment import EmulatorSettings
from maskmill.core.identity import API_SCOPE, tenant_in

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


def template(folder: Path) -> str:
    """A stack of nothing but the people and machines of the laptop's stage."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False)
    stack = cdk.Stack(app, "sign-in", synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
    home = "http://maskmill.localhost:4566/"
    people = People(stack, "People", sign_in=LOCAL.sign_in, home=home, prefix="sign-in-test", is_disposable=True)
    cdk.CfnOutput(stack, "PoolId", value=people.pool.user_pool_id)
    cdk.CfnOutput(stack, "ClientId", value=people.client.user_pool_client_id)
    cdk.CfnOutput(stack, "MachineId", value=people.machines["laptop"].user_pool_client_id)
    app.synth()
    return (folder / "sign-in.template.json").read_text()


@pytest.fixture(scope="module")
def outputs(emulator: EmulatorSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cloudformation = client("cloudformation", emulator.url)
    cloudformation.create_stack(StackName="sign-in", TemplateBody=template(tmp_path_factory.mktemp("synth")))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="sign-in", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (stack,) = cloudformation.describe_stacks(StackName="sign-in")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def pool(emulator: EmulatorSettings, outputs: dict[str, str]) -> Pool:
    return Pool(emulator.url, outputs["PoolId"], outputs["ClientId"])


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_a_machine_trades_its_secret_for_a_token_of_its_own_tenant(pool: Pool, outputs: dict[str, str]) -> None:
    claims = claims_of(machine_token(pool, outputs["MachineId"]))
    assert claims["token_use"] == "access"
    assert claims["scope"] == "maskmill/api"
    assert tenant_in(claims) == claims["client_id"] == outputs["MachineId"]


def test_a_machine_gets_no_other_scope(pool: Pool, outputs: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        machine_token(pool, outputs["MachineId"], scope="openid")
    with refused.value:
        assert refused.value.code == 400


@pytest.fixture(scope="module")
def ann(pool: Pool) -> tuple[str, str]:
    """An invited person's name and password."""
    cognito = client("cognito-idp", pool.emulator_url)
    user, password = "ann@example.com", f"Aa1!{secrets.token_urlsafe(24)}"
    cognito.admin_create_user(UserPoolId=pool.pool_id, Username=user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool.pool_id, Username=user, Password=password, Permanent=True)
    return user, password


def test_a_password_alone_gives_a_token_that_is_good_for_the_api(pool: Pool, ann: tuple[str, str]) -> None:
    answer = client("cognito-idp", pool.emulator_url).initiate_auth(
        ClientId=pool.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": ann[0], "PASSWORD": ann[1]},
    )
    claims = claims_of(answer["AuthenticationResult"]["AccessToken"])
    assert tenant_in(claims) == claims["sub"] != claims["client_id"]


def code_for(pool: Pool, ann: tuple[str, str], verifier: str) -> str:
    """The code that the hosted pages send a person back with, bound to the verifier."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": pool.client_id,
        "redirect_uri": LOOPBACK,
        "response_type": "code",
        "scope": f"openid {API_SCOPE}",
        "state": "here",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with httpx.Client(base_url=pool.emulator_url, trust_env=False) as browser:
        assert browser.get("/oauth2/authorize", params=asked).status_code == 200
        answer = browser.post("/login", data={**asked, "username": ann[0], "password": ann[1]})
    back = urllib.parse.urlsplit(answer.headers["Location"])
    found = dict(urllib.parse.parse_qsl(back.query))
    assert answer.headers["Location"].startswith(LOOPBACK)
    assert found["state"] == "here"
    return found["code"]


def trade(pool: Pool, code: str, **more: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "client_id": pool.client_id, "redirect_uri": LOOPBACK, "code": code}
    with httpx.Client(base_url=pool.emulator_url, trust_env=False) as caller:
        return caller.post("/oauth2/token", data={**form, **more})


def test_the_hosted_pages_give_a_code_that_its_verifier_turns_into_a_token(pool: Pool, ann: tuple[str, str]) -> None:
    verifier = secrets.token_urlsafe(48)
    answer = trade(pool, code_for(pool, ann, verifier), code_verifier=verifier)
    assert answer.status_code == 200, answer.text
    claims = claims_of(answer.json()["access_token"])
    assert API_SCOPE in claims["scope"].split()
    assert tenant_in(claims) == claims["sub"]


@pytest.mark.parametrize("more", [{}, {"code_verifier": "x" * 43}])
def test_a_stolen_code_is_worth_nothing(pool: Pool, ann: tuple[str, str], more: dict[str, str]) -> None:
    assert trade(pool, code_for(pool, ann, secrets.token_urlsafe(48)), **more).status_code == 400


def test_nobody_is_sent_back_to_a_place_that_the_stage_does_not_name(pool: Pool) -> None:
    asked = {"client_id": pool.client_id, "redirect_uri": "https://elsewhere.example/", "response_type": "code"}
    with httpx.Client(base_url=pool.emulator_url, trust_env=False) as browser:
        answer = browser.get("/oauth2/authorize", params=asked)
    assert "elsewhere" not in answer.headers.get("Location", "")
    assert answer.status_code >= 400


def click(pool: Pool, **changed: str) -> httpx.Response:
    """The laptop's own way in, which asks for nothing."""
    asked = {
        "client_id": pool.client_id,
        "redirect_uri": LOOPBACK,
        "response_type": "code",
        "scope": f"openid {API_SCOPE}",
        "state": "here",
        "login_hint": "ann@example.com",
        **changed,
    }
    with httpx.Client(base_url=pool.emulator_url, trust_env=False) as browser:
        return browser.get("/_local/sign-in", params=asked)


def test_one_click_gives_a_code_of_the_same_worth(pool: Pool, ann: tuple[str, str]) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    back = click(pool, code_challenge=challenge, code_challenge_method="S256").headers["Location"]
    found = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    assert back.startswith(LOOPBACK)
    assert found["state"] == "here"
    assert trade(pool, found["code"]).status_code == 400
    back = click(pool, code_challenge=challenge, code_challenge_method="S256").headers["Location"]
    found = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    answer = trade(pool, found["code"], code_verifier=verifier)
    assert tenant_in(claims_of(answer.json()["access_token"]))


@pytest.mark.parametrize(
    "changed", [{"redirect_uri": "https://elsewhere.example/"}, {"client_id": "nobody"}, {"login_hint": "nobody"}]
)
def test_one_click_sends_nobody_elsewhere(pool: Pool, ann: tuple[str, str], changed: dict[str, str]) -> None:
    answer = click(pool, **changed)
    assert answer.status_code >= 400
    assert "Location" not in answer.headers
