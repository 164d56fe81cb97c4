"""The lane port on a function that runs the model server's code; it knows no prompt and no mask.

What the function answers is a ShardAnswer, or a ServerProblem where it could not begin. Of a problem only the code is
taken: its words are of any length and meant for the log.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from lambdas.aws.faults import code_of, translated
from maskmill.core.errors import Code, InvalidInput, MaskmillError, ModelFailure, Unavailable
from maskmill.core.shard import ServerProblem, ShardAnswer, ShardRequest

# A function from an image is asleep after weeks without a call, and is being made or changed during a deployment.
_NOT_READY = frozenset({"ResourceConflictException", "ResourceNotReadyException"})
_PASSING = frozenset({Code.UNAVAILABLE, Code.MODEL_UNAVAILABLE, Code.WRONG_SEGMENTER})  # the last during a deployment
_DETAIL_CHARS_MAX = 500


class FunctionLane:
    """One function, called and waited for; the client brings the bound of the waiting."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def answer(self, request: ShardRequest) -> ShardAnswer:
        with translated("Invoke"):
            try:
                called = self._client.invoke(FunctionName=self._name, Payload=request.model_dump_json().encode())
            except ClientError as error:
                if code_of(error) in _NOT_READY:
                    raise Unavailable(Code.MODEL_UNAVAILABLE, detail=f"Invoke: {error}") from error
                raise
            with closing(called["Payload"]) as payload:
                data = bytes(payload.read())
        if "FunctionError" in called:
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail=f"the lane died: {_shown(data)}")
        try:
            return ShardAnswer.stored(data)
        except ValidationError as error:
            raise _problem(data) from error


def _problem(data: bytes) -> MaskmillError:
    """What the lane said instead of an answer, as an error."""
    try:
        problem = ServerProblem.stored(data)
    except ValidationError:
        return ModelFailure(detail=f"neither an answer nor a problem: {_shown(data)}")
    detail = f"the lane refused: {problem.code}: {problem.message[:_DETAIL_CHARS_MAX]}"
    if problem.code in _PASSING:
        return Unavailable(Code.MODEL_UNAVAILABLE, detail=detail)
    if problem.code == Code.ANSWER_TOO_LARGE:
        return InvalidInput(Code.ANSWER_TOO_LARGE, detail=detail)
    return ModelFailure(detail=detail)


def _shown(data: bytes) -> str:
    return data[:_DETAIL_CHARS_MAX].decode("utf-8", "replace")
