"""The two addresses over real HTTP: contract, errors, concurrency. The segmenter is a fake."""

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inference_container.logs import JsonLines
from inference_container.segmenter import Picture
from maskmill.core.errors import Code
from maskmill.core.prompt import Prompt
from maskmill.core.shard import ServerProblem
from tests.container.conftest import REQUEST_BYTES_MAX, Start
from tests.container.pictures import SIZE, FakeSegmenter, blob, png, request, task

pytestmark = pytest.mark.enable_socket

PROMPT = Prompt.model_validate({"points": [{"x": 0.5, "y": 0.5}]})


def test_a_shard_of_many_images_and_prompts_is_answered(start: Start) -> None:
    server = start()
    for index in range(6):
        server.source.put(f"s3://pictures/{index}.png", png(blob(seed=index)[0]))
    answer = server.invoke(request(*(task(str(index), SIZE, PROMPT, PROMPT) for index in range(6))))
    assert answer.segmenter == "fake-1"
    assert {image.image_key for image in answer.images} == {str(index) for index in range(6)}
    assert {mask.mask_key for image in answer.images for mask in image.masks} == {
        f"{index}/{prompt}" for index in range(6) for prompt in range(2)
    }


def test_one_bad_image_fails_alone(start: Start) -> None:
    server = start()
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    server.source.put("s3://pictures/odd.png", png(np.full((90, 120, 3), 13, np.uint8)))
    answer = server.invoke(request(task("good", SIZE), task("gone", SIZE), task("odd", SIZE)))
    codes = {image.image_key: image.error and image.error.code for image in answer.images}
    assert codes == {"good": None, "gone": Code.NOT_FOUND, "odd": Code.MODEL_FAILED}


def test_a_ping_is_answered_while_an_invocation_runs(start: Start) -> None:
    server = start()
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    segmenter: FakeSegmenter = server.segmenter
    segmenter.may_go.clear()
    with ThreadPoolExecutor() as pool:
        invocation = pool.submit(server.invoke, request(task("good", SIZE)))
        assert segmenter.started.wait(5)
        began = time.monotonic()
        reply = server.call("GET", "/ping", timeout_s=2)
        assert reply.status == 200
        assert time.monotonic() - began < 1
        segmenter.may_go.set()
        assert invocation.result(10).images[0].error is None


def test_pings_are_answered_however_many_invocations_come(start: Start) -> None:
    server = start(waiting_max=2)
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    server.segmenter.may_go.clear()
    body = request(task("good", SIZE)).model_dump_json()
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(server.call, "POST", "/invocations", body) for _ in range(10)]
        server.segmenter.started.wait(5)
        assert server.call("GET", "/ping", timeout_s=2).status == 200
        server.segmenter.may_go.set()
        replies = [one.result(10) for one in calls]
    assert sorted({reply.status for reply in replies}) == [200, 503]
    assert all("retry-after" in reply.headers for reply in replies if reply.status == 503)


@pytest.mark.parametrize("most", [1, 2])
def test_invocations_at_once_are_bounded(start: Start, most: int) -> None:
    server = start(invocations_max=most)
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    shard = request(*[task("good", SIZE)] * 5)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(server.invoke, [shard] * 6))
    assert server.segmenter.running_most <= most


def test_a_loading_server_is_not_ready_and_says_why(start: Start) -> None:
    segmenter = FakeSegmenter()
    segmenter.may_go.clear()
    server = start(segmenter, is_loaded=False)
    for method, path, body in (("GET", "/ping", None), ("POST", "/invocations", "{}")):
        reply = server.call(method, path, body, timeout_s=2)
        assert reply.status == 503
        problem = ServerProblem.model_validate_json(reply.body)
        assert problem.code == Code.MODEL_UNAVAILABLE
        assert "loading" in problem.message
    segmenter.may_go.set()
    for _ in range(100):
        if server.call("GET", "/ping").status == 200:
            break
        time.sleep(0.02)
    assert server.call("GET", "/ping").json == {"segmenter": "fake-1"}


@pytest.mark.parametrize("body", ["", "not json", "\xff\xfe", '{"version": 1'])
def test_a_body_that_is_no_json_is_refused(start: Start, body: str) -> None:
    reply = start().call("POST", "/invocations", body.encode("latin-1"))
    assert reply.status == 400
    assert ServerProblem.model_validate_json(reply.body).code == Code.MALFORMED_JSON


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("[]", ['"":']),
        ("{}", ["/segmenter:", "/images:"]),
        ('{"version": 2, "segmenter": "fake-1", "images": []}', ["/version:", "/images:"]),
        (
            json.dumps({"segmenter": "fake-1", "images": [{"image_key": "a", "address": "file:///etc", "a/b~c": 1}]}),
            ["/images/0/address:", "/images/0/size:", "/images/0/a~1b~0c:"],
        ),
    ],
)
def test_a_body_of_another_shape_is_refused_with_pointers(start: Start, body: str, pointers: list[str]) -> None:
    reply = start().call("POST", "/invocations", body)
    assert (reply.status, reply.json["code"]) == (400, Code.INVALID_REQUEST)
    assert all(pointer in reply.json["message"] for pointer in pointers)


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-npy", "image/png; q=1"])
def test_another_content_type_than_json_is_refused(start: Start, media_type: str) -> None:
    body = request(task("a", SIZE)).model_dump_json()
    reply = start().call("POST", "/invocations", body, headers={"Content-Type": media_type})
    assert (reply.status, reply.json["code"]) == (415, Code.INVALID_REQUEST)
    assert "application/json" in reply.json["message"]


def test_json_may_name_its_charset(start: Start) -> None:
    body = request(task("a", SIZE)).model_dump_json()
    reply = start().call("POST", "/invocations", body, headers={"Content-Type": "application/JSON; charset=utf-8"})
    assert reply.status == 200


def test_another_segmenter_than_ours_is_refused(start: Start) -> None:
    reply = start().call("POST", "/invocations", request(task("a", SIZE), segmenter="other-2").model_dump_json())
    assert (reply.status, reply.json["code"]) == (400, Code.WRONG_SEGMENTER)


@pytest.mark.parametrize("factor", [1.5, 3])
def test_a_body_that_is_too_large_is_refused(start: Start, factor: float) -> None:
    reply = start().call("POST", "/invocations", b" " * int(factor * REQUEST_BYTES_MAX))
    assert reply.status == 413


def test_a_large_body_is_refused_in_words(start: Start) -> None:
    reply = start().call("POST", "/invocations", b" " * (REQUEST_BYTES_MAX + 1))
    assert reply.json["code"] == Code.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/ping", 405), ("GET", "/invocations", 405), ("GET", "/", 404), ("GET", "/secrets", 404)],
)
def test_other_addresses_and_methods_are_refused(start: Start, method: str, path: str, status: int) -> None:
    assert start().call(method, path).status == status


def test_a_fault_of_ours_leaks_nothing(start: Start) -> None:
    class Broken(FakeSegmenter):
        is_broken = False

        @property
        def version(self) -> str:  # type: ignore[override]
            if self.is_broken:
                raise RuntimeError("a secret")
            return "fake-1"

    server = start(Broken())
    server.segmenter.is_broken = True
    reply = server.call("POST", "/invocations", request(task("a", SIZE)).model_dump_json())
    assert (reply.status, reply.json["code"]) == (500, Code.INTERNAL)
    assert b"secret" not in reply.body


def test_answers_carry_their_length_and_short_headers(start: Start) -> None:
    server = start()
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    for reply in (
        server.call("GET", "/ping"),
        server.call("POST", "/invocations", request(task("good", SIZE)).model_dump_json()),
        server.call("POST", "/invocations", "{}"),
    ):
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert "transfer-encoding" not in reply.headers
        assert sum(len(name) + len(value) + 4 for name, value in reply.headers.items()) < 1024


class Stubborn(FakeSegmenter):
    """Hangs on images whose first pixel is 99."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()

    def embed(self, picture: Picture) -> tuple[int, ...]:
        if int(picture.pixels[0, 0, 0]) == 99:
            self.may_end.wait(30)
        return super().embed(picture)


def test_a_model_that_hangs_costs_the_time_limit_and_makes_the_server_unhealthy(start: Start) -> None:
    segmenter = Stubborn()
    server = start(segmenter, deadline_s=1.5, readers=1)  # in the order of the request
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    server.source.put("s3://pictures/stuck.png", png(np.full((90, 120, 3), 99, np.uint8)))
    began = time.monotonic()
    answer = server.invoke(request(task("good", SIZE), task("stuck", SIZE), task("good", SIZE)))
    assert 1.4 < time.monotonic() - began < 5
    assert [image.error and image.error.code for image in answer.images] == [None, *[Code.MODEL_TIMEOUT] * 2]
    _wait_for(lambda: server.call("GET", "/ping").status == 503)
    reply = server.call("GET", "/ping")
    assert reply.json["code"] == Code.MODEL_UNAVAILABLE
    assert "replaced" in reply.json["message"]
    assert "replaced" in server.stats["problem"]
    segmenter.may_end.set()
    _wait_for(lambda: server.call("GET", "/ping").status == 200)
    assert server.invoke(request(task("good", SIZE))).images[0].error is None


def test_a_model_that_breaks_on_every_image_makes_the_server_unhealthy(start: Start) -> None:
    server = start()
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    server.source.put("s3://pictures/odd.png", png(np.full((90, 120, 3), 13, np.uint8)))
    odd, good, gone = task("odd", SIZE), task("good", SIZE), task("gone", SIZE)
    for shard in ([odd] * 15, [good], [*[odd] * 15, *[gone] * 5]):  # never sixteen in a row
        server.invoke(request(*shard))
    assert server.call("GET", "/ping").status == 200
    server.invoke(request(odd))
    reply = server.call("GET", "/ping")
    assert (reply.status, reply.json["code"]) == (503, Code.MODEL_UNAVAILABLE)
    assert "broke" in reply.json["message"]


def _wait_for(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_the_statistics_say_what_was_done(start: Start) -> None:
    server = start(FakeSegmenter(packs=True))
    server.source.put("s3://pictures/good.png", png(blob()[0]))
    kept = task("good", SIZE, PROMPT, PROMPT).model_copy(update={"embedding": "s3://pictures/good.bin"})
    for _ in range(2):
        server.invoke(request(kept, task("gone", SIZE)))
    server.call("POST", "/invocations", "{}")
    stats = server.stats
    assert (stats["segmenter"], stats["problem"], stats["model"]["state"]) == ("fake-1", None, "ready")
    assert {name: stats[name] for name in ("invocations", "images", "prompts", "masks", "embeds")} == {
        "invocations": 2,
        "images": 4,
        "prompts": 6,
        "masks": 4,
        "embeds": 1,
    }
    assert (stats["embedding_hits_memory"], stats["embeddings_stored"]) == (1, 1)
    assert stats["failures"] == {Code.INVALID_REQUEST: 1, Code.NOT_FOUND: 2}
    assert all(seconds > 0 for seconds in stats["seconds"].values())
    assert 0 < stats["busy_share"] < 1
    assert stats["process"]["rss_bytes"] > 10_000_000


def test_the_statistics_are_there_before_the_model(start: Start) -> None:
    segmenter = FakeSegmenter()
    segmenter.may_go.clear()
    stats = start(segmenter, is_loaded=False).stats
    assert (stats["segmenter"], stats["model"]["state"]) == (None, "loading")
    assert "loading" in stats["problem"]
    segmenter.may_go.set()


def test_the_log_names_the_request_and_no_secret(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = start(metrics_namespace="Maskmill/Model")
    names = {
        "X-Amzn-SageMaker-Inference-Id": "job-7.1",
        "X-Amzn-SageMaker-Custom-Attributes": "token=hush,correlation_id=0abc",
    }
    assert server.call("POST", "/invocations", request(task("a", SIZE)).model_dump_json(), headers=names).status == 200
    _wait_for(lambda: any(record.message == "invocation" for record in caplog.records))
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    [told] = [line for line in lines if line["message"] == "invocation"]
    assert (told["inference_id"], told["correlation_id"]) == ("job-7.1", "0abc")
    assert (told["images"], told["failed"]) == (1, 1)
    [metrics] = told["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Maskmill/Model"
    assert all(metric["Name"] in told for metric in metrics["Metrics"])
    assert "hush" not in json.dumps(lines)
