"""One call of a realtime endpoint: the container's answer, or SageMaker's words for its lack. It knows no queue."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from local.endpoint import messages
from local.endpoint.backlog import Waiting
from local.endpoint.container import MalformedAnswer, NoAnswer
from local.endpoint.invocation import Runner
from local.endpoint.request import AsyncRequest, ValidationError

BODY_BYTES_MAX = 6_291_456
ANSWER_S_MAX = 60


@dataclass(frozen=True, slots=True)
class ModelError(Exception):
    """The container answered with an error (its status and words), or did not answer (0)."""

    message: str
    status: int
    words: str


def ask(runner: Runner, headers: Mapping[str, str], body: bytes, *, timeout_s: int = ANSWER_S_MAX) -> tuple[str, bytes]:
    """The media type and the bytes of an answer; raises ValidationError, ModelError. Header names are in lower case."""
    if runner.endpoint.output_path is not None:
        raise ValidationError(f"Endpoint {runner.endpoint.name} is asynchronous: use InvokeEndpointAsync.")
    if len(body) > BODY_BYTES_MAX:
        raise ValidationError(f"The body takes {len(body)} bytes; at most {BODY_BYTES_MAX} are allowed.")
    waiting = _waiting(runner, headers, timeout_s)
    runner.counts["invocations"] += 1
    try:
        answer = runner.container.invoke(waiting, body)
    except (NoAnswer, MalformedAnswer) as error:
        runner.log(f"{waiting.inference_id}: {error}")
        words = "Your invocation timed out while waiting for a response from container primary."
        raise _model_error(runner, 0, words) from error
    if not 200 <= answer.status < 300:
        raise _model_error(runner, answer.status, answer.body.decode(errors="replace"))
    runner.counts["completed"] += 1
    return answer.content_type, answer.body


def _waiting(runner: Runner, headers: Mapping[str, str], timeout_s: int) -> Waiting:
    request = AsyncRequest(
        endpoint=runner.endpoint.name,
        content_type=headers.get("content-type"),
        accept=headers.get("accept"),
        custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
        inference_id=headers.get("x-amzn-sagemaker-inference-id") or str(uuid.uuid4()),
        timeout_s=timeout_s,
    )
    return Waiting(
        id=str(request.inference_id),
        inference_id=str(request.inference_id),
        received_at=runner.clock(),
        output_location="",
        failure_location=None,
        request=request,
    )


def _model_error(runner: Runner, status: int, words: str) -> ModelError:
    runner.counts["failed"] += 1
    reason = messages.reason_of_status(runner.endpoint, status).removeprefix("ClientError: ")
    return ModelError(f'{reason} Message from the container: "{words}"', status, words)
