"""The endpoint port on a realtime endpoint: what it leaves behind is what an asynchronous one would have.

The endpoint is the laptop's stand-in before a model server of this test; the queue is moto's, or the emulator's, which
then also decides who may ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.aws import clients
from lambdas.aws.events import AnswerFailed, AnswerReady, callbacks_in
from lambdas.aws.realtime_endpoint import BYTES_MAX, RealtimeEndpoint
from local.emulator.environment import EmulatorSettings
from local.endpoint.cloud import EmulatorCloud, Permission
from local.processes import free_port
from maskmill.core import keys
from maskmill.core.errors import Code, Unavailable
from maskmill.core.ports import Invoked, Objects
from tests.contract import aws
from tests.contract.clouds import EMULATOR, AwsCloud
from tests.contract.emulated import ENDPOINT, REALTIME_ENDPOINT, endpoint_stand_in, model_server
from tests.contract.test_endpoint_port import JOB, KEY, REQUEST, TENANT
from tests.simulation.cloud import MemoryObjects

PLACE = f"{keys.answer_folder(TENANT, JOB)}/{keys.answer_file(REQUEST)}"
pytestmark = pytest.mark.parametrize("cloud", ["moto", EMULATOR], indirect=True)


class Trusting:
    """A cloud that lets everybody in; it keeps nothing."""

    def authorize(self, question: dict[str, Any]) -> Permission:
        assert question["action"] == "sagemaker:InvokeEndpoint"
        return Permission(True)


@dataclass(slots=True)
class Scene:
    """A request that lies in the work bucket, an endpoint before a model, and the queue that is told."""

    queue_url: str
    work: Objects = field(default_factory=lambda: MemoryObjects("work"))

    def invoke(self, name: str = REALTIME_ENDPOINT) -> Invoked:
        endpoint = RealtimeEndpoint(
            clients.realtime_runtime(),
            clients.sqs(),
            name=name,
            work=self.work,
            work_bucket="work",
            collect_queue_url=self.queue_url,
        )
        folder, file = keys.answer_folder(TENANT, JOB), keys.answer_file(REQUEST)
        return endpoint.invoke(request_key=KEY, request_id=REQUEST, answer_folder=folder, answer_file=file)

    def told(self) -> list[Any]:
        return [value for found in aws.received(self.queue_url) for value in callbacks_in(found["Body"])]


Answering = Callable[..., Any]


@pytest.fixture
def scene(cloud: AwsCloud) -> Scene:
    scene = Scene(cloud.queue_url())
    scene.work.put(KEY, b'{"images": []}', media_type="application/json")
    return scene


@pytest.fixture
def answering(
    cloud: AwsCloud, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Answering:
    """A context in which the model answers with a status and a body; with no body nothing listens there."""
    trusted: Any = Trusting()
    if cloud.name == "emulator":
        settings: EmulatorSettings = request.getfixturevalue("emulator")
        trusted = EmulatorCloud(settings.url)

    @contextmanager
    def answer(body: bytes | None, status: int = 200) -> Iterator[None]:
        port = free_port(18190)
        with ExitStack() as stack:
            if body is not None:
                stack.enter_context(model_server(port, status)).append(body)
            url, _ = stack.enter_context(endpoint_stand_in(tmp_path, trusted, f"http://127.0.0.1:{port}"))
            monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
            clients.realtime_runtime.cache_clear()
            yield
            clients.realtime_runtime().close()
            clients.realtime_runtime.cache_clear()

    return answer


def test_the_answer_is_kept_where_it_was_promised_and_told_of(scene: Scene, answering: Answering) -> None:
    with answering(b"masks"):
        promise = scene.invoke()
    assert promise == Invoked(answer=f"s3://work/async/{PLACE}", failure=f"s3://work/async-failed/{PLACE}")
    assert scene.work.get(f"async/{PLACE}") == b"masks"
    assert scene.told() == [AnswerReady(KEY, promise.answer)]


def test_the_same_request_twice_is_answered_twice(scene: Scene, answering: Answering) -> None:
    with answering(b"masks"):
        scene.invoke()
        scene.invoke()
    assert len(scene.told()) == 2


@pytest.mark.parametrize(
    ("status", "body", "words", "reason"),
    [
        (500, b'{"code": "internal"}', b'{"code": "internal"}', "server error (500)"),
        (400, b'{"code": "wrong_segmenter"}', b'{"code": "wrong_segmenter"}', "client error (400)"),
        (200, b"x" * (BYTES_MAX + 1), b"the answer has more than", "the answer has more than"),
        (200, None, b"Your invocation timed out", "timed out"),
    ],
    ids=["failed", "refused", "too long", "died"],
)
def test_a_failure_is_kept_with_the_models_own_words_and_told_of(
    scene: Scene, answering: Answering, status: int, body: bytes | None, words: bytes, reason: str
) -> None:
    with answering(body, status):
        promise = scene.invoke()
    assert scene.work.get(f"async-failed/{PLACE}").startswith(words)
    assert scene.work.head(f"async/{PLACE}") is None
    (told,) = scene.told()
    assert isinstance(told, AnswerFailed)
    assert (told.request_key, told.failure) == (KEY, promise.failure)
    assert reason in told.reason


def test_a_model_that_hangs_is_waited_for_once_and_has_timed_out(scene: Scene, answering: Answering) -> None:
    asked: list[object] = []

    def hang(request: object, **_more: object) -> None:
        asked.append(request)
        raise ReadTimeoutError(endpoint_url="sagemaker")

    with answering(b"masks"):
        clients.realtime_runtime().meta.events.register_first("before-send.sagemaker-runtime.InvokeEndpoint", hang)
        scene.invoke()
    (told,) = scene.told()
    assert "timed out" in told.reason
    assert len(asked) == 1


@pytest.mark.parametrize("trouble", ["busy", "absent", "asynchronous"])
def test_an_endpoint_that_cannot_answer_now_is_asked_again_and_nobody_is_told(
    scene: Scene, answering: Answering, trouble: str
) -> None:
    name = {"busy": REALTIME_ENDPOINT, "absent": "absent", "asynchronous": ENDPOINT}[trouble]
    with answering(b'{"code": "unavailable"}', 503), pytest.raises(Unavailable) as caught:
        scene.invoke(name)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert scene.told() == []
    assert scene.work.head(f"async-failed/{PLACE}") is None
