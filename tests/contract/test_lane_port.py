"""The lane port: what comes back is an answer or one of the product's errors, whatever went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.aws import clients
from lambdas.aws.lane import FunctionLane
from maskmill.core.errors import Code, InvalidInput, MaskmillError, ModelFailure, Unavailable
from maskmill.core.geometry import Point, Size
from maskmill.core.mask import Mask, Rle
from maskmill.core.ports import Lane
from maskmill.core.prompt import Prompt
from maskmill.core.shard import (
    ImageAnswer,
    ImageTask,
    MaskAnswer,
    PromptTask,
    ServerProblem,
    ShardAnswer,
    ShardRequest,
)
from tests.contract import aws
from tests.contract.clouds import EMULATOR, Cloud
from tests.contract.emulated import image_function, model_server
from tests.simulation.cloud import MemoryLane

SIZE = Size(height_px=3, width_px=4)
PROMPT = PromptTask(mask_key="0", prompt=Prompt(points=(Point(x=0.5, y=0.5),)))
REQUEST = ShardRequest(
    segmenter="classic-1",
    images=(ImageTask(image_key="0", address="s3://media/t/a/px/1/normal.png", size=SIZE, prompts=(PROMPT,)),),
)
MASK = MaskAnswer(mask_key="0", mask=Mask(rle=Rle(size=SIZE, counts="0\\12"), score=0.5))
ANSWER = ShardAnswer(segmenter="classic-1", images=(ImageAnswer(image_key="0", masks=(MASK,)),))
SECRET = "a path of the server"
LANE = "maskmill-test-lane"
on_moto = pytest.mark.parametrize("cloud", ["moto"], indirect=True)


@dataclass(frozen=True, slots=True)
class LaneUnderTest:
    """The port, with the function that stands in on moto, or what the model server on the emulator says next."""

    port: Lane
    function: aws.LaneFunction | None = None
    answers: list[bytes] = field(default_factory=list)


@pytest.fixture(scope="module")
def lane_name(cloud: Cloud) -> str:
    if cloud.name == "emulator":
        image_function(LANE)
    return LANE


@pytest.fixture
def lane(cloud: Cloud, lane_name: str, model_port: int) -> Iterator[LaneUnderTest]:
    """The port, and what answers behind it for as long as a test runs."""
    if cloud.name == "memory":
        yield LaneUnderTest(MemoryLane(lambda _request: ANSWER))
    elif cloud.name == "moto":
        with aws.lane(lambda _payload: aws.answering(ANSWER)) as function:
            yield LaneUnderTest(FunctionLane(clients.functions(), lane_name), function)
    else:
        with model_server(model_port) as answers:
            answers.append(ANSWER.model_dump_json().encode())
            yield LaneUnderTest(FunctionLane(clients.functions(), lane_name), answers=answers)


def test_the_answer_comes_back_whole(lane: LaneUnderTest) -> None:
    assert lane.port.answer(REQUEST) == ANSWER


@pytest.fixture
def function(cloud: Cloud) -> Iterator[aws.LaneFunction]:
    with aws.lane(lambda _payload: aws.answering(ANSWER)) as standing_in:
        yield standing_in


def ask() -> ShardAnswer:
    return FunctionLane(clients.functions(), LANE).answer(REQUEST)


@on_moto
def test_the_function_gets_the_request_as_it_is(function: aws.LaneFunction) -> None:
    ask()
    assert [ShardRequest.model_validate(call) for call in function.calls] == [REQUEST]


def problem(code: str) -> Callable[[object], tuple[int, dict[str, str], bytes]]:
    return lambda _payload: aws.answering(ServerProblem(code=code, message=SECRET))


def refused(code: str, status: int) -> Callable[[object], tuple[int, dict[str, str], bytes]]:
    headers = {"x-amzn-ErrorType": code}
    return lambda _payload: (status, headers, b'{"Message": "' + SECRET.encode() + b'"}')


FAULTS: dict[str, tuple[Callable[..., tuple[int, dict[str, str], bytes]], type[MaskmillError], Code]] = {
    "still loading": (problem("model_unavailable"), Unavailable, Code.MODEL_UNAVAILABLE),
    "busy": (problem("unavailable"), Unavailable, Code.MODEL_UNAVAILABLE),
    "another version, during a deployment": (problem("wrong_segmenter"), Unavailable, Code.MODEL_UNAVAILABLE),
    "an answer that is too long": (problem("answer_too_large"), InvalidInput, Code.ANSWER_TOO_LARGE),
    "a request that it does not understand": (problem("invalid_request"), ModelFailure, Code.MODEL_FAILED),
    "a code that nobody knows": (problem("news"), ModelFailure, Code.MODEL_FAILED),
    "the process died": (
        lambda _payload: aws.answering(b'{"errorType": "Sandbox.Timedout"}', x_amz_function_error="Unhandled"),
        Unavailable,
        Code.MODEL_UNAVAILABLE,
    ),
    "no JSON": (lambda _payload: aws.answering(b"<html>"), ModelFailure, Code.MODEL_FAILED),
    "nothing": (lambda _payload: aws.answering(b"null"), ModelFailure, Code.MODEL_FAILED),
    "too many at once": (refused("TooManyRequestsException", 429), Unavailable, Code.UNAVAILABLE),
    "the service is down": (refused("ServiceException", 500), Unavailable, Code.UNAVAILABLE),
    "the function sleeps": (refused("ResourceConflictException", 409), Unavailable, Code.MODEL_UNAVAILABLE),
    "the image is not there yet": (refused("ResourceNotReadyException", 502), Unavailable, Code.MODEL_UNAVAILABLE),
    "no right to call it": (refused("AccessDeniedException", 403), MaskmillError, Code.INTERNAL),
    "no such function": (refused("ResourceNotFoundException", 404), MaskmillError, Code.INTERNAL),
}


@on_moto
@pytest.mark.parametrize(("reply", "kind", "code"), FAULTS.values(), ids=FAULTS)
def test_what_goes_wrong_has_a_name_and_is_not_tried_again(
    function: aws.LaneFunction,
    reply: Callable[..., tuple[int, dict[str, str], bytes]],
    kind: type[MaskmillError],
    code: Code,
) -> None:
    function.reply = reply
    with pytest.raises(MaskmillError) as caught:
        ask()
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert SECRET not in caught.value.message
    assert len(function.calls) == 1


# A function that is an image answers JSON or fails: its own runtime sees to that.
SAID = [name for name, (reply, _, _) in FAULTS.items() if reply(None)[:2] == (200, {}) and name != "no JSON"]


@pytest.mark.parametrize("cloud", [EMULATOR], indirect=True)
@pytest.mark.parametrize("said", SAID)
def test_what_a_running_model_server_says_instead_of_an_answer_has_the_same_name(
    lane: LaneUnderTest, said: str
) -> None:
    reply, kind, code = FAULTS[said]
    lane.answers.append(reply(None)[2])
    with pytest.raises(MaskmillError) as caught:
        lane.port.answer(REQUEST)
    assert (type(caught.value), caught.value.code) == (kind, code)


@pytest.mark.parametrize("cloud", [EMULATOR], indirect=True)
def test_a_lane_that_nothing_runs_in_is_asked_again_later(cloud: Cloud, lane_name: str) -> None:
    with pytest.raises(Unavailable) as caught:
        ask()
    assert caught.value.code is Code.MODEL_UNAVAILABLE


@on_moto
def test_a_function_that_takes_too_long_is_waited_for_once(function: aws.LaneFunction) -> None:
    def hang(_payload: object) -> tuple[int, dict[str, str], bytes]:
        raise ReadTimeoutError(endpoint_url="lambda")

    function.reply = hang
    with pytest.raises(Unavailable):
        ask()
    assert len(function.calls) == 1
    assert clients.functions().meta.config.read_timeout == clients.LANE_TIMEOUT_S
