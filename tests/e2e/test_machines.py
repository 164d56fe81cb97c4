"""Machines on the laptop's cloud: a client with a secret trades it for a token that opens the API, and nothing else."""

from __future__ import annotations

import urllib.error

import pytest

from local.accounts import Pool, machine_token
from local.cloud import Laptop
from tests.e2e.conftest import User
from tests.e2e.test_doors import access_token, call, decode
from tests.e2e.wire import send


@pytest.fixture(scope="module")
def machine(cloud: Laptop) -> str:
    return machine_token(_pool(cloud), _client_id(cloud))


def _pool(cloud: Laptop) -> Pool:
    return Pool(cloud.emulator_url, cloud.outputs["UserPoolId"], cloud.outputs["UserPoolClientId"])


def _client_id(cloud: Laptop) -> str:
    return cloud.outputs["MachineClientIdLaptop"]


def test_a_machine_is_a_tenant_of_its_own(cloud: Laptop, machine: str, ann: User) -> None:
    claims = decode(machine.split(".")[1])
    assert claims["sub"] == claims["client_id"] == _client_id(cloud)
    assert claims["scope"] == "maskmill/api"
    headers = {"Authorization": f"Bearer {machine}", "Content-Type": "application/json"}
    made = send(f"{cloud.api_url}/api/v1/datasets", "POST", headers=headers, body=b'{"name": "of a machine"}')
    assert made.status == 201, made.body
    listed = call(cloud, "/datasets", token=machine)
    assert [found["name"] for found in listed.values["items"]] == ["of a machine"]
    of_ann = call(cloud, f"/datasets/{made.values['dataset_id']}", token=access_token(ann))
    assert (of_ann.status, of_ann.code) == (404, "not_found")


def test_a_machine_without_the_scope_gets_no_token(cloud: Laptop) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        machine_token(_pool(cloud), _client_id(cloud), scope="openid")
    with refused.value:
        assert refused.value.code == 400


def test_the_client_of_people_gives_no_tokens_to_machines(cloud: Laptop) -> None:
    with pytest.raises((urllib.error.HTTPError, KeyError)) as refused:  # it has no secret, and no such grant
        machine_token(_pool(cloud), cloud.outputs["UserPoolClientId"])
    if isinstance(refused.value, urllib.error.HTTPError):
        refused.value.close()
