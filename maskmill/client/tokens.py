"""Where bearer tokens come from besides a saved sign-in: a function of the caller's, or a machine's credentials.

It knows no profile files.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskmill.client.calls import FixedToken, Token, open_http, unreachable
from maskmill.client.retry import Backoff
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable

_TIMEOUT = httpx.Timeout(15.0, connect=10.0)
_RENEW_BEFORE_S = 60.0
_WORDS_MAX = 200


class CalledToken:
    """A token that a function of the caller's hands out; it is asked before each request and may keep its own."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._last = ""

    def access_token(self) -> str:
        self._last = self._ask()
        return self._last

    def renew(self) -> bool:
        """Whether the function hands out another token than the one that was refused."""
        return self._ask() != self._last


class _Granted(BaseModel):
    model_config = ConfigDict(extra="ignore")
    access_token: str = Field(min_length=1, repr=False)
    expires_in: int = 3600


class ClientCredentials:
    """A machine's token by OAuth 2.0 client credentials, renewed a minute before it ends; safe between threads.

    `token_url` is the authorization server's (for a Cognito pool: `https://<domain>/oauth2/token`).
    """

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        scope: str = "",
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        self._auth = httpx.BasicAuth(client_id, client_secret)
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._backoff = backoff or Backoff(attempts_max=3)
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._ends_at = 0.0

    def access_token(self) -> str:
        with self._lock:
            if not self._token or self._clock() > self._ends_at - _RENEW_BEFORE_S:
                self._take(self._granted())
            return self._token

    def renew(self) -> bool:
        with self._lock:
            self._take(self._granted())
            return True

    def _take(self, granted: _Granted) -> None:
        self._token, self._ends_at = granted.access_token, self._clock() + granted.expires_in

    def _granted(self) -> _Granted:
        with open_http(_TIMEOUT, transport=self._transport) as http:
            for attempt in range(self._backoff.attempts_max):
                try:
                    return _read(http.post(self._token_url, data=self._form, auth=self._auth))
                except httpx.TransportError as exc:
                    failure: MaskmillError = unreachable(self._token_url, exc)
                except Unavailable as error:
                    failure = error
                if self._backoff.is_last(attempt):
                    raise failure
                self._backoff.pause(attempt)
        raise Unavailable(detail="sign-in was tried too often")


def _read(answer: httpx.Response) -> _Granted:
    """The token in an answer; raises Unavailable, or InvalidInput `unauthenticated` for credentials that are wrong."""
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise Unavailable(message=f"Sign-in is not possible right now: {answer.status_code}.")
    if not answer.is_success:
        words = f"The client credentials were refused: {answer.text[:_WORDS_MAX] or answer.reason_phrase}"
        raise InvalidInput(Code.UNAUTHENTICATED, message=words)
    try:
        return _Granted.model_validate_json(answer.content)
    except ValidationError as exc:
        message = f"{answer.request.url} does not answer like a token endpoint. Check its address."
        raise InvalidInput(Code.UNAUTHENTICATED, message=message) from exc


def token_from(given: Token | Callable[[], str] | str | None) -> Token | None:
    """A source of tokens, whatever the caller has: nothing, a token, a function that returns one, or a source."""
    if isinstance(given, str):
        return FixedToken(given)
    if given is None or isinstance(given, Token):
        return given
    return CalledToken(given)
