"""Users and machines of the laptop's own user pool, and how they come by their tokens. It knows no route."""

import base64
import json
import secrets
import urllib.parse
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.aws import client
from local.processes import DIRECT
from maskmill.client.cognito import Challenge, Cognito
from maskmill.client.session import Profile, token_of, write_profile
from maskmill.core.identity import API_SCOPE


class SignInFailed(RuntimeError):
    """The pool did not hand out tokens for a user that was just made."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A user pool of the emulator and the app client that people sign in through."""

    emulator_url: str
    pool_id: str
    client_id: str


def make_profile(pool: Pool, api_url: str, user: str, path: Path) -> Profile:
    """Make a user (or reuse one) with a password that nobody needs to know, sign in and write the profile."""
    password = f"Aa1!{secrets.token_urlsafe(24)}"
    cognito = client("cognito-idp", pool.emulator_url)
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(UserPoolId=pool.pool_id, Username=user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool.pool_id, Username=user, Password=password, Permanent=True)
    tokens = Cognito(pool.emulator_url, pool.client_id).sign_in(user, password)
    if isinstance(tokens, Challenge):
        raise SignInFailed(f"the pool asks {user} for {tokens.name}")
    token = token_of(tokens, endpoint_url=pool.emulator_url, client_id=pool.client_id, now=datetime.now(UTC))
    profile = Profile(api_url=api_url, token=token)
    write_profile(path, profile)
    return profile


def machine_token(pool: Pool, client_id: str, *, scope: str = API_SCOPE) -> str:
    """A token of a machine, as the machine gets it: its client's id and secret against a token (client credentials).

    Raises urllib.error.HTTPError when the pool refuses.
    """
    found = client("cognito-idp", pool.emulator_url).describe_user_pool_client(
        UserPoolId=pool.pool_id, ClientId=client_id
    )
    secret = found["UserPoolClient"]["ClientSecret"]
    request = urllib.request.Request(  # noqa: S310 - the address of the emulator
        f"{pool.emulator_url}/oauth2/token",
        data=urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope}).encode(),
        headers={
            "Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    with DIRECT.open(request, timeout=30) as answer:
        return str(json.load(answer)["access_token"])
