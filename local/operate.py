"""An operator's orders to the service: `python -m local.operate halt|resume|status --stage dev [--reason TEXT]`.

They invoke the function that turns the switch: with the caller's own rights on AWS, and on the laptop with the
emulator's root keys, where a running demo left its address. It knows neither the table nor the row.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import LOCAL, STAGES
from infra.shapes import SWITCH_SPENDING
from local.aws import client
from local.cloud import PROFILE
from local.demo import STATE
from maskmill.client.session import read_profile


class OrderRefused(RuntimeError):
    """The order could not be given, or the function did not take it; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("halt", "resume", "status"))
    parser.add_argument("--stage", choices=STAGES, required=True)
    parser.add_argument("--reason", default="")
    chosen = parser.parse_args()
    if (chosen.action == "halt") is not bool(chosen.reason):
        parser.error("halt, and nothing else, needs --reason: everybody who is refused reads it")
    try:
        functions = _laptops() if chosen.stage == LOCAL.name else boto3.client("lambda")
        found = order(functions, STAGES[chosen.stage].prefix, chosen.action, chosen.reason)
    except (OrderRefused, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1
    print(described(found))
    return 0


def order(functions: Any, prefix: str, action: str, reason: str = "") -> dict[str, Any]:
    """What the switch says after an order; `functions` is a client of the service that runs functions."""
    payload = {"action": action, **({"reason": reason} if reason else {})}
    name = f"{prefix}-{SWITCH_SPENDING.verb.replace('_', '-')}"
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise OrderRefused(f"{name}: {body.get('errorMessage')}")
    return body


def described(found: dict[str, Any]) -> str:
    """What the switch says, in words."""
    since = f"{datetime.fromtimestamp(found['changed_at_s'], UTC):%Y-%m-%d %H:%M} UTC"
    if found["is_stopped"]:
        return f"Stopped since {since}: {found['reason']}"
    return f"Running since {since}." if found["changed_at_s"] else "Running; nobody ever stopped it."


def _laptops() -> Any:
    profile = STATE / PROFILE
    if not profile.exists():
        raise OrderRefused(f"no demo has run here: there is no {profile}")
    address = urlsplit(read_profile(profile).api_url)
    return client("lambda", f"{address.scheme}://{address.netloc}")


if __name__ == "__main__":
    sys.exit(main())
