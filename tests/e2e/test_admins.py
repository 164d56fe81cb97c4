"""Who may turn the switch through the API: people whom the pool's administrator put into the group, as the gateway
hands their groups on; nothing is stopped here, since others work on the same cloud.
"""

from __future__ import annotations

import json

import pytest

from local.aws import client
from local.cloud import Laptop
from local.operate import order
from tests.e2e.conftest import User
from tests.e2e.test_doors import access_token, decode

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def admin(cloud: Laptop, tmp_path_factory: pytest.TempPathFactory) -> User:
    """Somebody who was invited, then put into the group, and who signed in since."""
    profile = tmp_path_factory.mktemp("admin") / "profile.json"
    cloud.sign_in("admin@example.com", profile)
    client("cognito-idp", cloud.emulator_url).admin_add_user_to_group(
        UserPoolId=cloud.outputs["UserPoolId"], Username="admin@example.com", GroupName="admin"
    )
    cloud.sign_in("admin@example.com", profile)
    return User(profile)


def test_the_token_of_an_admin_names_the_group_and_opens_the_switch(cloud: Laptop, admin: User) -> None:
    assert decode(access_token(admin).split(".")[1])["cognito:groups"] == ["admin"]
    shown = json.loads(admin.maskmill("spending", "--resume", "--json").stdout)
    assert shown["is_stopped"] is False
    assert order(client("lambda", cloud.emulator_url), "maskmill-local", "status")["is_stopped"] is False


def test_nobody_else_turns_it(cloud: Laptop, ann: User) -> None:
    answer = ann.maskmill("spending", "--stop", "Mine", check=False)
    assert answer.returncode == 1
    assert "administrator" in answer.stderr
    status, problem = ann.get("/spending", method="PATCH", body={"is_stopped": True, "reason": "Mine"})
    assert (status, problem["code"]) == (403, "forbidden")
    assert ann.maskmill("spending").stdout.startswith("Running")
