"""The real process, as SageMaker starts and ends it, reading its images from a small S3 over HTTP."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maskmill.core.errors import Code
from maskmill.core.geometry import Size
from maskmill.core.shard import ShardAnswer
from tests.container.conftest import Begin
from tests.container.pictures import SIZE, blob, click, png, request, task, truth_of
from tests.container.process import SECRET, Objects, Server

pytestmark = pytest.mark.enable_socket


def test_the_process_answers_a_shard_and_ends_cleanly(begin: Begin, objects: Objects, tmp_path: Path) -> None:
    image, truth = blob()
    objects.objects["/pictures/t/a%20b.png"] = png(image)
    server = begin(SEGMENTER="classic")
    assert server.ping_until(status=200).json == {"segmenter": "classic-1"}
    good = task("good", SIZE, click(truth), click(truth), address="s3://pictures/t/a b.png")
    shard = request(good, task("gone", SIZE), segmenter="classic-1")
    reply = server.call("POST", "/invocations", shard.model_dump_json())
    answers = {image.image_key: image for image in ShardAnswer.model_validate_json(reply.body).images}
    masks = [truth_of(mask.mask.rle) for mask in answers["good"].masks]
    assert all((mask & truth).sum() / (mask | truth).sum() > 0.95 for mask in masks)
    assert answers["gone"].error is not None
    assert answers["gone"].error.code == Code.NOT_FOUND
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    log = (tmp_path / "log").read_text()
    assert f"serving classic on port {server.port}" in log
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["images"] for line in lines if line["message"] == "invocation"] == [2]
    assert not any("trace" in line for line in lines)
    assert SECRET not in log


def test_sigterm_lets_a_running_invocation_finish(begin: Begin, objects: Objects) -> None:
    image, truth = blob()
    objects.objects["/pictures/good.png"] = png(image)
    objects.delay_s = 1.5
    server = begin(SEGMENTER="classic")
    server.ping_until(status=200)
    body = request(task("good", SIZE, click(truth)), segmenter="classic-1").model_dump_json()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(server.call, "POST", "/invocations", body)
        while not objects.paths:
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        assert server.ping_until(status=503, timeout_s=5).json["code"] == Code.UNAVAILABLE
        assert server.call("POST", "/invocations", body).status == 503
        reply = running.result(10)
    assert reply.status == 200
    assert ShardAnswer.model_validate_json(reply.body).images[0].error is None
    assert server.process.wait(10) == 0


def test_a_drain_has_an_end(begin: Begin, objects: Objects) -> None:
    objects.delay_s = 60
    server = begin(SEGMENTER="classic", DRAIN_S="1")
    server.ping_until(status=200)
    body = request(task("good", SIZE), segmenter="classic-1").model_dump_json()
    caller = threading.Thread(target=_call_in_vain, args=(server, body), daemon=True)
    caller.start()
    while not objects.paths:
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(12) == 0
    objects.delay_s = 0


def _call_in_vain(server: Server, body: str) -> None:
    try:
        server.call("POST", "/invocations", body)
    except (OSError, ValueError):
        pass


def test_a_missing_checkpoint_is_a_state_and_not_a_crash(begin: Begin) -> None:
    pytest.importorskip("torch", reason="the SAM engines are not installed")
    server = begin(SEGMENTER="sam-vit-b")
    for _ in range(400):
        reply = server.ping_until(status=503)
        if "loading" not in reply.json["message"]:
            break
        time.sleep(0.05)
    assert reply.json["code"] == Code.MODEL_UNAVAILABLE
    assert "The checkpoint is missing" in reply.json["message"]
    assert server.process.poll() is None


def test_a_broken_environment_stops_the_start_with_its_faults(begin: Begin, tmp_path: Path) -> None:
    server = begin(INVOCATIONS_MAX="many")
    assert server.process.wait(20) == 2
    log = (tmp_path / "log").read_text()
    assert "SEGMENTER" in log
    assert "INVOCATIONS_MAX" in log


def test_an_image_larger_than_its_task_says_is_not_read(begin: Begin, objects: Objects) -> None:
    objects.objects["/pictures/large.png"] = b"x" * 3_000_000
    server = begin(SEGMENTER="classic")
    server.ping_until(status=200)
    shard = request(task("large", Size(height_px=20, width_px=20)), segmenter="classic-1")
    answer = ShardAnswer.model_validate_json(server.call("POST", "/invocations", shard.model_dump_json()).body)
    assert answer.images[0].error is not None
    assert answer.images[0].error.code == Code.FILE_TOO_LARGE


def test_a_ping_is_answered_in_time_while_all_processors_work(begin: Begin, objects: Objects) -> None:
    """GrabCut keeps every processor busy, in native code and in Python; SageMaker gives a ping two seconds."""
    size = Size(height_px=500, width_px=700)
    image, truth = blob(size)
    objects.objects["/pictures/large.png"] = png(image)
    server = begin(SEGMENTER="classic", INVOCATIONS_MAX="3")
    server.ping_until(status=200)
    body = request(task("large", size, *[click(truth)] * 2), segmenter="classic-1").model_dump_json()
    slowest_s, pings = 0.0, 0
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(server.call, "POST", "/invocations", body, timeout_s=120) for _ in range(3)]
        while not all(one.done() for one in running):
            began = time.monotonic()
            assert server.call("GET", "/ping", timeout_s=2).status == 200
            slowest_s, pings = max(slowest_s, time.monotonic() - began), pings + 1
            time.sleep(0.02)
        assert all(one.result().status == 200 for one in running)
    assert pings > 10
    assert slowest_s < 2


def test_a_ping_is_answered_in_time_while_the_model_loads(begin: Begin) -> None:
    """Importing torch holds Python for longer than anything that the server does later."""
    pytest.importorskip("torch", reason="the SAM engines are not installed")
    server = begin(SEGMENTER="sam-vit-b")
    server.ping_until(status=503)
    slowest_s = 0.0
    while True:
        began = time.monotonic()
        reply = server.call("GET", "/ping", timeout_s=2)
        slowest_s = max(slowest_s, time.monotonic() - began)
        if "loading" not in reply.json["message"]:
            break
    assert slowest_s < 2
