"""Clients of the emulator for our own processes and tests. It knows no stack; the product never imports it.

The keys are the emulator's root keys. They open nothing but the emulator on this machine.
"""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator.environment import REGION

ROOT_KEY = "test"
ROOT_SECRET = "test"  # noqa: S105 - the emulator lets the root key in with any secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys of one identity; a session carries a token."""

    access_key: str = ROOT_KEY
    secret_key: str = ROOT_SECRET
    token: str | None = None


ROOT = Credentials()


def client(service: str, endpoint_url: str, credentials: Credentials = ROOT) -> Any:
    """A boto3 client that talks to `endpoint_url` alone: no profile, no proxy, no other region."""
    session = boto3.session.Session(
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        region_name=REGION,
    )
    config = Config(
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"},
        proxies={},
        retries={"total_max_attempts": 3, "mode": "standard"},
    )
    return session.client(service, endpoint_url=endpoint_url, config=config)


def recent_logs(emulator_url: str, function: str, *, lines: int = 40) -> str:
    """The last log lines of a Lambda function, for error messages."""
    logs = client("logs", emulator_url)
    try:
        config = client("lambda", emulator_url).get_function_configuration(FunctionName=function)
        group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}"
        events = logs.filter_log_events(logGroupName=group)["events"]
    except ClientError as error:
        return f"(no logs of {function}: {error.response['Error']['Code']})"
    return "\n".join(event["message"].rstrip() for event in events[-lines:])
