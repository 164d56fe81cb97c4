"""The model server as a process of its own, and the small S3 that it reads its images from."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.container.talk import Reply, call

SECRET = "a-secret-that-no-log-may-hold"
REPOSITORY = Path(__file__).resolve().parents[2]


class Objects(ThreadingHTTPServer):
    """As much of S3 as GetObject and PutObject need; `delay_s` holds every answer back."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ObjectHandler)
        self.objects: dict[str, bytes] = {}
        self.paths: list[str] = []
        self.delay_s = 0.0

    def handle_error(self, *_: object) -> None:
        """A killed model server leaves connections behind; that is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _ObjectHandler(BaseHTTPRequestHandler):
    server: Objects
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        assert "AWS4-HMAC-SHA256" in self.headers["Authorization"]
        time.sleep(self.server.delay_s)
        data = self.server.objects.get(self.path)
        missing = b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>'
        self._send(200 if data is not None else 404, data if data is not None else missing)

    def do_PUT(self) -> None:
        if self.headers.get("Expect") == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        self.server.objects[self.path] = body
        self._send(200, b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _unchunked(body: bytes) -> bytes:
    """The content of a body in AWS's signed chunks: a line with the size in hexadecimal before each."""
    content = b""
    while body:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            break
        content, body = content + body[:size], body[size + 2 :]
    return content


@contextmanager
def storing() -> Iterator[Objects]:
    """A small S3 while the block runs."""
    server = Objects()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Server:
    """A model server process on a free port of this machine."""

    def __init__(self, folder: Path, objects_url: str, *, python: str = sys.executable, **env: str) -> None:
        """Its log goes to `<folder>/log`; `env` is added to its environment."""
        self.port = free_port()
        self.log = folder / "log"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AWS_ENDPOINT_URL": objects_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "MODEL_DIR": str(folder),
            **env,
        }
        command = [python, "-m", "inference_container.server", "serve"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)

    def call(self, method: str, path: str, body: bytes | str | None = None, *, timeout_s: float = 30) -> Reply:
        return call(self.port, method, path, body, timeout_s=timeout_s)

    def ping_until(self, *, status: int, timeout_s: float = 20) -> Reply:
        ends_at = time.monotonic() + timeout_s
        while True:
            try:
                reply = self.call("GET", "/ping", timeout_s=2)
                if reply.status == status:
                    return reply
            except ConnectionError:
                pass
            assert time.monotonic() < ends_at, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
