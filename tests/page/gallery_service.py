"""The page as it is built, beside a service of 5,000 images that answers over HTTP; it knows no browser.

Only what the gallery asks for is answered, in the shapes of the API's own models.
"""

from __future__ import annotations

import io
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image as Picture

from local.node import find_node, node_environment
from maskmill.core.api import DatasetView, ImageView, MediaSession
from maskmill.core.geometry import Size
from maskmill.core.image import ImageStatus, NormalImage, SourceFormat
from tests.page.browser import FRONTEND, ISOLATED, POLICY, VITE, listening

DATASET = "01gallery"
IMAGES = 5000
PAGE_ITEMS = 100
_BEGAN = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_DISTINCT = 24
KEPT = "private, max-age=31536000, immutable"


def build_page(folder: Path) -> Path:
    """The page, built as a deployment builds it."""
    node = find_node()
    command = [str(node.executable), str(VITE), "build", "--outDir", str(folder), "--logLevel", "error"]
    environment = node_environment(node, {})
    built = subprocess.run(command, cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise RuntimeError(f"vite failed:\n{built.stdout}\n{built.stderr}")
    return folder


def thumbnails() -> list[bytes]:
    """Pictures of about ten kilobytes, as ingest makes them."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(_DISTINCT):
        coarse = Picture.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        out = io.BytesIO()
        coarse.resize((384, 288), Picture.Resampling.BICUBIC).save(out, "WEBP", quality=80)
        made.append(out.getvalue())
    return made


def image_view(number: int) -> ImageView:
    sha256 = f"{number:064x}"
    return ImageView(
        image_id=f"01image{number:06d}",
        dataset_id=DATASET,
        name=f"photo-{number:04d}.jpg",
        status=ImageStatus.READY,
        created_at=_BEGAN + timedelta(seconds=number),
        sha256=sha256,
        normal=NormalImage(
            pixels_sha256=sha256,
            source_sha256=sha256,
            png_sha256=sha256,
            png_bytes=1_000_000,
            source_format=SourceFormat.JPEG,
            size=Size(height_px=1200, width_px=1600),
            is_grey=False,
            has_alpha=False,
        ),
        source_url=f"https://media.test/t/{sha256}/source.png?{secrets.token_hex(300)}",
        thumbnail_url=f"https://media.test/t/{number}/thumbnail.webp?{secrets.token_hex(300)}",
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *given: Any, folder: Path, pictures: list[bytes], asked: list[str]) -> None:
        self._folder, self._pictures, self._asked = folder, pictures, asked
        super().__init__(*given)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        file = self._folder / (url.path.lstrip("/") or "index.html")
        if url.path.startswith("/media/t/") and "media=open" not in self.headers.get("Cookie", ""):
            self._answer(403, b"", "text/xml")
        elif url.path.startswith("/media/t/"):
            self._asked.append(self.path)
            number = int(url.path.split("/")[3])
            self._answer(200, self._pictures[number % _DISTINCT], "image/webp", **{"Cache-Control": KEPT})
        elif url.path == "/config.json":
            self._answer_json(_config())
        elif url.path.startswith("/api/v1/"):
            self._answer_json(_answer(url.path.removeprefix("/api/v1"), parse_qs(url.query)))
        elif file.is_file():
            self._answer(200, file.read_bytes(), _TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self._answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        """A media session is all that is ever made here."""
        session = MediaSession(url="https://media.test/t/", expires_at=_BEGAN, expires_in_s=3600)
        opens = "media=open; Path=/media/t/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"
        self._answer(201, session.model_dump_json().encode(), "application/json", **{"Set-Cookie": opens})

    def _answer_json(self, body: dict[str, Any]) -> None:
        self._answer(200, json.dumps(body).encode(), "application/json")

    def _answer(self, status: int, body: bytes, media_type: str, **more: str) -> None:
        self.send_response(status)
        for name, value in {**ISOLATED, **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A browser that scrolls on drops connections; that is no error."""


def _config() -> dict[str, Any]:
    sign_in = {
        "authorize_url": "/authorize",
        "token_url": "/token",
        "logout_url": None,
        "client_id": "page",
        "scope": "",
    }
    return {"sign_in": sign_in, "version": "test"}


def _answer(path: str, query: dict[str, list[str]]) -> dict[str, Any]:
    if path == f"/datasets/{DATASET}":
        view = DatasetView(dataset_id=DATASET, name="Many photos", created_at=_BEGAN, images_total=IMAGES)
        return view.model_dump(mode="json")
    if path == f"/datasets/{DATASET}/images":
        start = int(query.get("cursor", ["0"])[0])
        end = min(IMAGES, start + PAGE_ITEMS)
        items = [image_view(number).model_dump(mode="json") for number in range(start, end)]
        return {"items": items, "next_cursor": str(end) if end < IMAGES else None}
    return {}


@contextmanager
def serving_gallery(folder: Path, asked: list[str] | None = None) -> Iterator[str]:
    """The address of the built page and of its service; `asked` takes the path of each picture that is fetched."""
    handler = partial(_Handler, folder=folder, pictures=thumbnails(), asked=[] if asked is None else asked)
    with listening(_Server(("127.0.0.1", 0), handler)) as address:
        yield address
