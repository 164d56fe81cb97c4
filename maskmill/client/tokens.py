"""Where bearer tokens come from besides a saved sign-in: a function of the caller's, or a machine's credentials.

It knows no profile files.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from maskmill.client.calls import FixedToken, Token
from maskmill.client.cognito import Tokens
from maskmill.client.oauth import Door
from maskmill.core.identity import API_SCOPE

_RENEW_BEFORE_S = 60.0


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


class ClientCredentials:
    """A machine's token by OAuth 2.0 client credentials, renewed a minute before it ends; safe between threads.

    `door` is the authorization server's token endpoint (for a Cognito pool: `https://<domain>/oauth2/token`).
    """

    def __init__(
        self,
        door: Door,
        *,
        client_id: str,
        client_secret: str,
        scope: str = API_SCOPE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask: Callable[[], Tokens] = partial(door.by_secret, client_id, client_secret, scope)
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._ends_at = 0.0

    def access_token(self) -> str:
        with self._lock:
            if not self._token or self._clock() > self._ends_at - _RENEW_BEFORE_S:
                self._take()
            return self._token

    def renew(self) -> bool:
        with self._lock:
            self._take()
            return True

    def _take(self) -> None:
        granted = self._ask()
        self._token, self._ends_at = granted.access_token, self._clock() + granted.lives_s


def token_from(given: Token | Callable[[], str] | str | None) -> Token | None:
    """A source of tokens, whatever the caller has: nothing, a token, a function that returns one, or a source."""
    if isinstance(given, str):
        return FixedToken(given)
    if given is None or isinstance(given, Token):
        return given
    return CalledToken(given)
