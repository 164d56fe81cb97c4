"""The routes of the API's description and of its interactive manual, which anyone may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache

from lambdas.serve_api import manual
from lambdas.serve_api.routes.call import Call, Reply, Route

_MINUTES = {"Cache-Control": "public, max-age=300"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_GUARDED = {"Content-Security-Policy": manual.POLICY, "Referrer-Policy": "no-referrer"}


def _read_page(_call: Call) -> Reply:
    return Reply(200, content=manual.page(), headers=_MINUTES | _GUARDED)


def _read_script(_call: Call) -> Reply:
    return Reply(200, content=manual.script(), headers=_FOR_EVER)


def _read_start(_call: Call) -> Reply:
    return Reply(200, content=manual.START, headers=_FOR_EVER)


def _read_style(_call: Call) -> Reply:
    return Reply(200, content=manual.style(), headers=_FOR_EVER)


def routes_about(described: Iterable[Route]) -> tuple[Route, ...]:
    """The description of these routes, and the manual that is made of it in the browser."""

    @cache
    def text() -> str:
        from lambdas.serve_api.description import document  # it knows routes, and this is one of them

        return json.dumps(document(described), ensure_ascii=False, separators=(",", ":"))

    def _read_description(_call: Call) -> Reply:
        return Reply(200, content=text(), headers=_MINUTES)

    return (
        _open("/openapi.json", _read_description, "The description of this API, as OpenAPI 3.1", "application/json"),
        _open("/docs", _read_page, "The interactive manual of this API", "text/html; charset=utf-8"),
        _open("/docs/start.js", _read_start, "The manual's start", "text/javascript; charset=utf-8"),
        _open("/docs/swagger-ui.js", _read_script, "The manual's program", "text/javascript; charset=utf-8"),
        _open("/docs/swagger-ui.css", _read_style, "The manual's style", "text/css; charset=utf-8"),
    )


def _open(path: str, run: Callable[[Call], Reply], about: str, content: str) -> Route:
    return Route(method="GET", path=path, run=run, about=about, answers={200: None}, content=content, is_public=True)
