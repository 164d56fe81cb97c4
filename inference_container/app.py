"""The two addresses that SageMaker calls, as a WSGI application; it knows no engine and no storage.

    GET  /ping         200 when the segmenter is ready, else 503 with the reason
    POST /invocations  a ShardRequest in, a ShardAnswer out; a ServerProblem for a request that fails as a whole

Every answer carries Content-Length, which SageMaker's asynchronous endpoints need, and a handful of short headers.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from inference_container.gate import Gate
from inference_container.images import ImageSource
from inference_container.model import Model
from inference_container.shards import answer_shard
from maskmill.core.errors import Code, InvalidInput, MaskmillError, message_of
from maskmill.core.shard import ServerProblem, ShardAnswer, ShardRequest

_LOG = logging.getLogger(__name__)
_FAULTS_SHOWN_MAX = 5
_RETRY_AFTER_S = 5

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

_STATUS = {200: "200 OK", 400: "400 Bad Request", 404: "404 Not Found", 405: "405 Method Not Allowed",
           413: "413 Content Too Large", 500: "500 Internal Server Error", 503: "503 Service Unavailable"}  # fmt: skip
_STATUS_OF_CODE = {
    Code.INVALID_REQUEST: 400,
    Code.WRONG_SEGMENTER: 400,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.BODY_TOO_LARGE: 413,
    Code.UNAVAILABLE: 503,
    Code.MODEL_UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class App:
    """The application over its parts; called by a WSGI server from several threads."""

    model: Model
    source: ImageSource
    gate: Gate
    deadline_s: float
    request_bytes_max: int
    clock: Callable[[], float] = time.monotonic

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        if answer.status == 503:
            headers.append(("Retry-After", str(_RETRY_AFTER_S)))
        start_response(_STATUS[answer.status], headers)
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        try:
            return self._routed(environ)
        except MaskmillError as error:
            status = _STATUS_OF_CODE.get(error.code, 500)
            _log_refusal(environ, status, error)
            return _problem(status, error.code, error.message)
        except Exception:  # noqa: BLE001 - the edge: the log has the story, the caller gets none of it
            _LOG.exception("%s failed", environ.get("PATH_INFO"))
            return _problem(500, Code.INTERNAL, message_of(Code.INTERNAL))

    def _routed(self, environ: Environ) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path == "/ping":
            _expect(method, "GET", "HEAD")
            return self._ping()
        if path == "/invocations":
            _expect(method, "POST")
            return self._invocation(environ)
        raise MaskmillError(Code.NOT_FOUND)

    def _ping(self) -> Answer:
        if not self.gate.is_open:
            return _problem(503, Code.UNAVAILABLE, "The model server is shutting down.")
        segmenter = self.model.segmenter()
        return Answer(200, json.dumps({"segmenter": segmenter.version}).encode())

    def _invocation(self, environ: Environ) -> Answer:
        started = self.clock()
        deadline = started + self.deadline_s
        segmenter = self.model.segmenter()
        request = _parsed(_body(environ, self.request_bytes_max))
        if request.segmenter != segmenter.version:
            raise InvalidInput(Code.WRONG_SEGMENTER, detail=f"{request.segmenter}, not {segmenter.version}")
        with self.gate.passage(deadline):
            answer = answer_shard(request, segmenter, self.source, clock=self.clock, deadline=deadline)
        _log_invocation(environ, answer, self.clock() - started)
        return Answer(200, answer.model_dump_json().encode())


def _expect(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise MaskmillError(Code.METHOD_NOT_ALLOWED)


def _body(environ: Environ, bytes_max: int) -> bytes:
    """The request's body; raises InvalidInput when it is longer than `bytes_max`."""
    length = int(environ.get("CONTENT_LENGTH") or 0)  # the server has read the whole body and set its true length
    if length > bytes_max:
        raise InvalidInput(Code.BODY_TOO_LARGE, detail=f"{length} bytes")
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _parsed(body: bytes) -> ShardRequest:
    try:
        return ShardRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(
            f"/{'/'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:_FAULTS_SHOWN_MAX]
        )
        message = f"The body is not a shard request: {shown}"
        raise InvalidInput(Code.INVALID_REQUEST, message=message) from error


def _problem(status: int, code: Code, message: str) -> Answer:
    return Answer(status, ServerProblem(code=code, message=message).model_dump_json().encode())


def _log_refusal(environ: Environ, status: int, error: MaskmillError) -> None:
    if environ.get("PATH_INFO") != "/ping":  # which is asked every few seconds; the model's state is logged once
        _LOG.warning("%s refused with %d: %s", environ.get("PATH_INFO"), status, error)


def _log_invocation(environ: Environ, answer: ShardAnswer, seconds: float) -> None:
    facts = {
        "inference_id": environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID", ""),
        "images": len(answer.images),
        "masks": sum(len(image.masks) for image in answer.images),
        "failed": sum(image.error is not None for image in answer.images),
        "seconds": round(seconds, 3),
    }
    _LOG.info("invocation %s", json.dumps(facts))
