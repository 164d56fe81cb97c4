"""Serve JSON questions of our own processes inside the emulator. It knows no question and no AWS operation.

Reason: what the other processes of the laptop need (who signed this request, a session of this role) is known to the
emulator alone, and AWS has no public operation for it.
"""

import json
from collections.abc import Callable
from typing import Any

from local.emulator.internals import internal

PREFIX = "/_local/"
Answer = tuple[int, dict[str, Any]]


def serve(path: str, answer: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer `POST path` with `answer(question)`: a status and a JSON object."""
    app_module = internal("app")
    served = app_module.app

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == path and scope["method"] == "POST":
            await _send(send, *answer(json.loads(await _body(receive))))
        else:
            await served(scope, receive, send)

    app_module.app = app


async def _body(receive: Any) -> bytes:
    received = b""
    while True:
        message = await receive()
        received += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return received


async def _send(send: Any, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
