"""What opens the tenant's pictures: cookies that the service gives for an hour, shown to it alone; it knows no route.

A browser keeps such cookies itself. Here they go with requests below the session's own folder and nowhere else, and a
refusal is answered by one new session.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

import httpx

from maskmill.core.errors import Code, Unavailable

SPARE_S = 5 * 60
_SIGNATURE = "X-Amz-Signature"  # of addresses that need no cookies
_OWN_MACHINE = ".localhost"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session: the folder that it opens, the `Cookie` header that opens it, and when to ask for another."""

    url: str
    cookie: str
    renew_at: float


def cookie_header(answer: httpx.Response) -> str:
    """The cookies that an answer sets, as a request shows them; raises Unavailable where it sets none."""
    found: SimpleCookie = SimpleCookie()
    try:
        for line in answer.headers.get_list("set-cookie"):
            found.load(line)
    except CookieError as exc:
        raise Unavailable(Code.INTERNAL, detail="a cookie of another shape") from exc
    if not found:
        raise Unavailable(Code.INTERNAL, detail="a media session without cookies")
    return "; ".join(f"{name}={one.value}" for name, one in found.items())


class MediaPass(httpx.Auth):
    """Shows the session's cookies where they are asked for; `open_session` asks the service for a session.

    Several threads may use it: one of them asks, the others wait.
    """

    def __init__(self, open_session: Callable[[], Opened], now: Callable[[], float] = time.monotonic) -> None:
        self._open_session = open_session
        self._now = now
        self._lock = threading.Lock()
        self._opened: Opened | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if request.method != "GET" or _SIGNATURE in request.url.params:
            yield request
            return
        opened = self._session(None)
        if not str(request.url).startswith(opened.url):
            yield request
            return
        _connect_here(request)
        request.headers["Cookie"] = opened.cookie
        answer = yield request
        if answer.status_code == httpx.codes.FORBIDDEN:
            request.headers["Cookie"] = self._session(opened).cookie
            yield request

    def forget(self) -> None:
        with self._lock:
            self._opened = None

    def _session(self, refused: Opened | None) -> Opened:
        with self._lock:
            known = self._opened
            if known is None or known is refused or self._now() >= known.renew_at:
                self._opened = known = self._open_session()
            return known


def _connect_here(request: httpx.Request) -> None:
    """Names below `localhost` are this machine (RFC 6761), although not every system's resolver says so."""
    if request.url.host.endswith(_OWN_MACHINE):
        request.url = request.url.copy_with(host="127.0.0.1")  # the Host header keeps the name
