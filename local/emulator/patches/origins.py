"""Fetch for distributions from APIs of the emulator's own. It knows no distribution.

Reason: the emulator dials an API's name on AWS, which is not there, and answers 502. Here such a request goes through
the emulator's own front door.
"""

import asyncio
import os
import re
from typing import Any
from urllib.parse import unquote

from local.emulator.internals import internal

API = re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
Fetched = tuple[int, str, Any, bytes]


def apply() -> None:
    """Every other origin is fetched from as before."""
    cloudfront, front_door = internal("services.cloudfront"), internal("app").app
    fetch = cloudfront._fetch_from_origin

    async def fetched(
        origin: dict[str, Any],
        method: str,
        uri: str,
        query: str,
        headers: dict[str, Any],
        body: bytes,
        *rest: Any,
    ) -> Fetched:
        host = cloudfront._normalize_origin_host(origin["domain_name"])
        api = API.fullmatch(host)
        _https, client_ip, forwarded_for, _distribution = rest
        if api is not None:
            named = cloudfront._origin_request_headers(origin, headers, client_ip, forwarded_for)
            named = {name.lower(): value for name, value in named.items()}
            named["host"] = f"{api.group(1)}.execute-api.localhost:{_port()}"
            path = origin["origin_path"] + uri
        else:
            elsewhere: Fetched = await fetch(origin, method, uri, query, headers, body, *rest)
            return elsewhere
        try:
            asked = asyncio.create_task(_ask(front_door, method, path, query, named, body))  # whose caller is its own
            status, pairs, data = await asyncio.wait_for(asked, origin["read_timeout"])
        except TimeoutError as error:
            raise cloudfront.OriginTimeout(f"{host} did not answer in time") from error
        return status, "", cloudfront._multidict_from_pairs(pairs), data

    cloudfront._fetch_from_origin = fetched


def _port() -> str:
    return os.environ["GATEWAY_PORT"]


async def _ask(
    application: Any, method: str, path: str, query: str, headers: dict[str, Any], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """The whole answer of the emulator to a request as it would have come through a socket."""
    named = {"x-forwarded-proto": "https", **headers}
    named = {name: value for name, value in named.items() if name not in ("content-length", "transfer-encoding")}
    lines = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in named.items()]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [*lines, (b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", int(_port())),
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    started: dict[str, Any] = {}
    received = bytearray()

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        return await asyncio.Event().wait()  # type: ignore[return-value]  # nobody hangs up

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        elif message["type"] == "http.response.body":
            received.extend(message.get("body", b""))

    await application(scope, receive, send)
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in started["headers"]]
    return started["status"], pairs, bytes(received)
