"""Sessions of the deployed roles, as the services get them that run the functions and the model server."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from infra.config import LOCAL
from local.aws import Credentials, client
from local.cloud import Laptop
from local.emulator.environment import REGION
from local.emulator.patches.role_sessions import PROBE
from tests.e2e.wire import send

LAMBDA, SAGEMAKER = "lambda.amazonaws.com", "sagemaker.amazonaws.com"


def role_of(cloud: Laptop, function: str) -> str:
    """The ARN of a function's role, by the function's name without its stage."""
    return _role_of(cloud.emulator_url, function)


@cache
def _role_of(emulator_url: str, function: str) -> str:
    functions = client("lambda", emulator_url)
    return str(functions.get_function_configuration(FunctionName=f"{LOCAL.prefix}-{function}")["Role"])


def session_of(cloud: Laptop, role: str, service: str) -> Credentials:
    """Fresh keys of a role, known as a probe's; the service must be one that the role trusts."""
    body = json.dumps({"role": role, "service": service, "session": PROBE}).encode()
    answer = send(f"{cloud.emulator_url}/_local/role-session", "POST", body=body)
    assert answer.status == 200, answer.body
    return Credentials(answer.values["AccessKeyId"], answer.values["SecretAccessKey"], answer.values["Token"])


def client_of(cloud: Laptop, keys: Credentials, service: str) -> Any:
    """A client with the keys of a role, quickly made: all of them share what is read about a service."""
    return client_at(cloud.emulator_url, keys, service)


def client_at(url: str, keys: Credentials, service: str) -> Any:
    """A client of the emulator at this address, which asks once."""
    return _session().client(
        service,
        endpoint_url=url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            proxies={},
            retries={"total_max_attempts": 1},
        ),
    )


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session(region_name=REGION)
