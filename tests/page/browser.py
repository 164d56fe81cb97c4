"""The page's decoder in a real Chromium: its proof page built, served with the site's headers, and opened.

It knows no model: what is served beside the page is given to it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.node import find_node, node_environment

REPOSITORY = Path(__file__).resolve().parents[2]
FRONTEND = REPOSITORY / "frontend"
VITE = FRONTEND / "node_modules" / "vite" / "bin" / "vite.js"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'"
)
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


def find_chromium() -> str | None:
    """The browser of this machine, or the one that CHROMIUM names."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)


def lacking(*modules: str) -> str | None:
    """What this machine lacks to open the page beside some modules, in words; None where it lacks nothing."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    if not VITE.exists():
        return "the page's libraries are not installed (npm ci in frontend)"
    if find_chromium() is None:
        return "there is no Chromium (CHROMIUM=path, or the package chromium)"
    return None


def build_proof(folder: Path) -> Path:
    """The proof page, built from the page's own sources."""
    node = find_node()
    command = [str(node.executable), str(VITE), "build", "--config", "proof/vite.config.ts", "--outDir", str(folder)]
    built = subprocess.run(
        command, cwd=FRONTEND, env=node_environment(node, os.environ), capture_output=True, text=True, check=False
    )
    if built.returncode != 0:
        raise RuntimeError(f"vite failed:\n{built.stdout}\n{built.stderr}")
    return folder


class Answers(BaseHTTPRequestHandler):
    """Answers as the distribution gives them, with the page's policy, and without a word of each request."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


class _Handler(Answers):
    def __init__(self, *given: Any, folder: Path, served: Mapping[str, bytes], headers: Mapping[str, str]) -> None:
        self._folder, self._served, self._headers = folder, served, headers
        super().__init__(*given)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        file = self._folder / (path.lstrip("/") or "index.html")
        if path in self._served:
            self.answer(200, self._served[path], "application/octet-stream", self._headers)
        elif file.is_file():
            media_type = _TYPES.get(file.suffix, "application/octet-stream")
            self.answer(200, file.read_bytes(), media_type, self._headers)
        else:
            self.answer(404, b"", "text/plain", self._headers)


@contextmanager
def serving(folder: Path, served: Mapping[str, bytes], *, is_isolated: bool) -> Iterator[str]:
    """The address of a server of the folder and of what is `served` by its path."""
    handler = partial(_Handler, folder=folder, served=served, headers=ISOLATED if is_isolated else {})
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as address:
        yield address


@contextmanager
def listening(server: ThreadingHTTPServer) -> Iterator[str]:
    """The address of a server that answers until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Proof:
    """The proof page, opened: its functions by name, and what its console complained about."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def is_isolated(self) -> bool:
        return bool(self._page.evaluate("window.proof.isIsolated"))

    def call(self, name: str, *arguments: object) -> Any:
        """What a function of the page answers; raises playwright's Error with the words of what it throws."""
        return self._page.evaluate("([name, given]) => window.proof[name](...given)", [name, list(arguments)])


@contextmanager
def opened(address: str, *, timeout_s: float = 120) -> Iterator[Proof]:
    """The page at an address in a Chromium of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            page = browser.new_page()
            page.set_default_timeout(1000 * timeout_s)
            proof = Proof(page)
            page.goto(address)
            page.wait_for_function("window.proof !== undefined")
            yield proof
        finally:
            browser.close()
