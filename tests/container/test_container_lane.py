"""The lane as Lambda runs it: the real runtime client against a runtime API that hands out events, and a small S3."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from maskmill.core.shard import ServerProblem, ShardAnswer
from tests.container.pictures import SIZE, blob, click, png, request, task, truth_of
from tests.container.process import REPOSITORY, SECRET, Objects

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(find_spec("awslambdaric") is None, reason="the runtime client of functions is not installed"),
]
PATH = "/2018-06-01/runtime/"


class RuntimeApi(ThreadingHTTPServer):
    """What Lambda puts before the process: `next` gives an event, `response` and `error` take the outcome."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.outcomes: queue.Queue[tuple[str, Any]] = queue.Queue()

    def invoke(self, event: str) -> tuple[str, Any]:
        """The kind of the outcome (`response` or `error`), and what it says."""
        self.events.put(event.encode())
        return self.outcomes.get(timeout=30)


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert self.path == f"{PATH}invocation/next"
        self._send(
            200,
            self.server.events.get(),
            {
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": "9999999999999",
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:lane",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.outcomes.put((self.path.rsplit("/", 1)[-1], json.loads(body)))
        self._send(202, b"", {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    server = RuntimeApi()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def log(api: RuntimeApi, objects: Objects, tmp_path: Path) -> Iterator[Path]:
    """A running function; gives its log."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "lane",
        "AWS_ENDPOINT_URL": objects.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "SEGMENTER": "classic",
        "DEADLINE_S": "20",
    }
    place = tmp_path / "log"
    command = [sys.executable, "-m", "awslambdaric", "inference_container.lane.handler"]
    with place.open("wb") as file:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=file, stderr=file)
    yield place
    process.kill()
    process.wait()


def test_events_are_answered_with_masks_and_with_problems(api: RuntimeApi, objects: Objects, log: Path) -> None:
    image, truth = blob()
    objects.objects["/pictures/good.png"] = png(image)
    shard = request(task("good", SIZE, click(truth)), segmenter="classic-1")
    for _ in range(2):
        kind, answer = api.invoke(shard.model_dump_json())
        assert kind == "response", log.read_text()
        (mask,) = ShardAnswer.model_validate(answer).images[0].masks
        found = truth_of(mask.mask.rle)
        assert (found & truth).sum() / (found | truth).sum() > 0.95
    kind, answer = api.invoke(request(task("good", SIZE), segmenter="classic-0").model_dump_json())
    assert (kind, ServerProblem.model_validate(answer).code) == ("response", "wrong_segmenter")
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["message"] == "invocation"]
    assert [line["masks"] for line in told] == [1, 1]
    assert all(uuid.UUID(line["inference_id"]) for line in told)
    assert SECRET not in log.read_text()
