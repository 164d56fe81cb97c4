"""The real process, as SageMaker starts and ends it, reading its images from a small S3 over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from maskmill.core.errors import Code
from maskmill.core.geometry import Size
from maskmill.core.shard import ShardAnswer
from tests.container.conftest import Reply, call
from tests.container.pictures import SIZE, blob, click, png, request, task, truth_of

pytestmark = pytest.mark.enable_socket

REPOSITORY = Path(__file__).resolve().parents[2]
Begin = Callable[..., tuple[subprocess.Popen[bytes], int]]


class Objects(ThreadingHTTPServer):
    """As much of S3 as GetObject needs; `delay_s` holds every answer back."""

    daemon_threads = True

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

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        assert "AWS4-HMAC-SHA256" in self.headers["Authorization"]
        time.sleep(self.server.delay_s)
        data = self.server.objects.get(self.path)
        missing = b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>'
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data if data is not None else missing)))
        self.end_headers()
        self.wfile.write(data if data is not None else missing)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def objects() -> Iterator[Objects]:
    server = Objects()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def begin(objects: Objects, tmp_path: Path) -> Iterator[Begin]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(**env: str) -> tuple[subprocess.Popen[bytes], int]:
        port = _free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "AWS_ENDPOINT_URL": objects.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "MODEL_DIR": str(tmp_path),
            **env,
        }
        command = [sys.executable, "-m", "inference_container.server", "serve"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
        processes.append(process)
        return process, port

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ping_until(port: int, *, status: int, timeout_s: float = 20) -> Reply:
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            reply = call(port, "GET", "/ping", timeout_s=2)
            if reply.status == status:
                return reply
        except ConnectionError:
            pass
        assert time.monotonic() < ends_at, "no such answer"
        time.sleep(0.05)


def test_the_process_answers_a_shard_and_ends_cleanly(begin: Begin, objects: Objects, tmp_path: Path) -> None:
    image, truth = blob()
    objects.objects["/pictures/t/a%20b.png"] = png(image)
    process, port = begin(SEGMENTER="classic")
    assert ping_until(port, status=200).json == {"segmenter": "classic-1"}
    good = task("good", SIZE, click(truth), click(truth), address="s3://pictures/t/a b.png")
    shard = request(good, task("gone", SIZE), segmenter="classic-1")
    reply = call(port, "POST", "/invocations", shard.model_dump_json())
    answers = {image.image_key: image for image in ShardAnswer.model_validate_json(reply.body).images}
    masks = [truth_of(mask.mask.rle) for mask in answers["good"].masks]
    assert all((mask & truth).sum() / (mask | truth).sum() > 0.95 for mask in masks)
    assert answers["gone"].error is not None
    assert answers["gone"].error.code == Code.NOT_FOUND
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    log = (tmp_path / "log").read_text()
    assert f"serving classic on port {port}" in log
    assert "Traceback" not in log


def test_sigterm_lets_a_running_invocation_finish(begin: Begin, objects: Objects) -> None:
    image, truth = blob()
    objects.objects["/pictures/good.png"] = png(image)
    objects.delay_s = 1.5
    process, port = begin(SEGMENTER="classic")
    ping_until(port, status=200)
    body = request(task("good", SIZE, click(truth)), segmenter="classic-1").model_dump_json()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(call, port, "POST", "/invocations", body)
        while not objects.paths:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert ping_until(port, status=503, timeout_s=5).json["code"] == Code.UNAVAILABLE
        assert call(port, "POST", "/invocations", body).status == 503
        reply = running.result(10)
    assert reply.status == 200
    assert ShardAnswer.model_validate_json(reply.body).images[0].error is None
    assert process.wait(10) == 0


def test_a_drain_has_an_end(begin: Begin, objects: Objects) -> None:
    objects.delay_s = 60
    process, port = begin(SEGMENTER="classic", DRAIN_S="1")
    ping_until(port, status=200)
    body = request(task("good", SIZE), segmenter="classic-1").model_dump_json()
    caller = threading.Thread(target=_call_in_vain, args=(port, body), daemon=True)
    caller.start()
    while not objects.paths:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(12) == 0
    objects.delay_s = 0


def _call_in_vain(port: int, body: str) -> None:
    try:
        call(port, "POST", "/invocations", body)
    except (OSError, ValueError):
        pass


def test_a_missing_checkpoint_is_a_state_and_not_a_crash(begin: Begin) -> None:
    pytest.importorskip("torch", reason="the SAM engines are not installed")
    process, port = begin(SEGMENTER="sam-vit-b")
    for _ in range(400):
        reply = ping_until(port, status=503)
        if "loading" not in reply.json["message"]:
            break
        time.sleep(0.05)
    assert reply.json["code"] == Code.MODEL_UNAVAILABLE
    assert "sam-vit-b.pth is missing" in reply.json["message"]
    assert process.poll() is None


def test_a_broken_environment_stops_the_start_with_its_faults(begin: Begin, tmp_path: Path) -> None:
    process, _ = begin(INVOCATIONS_MAX="many")
    assert process.wait(20) == 2
    log = (tmp_path / "log").read_text()
    assert "SEGMENTER" in log
    assert "INVOCATIONS_MAX" in log


def test_an_image_larger_than_its_task_says_is_not_read(begin: Begin, objects: Objects) -> None:
    objects.objects["/pictures/large.png"] = b"x" * 3_000_000
    _, port = begin(SEGMENTER="classic")
    ping_until(port, status=200)
    shard = request(task("large", Size(height_px=20, width_px=20)), segmenter="classic-1")
    answer = ShardAnswer.model_validate_json(call(port, "POST", "/invocations", shard.model_dump_json()).body)
    assert answer.images[0].error is not None
    assert answer.images[0].error.code == Code.FILE_TOO_LARGE
