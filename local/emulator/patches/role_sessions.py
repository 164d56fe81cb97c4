"""Hand out sessions of roles that trust an AWS service. It decides nothing about what a session may do.

Reason: on AWS the service assumes the execution role; nobody else can. The endpoint stand-in plays that service, and
the emulator's `AssumeRole` rightly refuses it, because the role trusts `sagemaker.amazonaws.com` and not the root
user. `POST /_local/role-session` checks the same trust and answers like `AssumeRole`:

    {"role": "arn:aws:iam::...:role/...", "service": "sagemaker.amazonaws.com", "duration_s": 3600}
    → {"AccessKeyId": "ASIA...", "SecretAccessKey": "...", "Token": "...", "Expiration": "...", "RoleArn": "..."}

A question may name the session: `"session": "probe"` marks a test that looks at what a role may do, whose calls say
nothing about what the role needs.
"""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from local.emulator.internals import internal
from local.emulator.patches import routes

PATH = f"{routes.PREFIX}role-session"
PROBE = "probe"


def apply() -> None:
    routes.serve(PATH, role_session)


def role_session(question: dict[str, Any]) -> routes.Answer:
    arn, service = question["role"], question["service"]
    account, name = arn.split(":")[4], arn.rsplit("/", 1)[-1]
    internal("core.responses").set_request_account_id(account)
    role = internal("services.iam")._roles.get(name)
    if role is None or not trusts(role.get("AssumeRolePolicyDocument", "{}"), service):
        return 403, {"message": f"{service} is not authorized to assume {arn}"}
    expires = time.time() + int(question.get("duration_s", 3600))
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session = str(question.get("session", f"{service.split('.')[0]}-session"))
    internal("services.sts").register_session(key, {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}", "UserId": f"{name}:{session}",
        "SecretAccessKey": secret, "SessionToken": token, "Expiration": expires,
    })  # fmt: skip
    expiration = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return 200, {
        "RoleArn": arn, "AccessKeyId": key, "SecretAccessKey": secret, "Token": token, "Expiration": expiration,
    }  # fmt: skip


def trusts(document: str | dict[str, Any], service: str) -> bool:
    """Whether a statement of the trust policy allows the service to assume the role."""
    policy = json.loads(document) if isinstance(document, str) else document
    for statement in _listed(policy.get("Statement")):
        principal = statement.get("Principal", {})
        named = _listed(principal.get("Service")) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and service in named and "sts:AssumeRole" in _listed(statement["Action"]):
            return True
    return False


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
