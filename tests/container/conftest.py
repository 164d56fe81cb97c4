"""The real HTTP server of the container on a free port, with a fake segmenter unless a test asks for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference_container.app import App
from inference_container.gate import Gate
from inference_container.model import Build, Model
from inference_container.server import create_app, create_http_server
from inference_container.settings import Settings
from maskmill.core.engines import Engine
from maskmill.core.shard import ShardAnswer, ShardRequest
from tests.container.pictures import FakeSegmenter, FolderSource
from tests.container.process import Objects, Server, storing
from tests.container.talk import Reply, call

REQUEST_BYTES_MAX = 64 * 1024


@dataclass(slots=True)
class Running:
    """A server at work and its parts."""

    port: int
    source: FolderSource
    segmenter: Any
    app: App

    @property
    def gate(self) -> Gate:
        return self.app.gate

    @property
    def stats(self) -> Any:
        return self.call("GET", "/stats").json

    def call(self, method: str, path: str, body: bytes | str | None = None, **how: Any) -> Reply:
        return call(self.port, method, path, body, **how)

    def invoke(self, request: ShardRequest) -> ShardAnswer:
        reply = self.call("POST", "/invocations", request.model_dump_json())
        assert reply.status == 200, reply.body
        return ShardAnswer.model_validate_json(reply.body)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start servers: `start(segmenter, invocations_max=…)`; they are ended after the test."""
    threads: list[threading.Thread] = []
    apps: list[App] = []
    is_over = threading.Event()

    def serve(server: Any) -> None:
        while not is_over.is_set():
            server.asyncore.loop(timeout=0.05, map=server._map, use_poll=True, count=1)
        server.task_dispatcher.shutdown(timeout=5)
        server.asyncore.close_all(server._map)

    def begin(segmenter: Any = None, *, build: Build | None = None, is_loaded: bool = True, **changes: Any) -> Running:
        settings = Settings(
            engine=Engine.CLASSIC,
            checkpoint=None,
            s3_endpoint_url=None,
            host="127.0.0.1",
            port=0,
            request_bytes_max=REQUEST_BYTES_MAX,
            **changes,
        )
        segmenter = segmenter or FakeSegmenter()
        model, source = Model(build or (lambda: segmenter)), FolderSource(tmp_path)
        app = create_app(settings, model, source)
        server = create_http_server(app, settings)
        threads.append(threading.Thread(target=serve, args=(server,), daemon=True))
        threads[-1].start()
        model.start()
        if is_loaded:
            assert model.wait(30)
        apps.append(app)
        return Running(int(server.effective_port), source, segmenter, app)

    yield begin
    is_over.set()
    for thread in threads:
        thread.join(10)
    for app in apps:
        app.workshop.close()


@pytest.fixture
def objects() -> Iterator[Objects]:
    """A small S3."""
    with storing() as server:
        yield server


Begin = Callable[..., Server]


@pytest.fixture
def begin(objects: Objects, tmp_path: Path) -> Iterator[Begin]:
    """Start model servers as processes: `begin(SEGMENTER="classic", …)`; they are killed after the test."""
    servers: list[Server] = []

    def start(**env: str) -> Server:
        servers.append(Server(tmp_path, objects.url, **env))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
