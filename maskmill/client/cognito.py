"""Signing in at Amazon Cognito by plain HTTPS; it knows no profile files and keeps nothing.

Only what a public app client needs: a password or a refresh token becomes an access token, and a user who must choose
a new password can do so. The same calls work on the laptop, where the endpoint is the emulator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskmill.client.calls import open_http, unreachable
from maskmill.client.retry import Backoff
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable

_TARGET = "AWSCognitoIdentityProviderService"
_TIMEOUT = httpx.Timeout(15.0, connect=10.0)
NEW_PASSWORD = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - the name of a challenge
_BUSY = frozenset({"TooManyRequestsException", "LimitExceededException", "InternalErrorException"})
_SIGN_IN_AGAIN = "You are not signed in any more. Run `maskmill login`."


@dataclass(frozen=True, slots=True)
class Tokens:
    """What Cognito hands out; `refresh_token` is None where the old one stays valid."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    lives_s: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """What Cognito asks for before it hands out tokens."""

    name: str
    session: str = field(repr=False)
    user: str


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")
    access_token: str = Field(alias="AccessToken", repr=False)
    refresh_token: str | None = Field(alias="RefreshToken", default=None, repr=False)
    expires_in: int = Field(alias="ExpiresIn", default=3600)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    result: _Result | None = Field(alias="AuthenticationResult", default=None)
    challenge: str | None = Field(alias="ChallengeName", default=None)
    session: str = Field(alias="Session", default="", repr=False)


class Cognito:
    """One app client of one user pool."""

    def __init__(
        self,
        endpoint_url: str,
        client_id: str,
        *,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._endpoint_url = endpoint_url.rstrip("/") + "/"
        self._client_id = client_id
        self._backoff = backoff or Backoff(attempts_max=3)
        self._transport = transport

    def sign_in(self, user: str, password: str) -> Tokens | Challenge:
        """Tokens for a user's password; raises InvalidInput `unauthenticated` when it is not right."""
        body = {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": self._client_id,
            "AuthParameters": {"USERNAME": user, "PASSWORD": password},
        }
        return _outcome(self._ask("InitiateAuth", body), user)

    def choose_password(self, challenge: Challenge, password: str) -> Tokens | Challenge:
        """Answer the challenge NEW_PASSWORD_REQUIRED."""
        body = {
            "ChallengeName": NEW_PASSWORD,
            "ClientId": self._client_id,
            "Session": challenge.session,
            "ChallengeResponses": {"USERNAME": challenge.user, "NEW_PASSWORD": password},
        }
        return _outcome(self._ask("RespondToAuthChallenge", body), challenge.user)

    def refresh(self, refresh_token: str) -> Tokens:
        """A new access token; raises InvalidInput `unauthenticated` when the refresh token has ended."""
        body = {
            "AuthFlow": "REFRESH_TOKEN_AUTH",
            "ClientId": self._client_id,
            "AuthParameters": {"REFRESH_TOKEN": refresh_token},
        }
        outcome = _outcome(self._ask("InitiateAuth", body), "")
        if isinstance(outcome, Challenge):
            raise InvalidInput(Code.UNAUTHENTICATED, message=_SIGN_IN_AGAIN, detail=outcome.name)
        return outcome

    def _ask(self, operation: str, body: dict[str, Any]) -> _Answer:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{_TARGET}.{operation}"}
        with open_http(_TIMEOUT, transport=self._transport) as http:
            for attempt in range(self._backoff.attempts_max):
                try:
                    answer = http.post(self._endpoint_url, json=body, headers=headers)
                except httpx.TransportError as exc:
                    failure: MaskmillError = unreachable(self._endpoint_url, exc)
                else:
                    if answer.is_success:
                        return _parsed(answer)
                    failure = _failure(answer)
                if self._backoff.is_last(attempt) or not isinstance(failure, Unavailable):
                    raise failure
                self._backoff.pause(attempt)
        raise Unavailable(detail="sign-in was tried too often")


def _parsed(answer: httpx.Response) -> _Answer:
    try:
        return _Answer.model_validate_json(answer.content)
    except ValidationError as exc:
        message = f"{answer.request.url} does not answer like Amazon Cognito. Check the sign-in endpoint."
        raise Unavailable(message=message) from exc


def _outcome(answer: _Answer, user: str) -> Tokens | Challenge:
    if answer.result is not None:
        found = answer.result
        return Tokens(
            access_token=found.access_token, refresh_token=found.refresh_token, lives_s=max(0, found.expires_in)
        )
    if answer.challenge == NEW_PASSWORD:
        return Challenge(name=answer.challenge, session=answer.session, user=user)
    message = f"This account asks for {answer.challenge or 'something'} at sign-in, which only the web page can do."
    raise InvalidInput(Code.UNAUTHENTICATED, message=message)


def _failure(answer: httpx.Response) -> MaskmillError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    fault = body if isinstance(body, dict) else {}
    kind = str(fault.get("__type", "")).rsplit("#", 1)[-1]
    words = str(fault.get("message") or fault.get("Message") or "Sign-in was refused.")
    if answer.status_code >= 500 or kind in _BUSY:
        return Unavailable(message=f"Sign-in is not possible right now: {words}", detail=kind)
    return InvalidInput(Code.UNAUTHENTICATED, message=f"{words.rstrip('.')}. Run `maskmill login`.", detail=kind)
