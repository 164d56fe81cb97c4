"""The gateway's events (HTTP API, payload format 2.0) as requests, and answers in the form that it takes; no route."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.aws.events import texts_of
from lambdas.serve_api.media import MediaCookie

_DEFAULT_STAGE = "$default"
_AS_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True, slots=True)
class Request:
    """A request without its stage; header names are lower-case. `event` is what it came as."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str
    event: Mapping[str, Any]


def request_of(event: Mapping[str, Any]) -> Request:
    """The request of an event; raises ForeignEvent for an event that is none of the gateway's."""
    context = texts_of(texts_of(event, "rawPath").get("requestContext"), "requestId")
    called = texts_of(context.get("http"), "method", "path")
    stage = context.get("stage", _DEFAULT_STAGE)
    return Request(
        method=called["method"].upper(),
        path=event["rawPath"].removeprefix("" if stage == _DEFAULT_STAGE else f"/{stage}"),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        query=event.get("queryStringParameters") or {},
        request_id=context["requestId"],
        event=event,
    )


@dataclass(frozen=True, slots=True)
class Response:
    """An answer on its way; `packs` is for large bodies, which go packed to those who take them so."""

    status: int
    body: str
    headers: Mapping[str, str]
    cookies: tuple[MediaCookie, ...] = ()
    packs: bool = False


def sent(response: Response, request: Request) -> dict[str, Any]:
    """An answer as the gateway takes it."""
    body, headers = response.body, dict(response.headers)
    is_packed = response.packs and "gzip" in request.headers.get("accept-encoding", "")
    if is_packed:
        packer = zlib.compressobj(9, zlib.DEFLATED, _AS_GZIP)
        body = base64.b64encode(packer.compress(body.encode()) + packer.flush()).decode()
        headers["Content-Encoding"] = "gzip"
    return {
        "statusCode": response.status,
        "body": body,
        "isBase64Encoded": is_packed,
        "headers": headers,
        "cookies": [_text_of(cookie) for cookie in response.cookies],
    }


def _text_of(cookie: MediaCookie) -> str:
    """Neither scripts nor other sites get at it, and it goes to media alone: calls of the API carry a token instead."""
    life = f"Path={cookie.path}; Max-Age={cookie.life_s}"
    return f"{cookie.name}={cookie.value}; {life}; HttpOnly; Secure; SameSite=Strict"
