"""The page as it is built, served beside a stand-in for its service; it knows no browser and no screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from maskmill.core.api import MediaSession
from maskmill.core.model import Model
from tests.page.browser import ISOLATED, Answers

BEGAN = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
SIGNED_IN = """
  const user = {access_token: "a", token_type: "Bearer", expires_at: 4102444800, profile: {}, scope: ""};
  sessionStorage.setItem(`oidc.user:${location.origin}:page`, JSON.stringify(user));
"""
_CONFIG = {
    "sign_in": {
        "authorize_url": "/authorize",
        "token_url": "/token",
        "logout_url": None,
        "client_id": "page",
        "scope": "",
    },
    "version": "test",
}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class PageHandler(Answers):
    """The page's files, its configuration and its media session; subclasses answer the rest."""

    def __init__(self, *given: Any, folder: Path) -> None:
        self._folder = folder
        super().__init__(*given)

    def api(self, method: str, path: str, query: dict[str, list[str]]) -> None:
        """Answer a call of the API, named by its path below the version."""
        raise NotImplementedError

    def media(self, path: str) -> None:
        """Answer what is kept for whoever has a media session."""
        raise NotImplementedError

    def do_GET(self) -> None:  # noqa: N802 - as the server calls it
        url = urlsplit(self.path)
        file = self._folder / (url.path.lstrip("/") or "index.html")
        if url.path.startswith("/media/t/") and "media=open" not in self.headers.get("Cookie", ""):
            self.answer(403, b"", "text/xml")
        elif url.path.startswith("/media/t/"):
            self.media(self.path)
        elif url.path == "/config.json":
            self.answer_json(_CONFIG)
        elif url.path.startswith("/api/v1/"):
            self.api("GET", url.path.removeprefix("/api/v1"), parse_qs(url.query))
        elif file.is_file():
            self.answer(200, file.read_bytes(), _TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self.answer(404, b"", "text/plain")

    def do_POST(self) -> None:  # noqa: N802 - as the server calls it
        path = urlsplit(self.path).path.removeprefix("/api/v1")
        if path != "/media-session":
            self.api("POST", path, {})
            return
        session = MediaSession(url="https://media.test/t/", expires_at=BEGAN, expires_in_s=3600)
        opens = "media=open; Path=/media/t/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"
        self.answer_json(session, status=201, **{"Set-Cookie": opens})

    def answer_json(self, body: Model | dict[str, Any], *, status: int = 200, **headers: str) -> None:
        text = body.model_dump_json() if isinstance(body, Model) else json.dumps(body)
        self.answer(status, text.encode(), "application/json", headers)

    def answer(
        self, status: int, body: bytes, media_type: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().answer(status, body, media_type, {**ISOLATED, **headers})


class PageServer(ThreadingHTTPServer):
    """A server on a port of this machine's choice."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, *_: object) -> None:
        """A browser that goes on drops connections; that is no error."""
