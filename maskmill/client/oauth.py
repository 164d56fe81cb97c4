"""OAuth 2.0 at a token endpoint, and a sign-in in the browser: code and PKCE with a listener on this machine.

For installed applications RFC 8252 and RFC 7636 say how: the browser is the person's own, the code comes back to a
loopback address, and it is worth nothing without the verifier that never left this process. It knows no profile files.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskmill.client.calls import open_http, unreachable
from maskmill.client.cognito import Tokens
from maskmill.client.retry import Backoff
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from maskmill.core.identity import API_SCOPE

CALLBACK_PORT = 8976  # the one that the service's sign-in pages may send people back to
CALLBACK = f"http://127.0.0.1:{CALLBACK_PORT}/callback"
WAIT_S = 300.0
_TIMEOUT = httpx.Timeout(15.0, connect=10.0)
_LOOK_EVERY_S = 0.5
_WORDS_MAX = 200
_DONE = b"<!doctype html><title>Maskmill</title><p>You are signed in. You can close this page."
_NOT_DONE = b"<!doctype html><title>Maskmill</title><p>This did not work. The terminal says why."


class _Granted(BaseModel):
    model_config = ConfigDict(extra="ignore")
    access_token: str = Field(min_length=1, repr=False)
    refresh_token: str | None = Field(default=None, repr=False)
    expires_in: int = 3600


@dataclass(frozen=True, slots=True)
class Door:
    """A token endpoint and how it is asked."""

    token_url: str
    backoff: Backoff = field(default_factory=lambda: Backoff(attempts_max=3))
    transport: httpx.BaseTransport | None = None

    def tokens(self, form: Mapping[str, str], auth: httpx.Auth | None = None) -> Tokens:
        """The tokens that a grant gives; raises InvalidInput `unauthenticated` when it is refused, Unavailable."""
        with open_http(_TIMEOUT, transport=self.transport) as http:
            for attempt in range(self.backoff.attempts_max):
                try:
                    return _read(http.post(self.token_url, data=dict(form), auth=auth or httpx.USE_CLIENT_DEFAULT))
                except httpx.TransportError as exc:
                    failure: MaskmillError = unreachable(self.token_url, exc)
                except Unavailable as error:
                    failure = error
                if self.backoff.is_last(attempt):
                    raise failure
                self.backoff.pause(attempt)
        raise Unavailable(detail="sign-in was tried too often")

    def by_secret(self, client_id: str, client_secret: str, scope: str = API_SCOPE) -> Tokens:
        """A machine's tokens."""
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        return self.tokens(form, httpx.BasicAuth(client_id, client_secret))

    def by_refresh(self, client_id: str, refresh_token: str) -> Tokens:
        """New tokens of a person who signed in before."""
        form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": refresh_token}
        return self.tokens(form)


def token_url_of(sign_in_url: str) -> str:
    """The token endpoint of the pages that people sign in on."""
    return f"{sign_in_url.rstrip('/')}/oauth2/token"


def sign_in_by_browser(
    sign_in_url: str,
    client_id: str,
    *,
    show: Callable[[str], None],
    wait_s: float = WAIT_S,
    door: Door | None = None,
) -> Tokens:
    """The tokens of a person who signs in on the service's pages; `show` opens the address or tells it.

    Raises InvalidInput `unauthenticated` when the pages refuse or nobody comes back in time, and when the port on
    which the pages answer is taken.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": f"openid {API_SCOPE}",
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    with _listener() as listener:
        show(f"{sign_in_url.rstrip('/')}/oauth2/authorize?{urlencode(asked)}")
        code = _code_from(listener, state, wait_s)
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "code": code,
        "code_verifier": verifier,
    }
    return (door or Door(token_url_of(sign_in_url))).tokens(form)


class _Listener(HTTPServer):
    """Keeps what the browser brings to the callback; anything else is not found."""

    brought: dict[str, str] | None = None
    timeout = _LOOK_EVERY_S


class _Callback(BaseHTTPRequestHandler):
    timeout = 5.0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != urlsplit(CALLBACK).path or not isinstance(self.server, _Listener):
            self.send_error(404)
            return
        self.server.brought = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(_DONE if "code" in self.server.brought else _NOT_DONE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Nothing: addresses with codes belong in no terminal."""


def _listener() -> _Listener:
    try:
        return _Listener(("127.0.0.1", CALLBACK_PORT), _Callback)
    except OSError as exc:
        words = (
            f"Port {CALLBACK_PORT} of this machine, on which the browser comes back, is taken. Free it and try again."
        )
        raise InvalidInput(Code.UNAUTHENTICATED, message=words) from exc


def _code_from(listener: _Listener, state: str, wait_s: float) -> str:
    """The code that the pages gave, of an answer that carries our state; others are not ours and are passed over."""
    ends_at = time.monotonic() + wait_s
    while time.monotonic() < ends_at:
        listener.handle_request()
        brought, listener.brought = listener.brought, None
        if brought is None or not secrets.compare_digest(brought.get("state", ""), state):
            continue
        if code := brought.get("code"):
            return code
        words = brought.get("error_description") or brought.get("error") or "no code came back"
        raise InvalidInput(Code.UNAUTHENTICATED, message=f"The sign-in was refused: {words[:_WORDS_MAX]}")
    raise InvalidInput(
        Code.UNAUTHENTICATED, message="Nobody signed in within five minutes. Run `maskmill login` again."
    )


def _read(answer: httpx.Response) -> Tokens:
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise Unavailable(message=f"Sign-in is not possible right now: {answer.status_code}.")
    if not answer.is_success:
        words = f"The sign-in was refused: {answer.text[:_WORDS_MAX] or answer.reason_phrase}"
        raise InvalidInput(Code.UNAUTHENTICATED, message=words)
    try:
        found = _Granted.model_validate_json(answer.content)
    except ValidationError as exc:
        message = f"{answer.request.url} does not answer like a token endpoint. Check its address."
        raise InvalidInput(Code.UNAUTHENTICATED, message=message) from exc
    return Tokens(access_token=found.access_token, refresh_token=found.refresh_token, lives_s=max(0, found.expires_in))
