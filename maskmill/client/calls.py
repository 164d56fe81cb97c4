"""One request to the service and its answer, repeated where that does no harm; it knows no routes and no bodies."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, runtime_checkable

import httpx

from maskmill import __version__
from maskmill.client.problems import code_of, error_of, retry_after_s
from maskmill.client.retry import Backoff
from maskmill.core.errors import Code, InvalidInput, Unavailable

API_PATH = "/api/v1"
API_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
STORAGE_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
CONNECTIONS_MAX = 16
_BUSY = frozenset({429, 500, 502, 503, 504})
_LAST_WORDS = frozenset({Code.QUOTA_EXCEEDED, Code.MODEL_FAILED, Code.MODEL_TIMEOUT})  # the next try says the same
_STILL_RUNNING = "still_running"  # the first try of this very call has not ended
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOOPBACK: dict[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}  # no proxy


@runtime_checkable
class Token(Protocol):
    """Where the bearer token comes from."""

    def access_token(self) -> str:
        """A token that is valid now; raises InvalidInput `unauthenticated` when there is none."""
        ...

    def renew(self) -> bool:
        """Get another token because the service refused this one; False when that is not possible."""
        ...


class FixedToken:
    """A token that somebody else keeps valid."""

    def __init__(self, value: str) -> None:
        self._value = value

    def access_token(self) -> str:
        return self._value

    def renew(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `may_repeat` says that sending it twice is the same as sending it once."""

    method: str
    path: str
    content: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    may_repeat: bool = False
    is_public: bool = False


class Caller:
    """Sends calls to one service with the user's token, all in one trace (W3C's Trace Context)."""

    def __init__(
        self,
        api_url: str,
        token: Token | None,
        *,
        backoff: Backoff,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self.api_url = base_of(api_url)
        self._token = token
        self._trace_id = secrets.token_hex(16)
        self._backoff = backoff
        self._http = open_http(httpx.Timeout(timeout_s) if timeout_s else API_TIMEOUT, transport=transport)

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call) -> httpx.Response:
        """The successful (or 304) answer to a call; raises the error that any other answer stands for."""
        renewed = False
        for attempt in range(self._backoff.attempts_max + 1):
            is_last = self._backoff.is_last(attempt)
            try:
                answer = self._http.send(self._request(call))
            except httpx.TransportError as exc:
                if is_last or not (call.may_repeat or isinstance(exc, _NEVER_SENT)):
                    raise unreachable(self.api_url, exc) from exc
                self._backoff.pause(attempt)
                continue
            if answer.is_success or answer.status_code == httpx.codes.NOT_MODIFIED:
                return answer
            if answer.status_code == httpx.codes.UNAUTHORIZED and not renewed and self._renewed(call):
                renewed = True
                continue
            error = error_of(answer)
            if is_last or not _is_worth_repeating(call, answer.status_code, code_of(error)):
                raise error
            self._backoff.pause(attempt, retry_after_s=retry_after_s(answer))
        raise Unavailable(detail=f"{call.method} {call.path} was tried too often")

    def _request(self, call: Call) -> httpx.Request:
        trace = f"00-{self._trace_id}-{secrets.token_hex(8)}-01"
        headers = {"Accept": "application/json", "traceparent": trace, **call.headers}
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        if self._token is not None and not call.is_public:
            headers["Authorization"] = f"Bearer {self._token.access_token()}"
        url = self.api_url + API_PATH + call.path
        return self._http.build_request(
            call.method, url, params=dict(call.params), content=call.content, headers=headers
        )

    def _renewed(self, call: Call) -> bool:
        return self._token is not None and not call.is_public and self._token.renew()


def _is_worth_repeating(call: Call, status: int, code: str) -> bool:
    is_busy = (status in _BUSY and code not in _LAST_WORDS) or code == _STILL_RUNNING
    return call.may_repeat and is_busy


def base_of(api_url: str) -> str:
    """The service's address without the API's path: `https://host`; raises InvalidInput for what is no address."""
    trimmed = api_url.strip().rstrip("/").removesuffix(API_PATH).rstrip("/")
    try:
        parsed = httpx.URL(trimmed)
    except httpx.InvalidURL as exc:
        raise InvalidInput(message=f"{api_url!r} is not an address. Give one like https://host.") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInput(message=f"{api_url!r} is not an address. Give one like https://host.")
    return trimmed


def open_http(
    timeout: httpx.Timeout,
    *,
    transport: httpx.BaseTransport | None = None,
    auth: httpx.Auth | None = None,
    follow_redirects: bool = False,
) -> httpx.Client:
    """An HTTP client with bounded connections and time-outs that asks no proxy for loopback."""
    mounts: Any = _LOOPBACK
    return httpx.Client(
        timeout=timeout,
        verify=_trusted_roots(),
        transport=transport,
        auth=auth,
        mounts=mounts,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        headers={"User-Agent": f"maskmill/{__version__}"},
        follow_redirects=follow_redirects,
    )


@cache
def _trusted_roots() -> ssl.SSLContext:
    """Reading the roots takes longer than a request, so that all clients of a process share them."""
    return httpx.create_ssl_context()


def unreachable(address: str, exc: httpx.TransportError) -> Unavailable:
    """The error for a service that could not be reached or did not answer in time."""
    did = "does not answer in time" if isinstance(exc, httpx.TimeoutException) else "cannot be reached"
    message = f"{address} {did}. Check the address and your connection, then try again."
    return Unavailable(message=message, detail=repr(exc))
