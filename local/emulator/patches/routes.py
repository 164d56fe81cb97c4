"""Serve questions of our own processes and pages for browsers inside the emulator. It knows none of them.

Reason: what the other processes of the laptop need (who signed this request, a session of this role) is known to the
emulator alone, and AWS has no public operation for it.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from local.emulator.internals import internal

PREFIX = "/_local/"
Answer = tuple[int, dict[str, Any]]
Page = tuple[int, dict[str, str], bytes]


def serve(path: str, answer: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer `POST path` with `answer(question)`: a status and a JSON object."""

    async def answered(_scope: dict[str, Any], receive: Any, send: Any) -> None:
        status, found = answer(json.loads(await drain(receive)))
        await respond(send, status, {"content-type": "application/json"}, json.dumps(found).encode())

    _route("POST", path, answered)


def serve_page(path: str, page: Callable[[dict[str, list[str]]], Page]) -> None:
    """Answer `GET path?query` with `page(query)`: a status, headers and a body."""

    async def shown(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        await respond(send, *page(query))

    _route("GET", path, shown)


def _route(method: str, path: str, responder: Callable[..., Awaitable[None]]) -> None:
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        is_ours = scope["type"] == "http" and scope["path"] == path and scope["method"] == method
        await (responder if is_ours else served)(scope, receive, send)

    app_module.app = app


async def drain(receive: Any) -> bytes:
    """The whole body of a request."""
    received = b""
    while True:
        message = await receive()
        received += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return received


async def respond(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a whole response."""
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
