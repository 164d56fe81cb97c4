"""The model server in a function, over fakes: it answers as the server does, waits for its model, and tries again."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from inference_container import lane as function
from inference_container.lane import Lane
from inference_container.settings import Settings, SettingsError
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, Unavailable
from maskmill.core.limits import LANE_ANSWER_BYTES_MAX
from maskmill.core.shard import ServerProblem, ShardAnswer, ShardRequest
from tests.container.pictures import SIZE, FakeSegmenter, FolderSource, blob, png, request, task

Make = Callable[..., Lane]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A lane over a folder of pictures: `make(build, deadline_s=…)`."""
    folder = FolderSource(tmp_path)
    folder.put("s3://pictures/good.png", png(blob()[0]))
    made: list[Lane] = []

    def begin(build: Callable[[], Any] = FakeSegmenter, **changes: Any) -> Lane:
        settings = Settings(engine=Engine.CLASSIC, checkpoint=None, s3_endpoint_url=None, **changes)
        made.append(Lane(settings, build, folder, time.monotonic))
        return made[-1]

    yield begin
    for lane in made:
        lane.close()


def event_of(shard: ShardRequest) -> Any:
    """A request as the function gets it: JSON's own types."""
    return json.loads(shard.model_dump_json())


def code_of(answer: Any) -> str:
    return ServerProblem.model_validate(answer).code


def test_a_request_is_answered_with_masks(make: Make) -> None:
    answer = ShardAnswer.model_validate(make().answer(event_of(request(task("good", SIZE)))))
    assert answer.segmenter == "fake-1"
    assert [mask.mask_key for mask in answer.images[0].masks] == ["good/0"]
    assert answer.images[0].masks[0].mask.rle.size == SIZE


def test_the_model_is_loaded_once_for_many_requests(make: Make) -> None:
    built: list[FakeSegmenter] = []

    def build() -> FakeSegmenter:
        built.append(FakeSegmenter())
        return built[-1]

    lane = make(build)
    for _ in range(5):
        assert "images" in lane.answer(event_of(request(task("good", SIZE))))
    assert len(built) == 1


def test_the_first_request_waits_for_the_model(make: Make) -> None:
    segmenter = FakeSegmenter()
    segmenter.may_go.clear()
    threading.Timer(0.1, segmenter.may_go.set).start()
    assert "images" in make(lambda: segmenter).answer(event_of(request(task("good", SIZE))))


def test_a_model_that_takes_longer_than_the_caller_goes_on_loading(make: Make) -> None:
    segmenter = FakeSegmenter()
    segmenter.may_go.clear()
    lane = make(lambda: segmenter, deadline_s=0.05)
    assert code_of(lane.answer(event_of(request(task("good", SIZE))))) == "model_unavailable"
    segmenter.may_go.set()
    deadline = time.monotonic() + 5
    while "images" not in lane.answer(event_of(request(task("good", SIZE)))):
        assert time.monotonic() < deadline


def test_a_model_that_could_not_be_loaded_is_loaded_again_for_the_next_request(make: Make) -> None:
    attempts: list[int] = []

    def build() -> FakeSegmenter:
        attempts.append(1)
        if len(attempts) == 1:
            raise Unavailable(Code.MODEL_UNAVAILABLE, message="The weights could not be fetched.")
        return FakeSegmenter()

    lane = make(build)
    problem = ServerProblem.model_validate(lane.answer(event_of(request(task("good", SIZE)))))
    assert (problem.code, problem.message) == ("model_unavailable", "The weights could not be fetched.")
    assert "images" in lane.answer(event_of(request(task("good", SIZE))))
    assert len(attempts) == 2


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (event_of(request(task("good", SIZE), segmenter="other-1")), "wrong_segmenter"),
        ({"version": 1, "segmenter": "fake-1", "images": []}, "invalid_request"),
        ({"Records": []}, "invalid_request"),
        ([], "invalid_request"),
        (None, "invalid_request"),
    ],
)
def test_an_event_that_cannot_be_answered_is_a_problem(make: Make, event: Any, code: str) -> None:
    assert code_of(make().answer(event)) == code


def test_a_picture_that_fails_is_an_answer(make: Make) -> None:
    answer = ShardAnswer.model_validate(make().answer(event_of(request(task("missing", SIZE)))))
    assert answer.images[0].error is not None
    assert answer.images[0].error.code == "not_found"


def test_an_answer_that_a_function_cannot_give_back_is_a_problem(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = make()
    whole = lane.answer(event_of(request(task("good", SIZE))))
    monkeypatch.setattr(function, "LANE_ANSWER_BYTES_MAX", len(json.dumps(whole)) // 2)
    assert code_of(lane.answer(event_of(request(task("good", SIZE))))) == "answer_too_large"
    assert LANE_ANSWER_BYTES_MAX < 6 * 1024 * 1024


def test_the_handler_reads_its_environment_with_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the same environment answers the next one, with the engine that the environment names."""
    monkeypatch.setattr(function, "start_logging", lambda: None)  # it takes the log over from the test runner
    function.connect.cache_clear()
    env = {"SEGMENTER": "classic", "DEADLINE_S": "20", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a"}
    with mock.patch.dict(os.environ, {**env, "AWS_SECRET_ACCESS_KEY": "b"}):
        context = mock.Mock(aws_request_id="r-1")
        assert code_of(function.handler({"images": []}, context)) == "invalid_request"
        assert code_of(function.handler(event_of(request(task("good", SIZE))), context)) == "wrong_segmenter"
        assert function.connect.cache_info().misses == 1
        function.connect().close()
    function.connect.cache_clear()


def test_a_broken_environment_stops_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "start_logging", lambda: None)
    function.connect.cache_clear()
    with mock.patch.dict(os.environ, {"SEGMENTER": "magic"}), pytest.raises(SettingsError, match="magic"):
        function.handler({}, None)
    function.connect.cache_clear()
