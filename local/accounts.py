"""Users of the laptop's own user pool: made with a password, signed in, written to a profile. It knows no route."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.aws import client
from maskmill.client.cognito import Challenge, Cognito
from maskmill.client.session import Profile, token_of, write_profile


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
    try:
        cognito.admin_create_user(UserPoolId=pool.pool_id, Username=user, MessageAction="SUPPRESS")
    except cognito.exceptions.UsernameExistsException:
        pass
    cognito.admin_set_user_password(UserPoolId=pool.pool_id, Username=user, Password=password, Permanent=True)
    tokens = Cognito(pool.emulator_url, pool.client_id).sign_in(user, password)
    if isinstance(tokens, Challenge):
        raise SignInFailed(f"the pool asks {user} for {tokens.name}")
    token = token_of(tokens, endpoint_url=pool.emulator_url, client_id=pool.client_id, now=datetime.now(UTC))
    profile = Profile(api_url=api_url, token=token)
    write_profile(path, profile)
    return profile
