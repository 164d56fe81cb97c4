"""The addresses of the model server as a WSGI application; it knows no engine and no storage.

    GET  /ping         200 when the segmenter is ready, else 503 with the state and the reason
    POST /invocations  a ShardRequest in, a ShardAnswer out; a ServerProblem for a request that fails as a whole
    GET  /stats        what the server has done so far, as JSON

The first two are those that SageMaker calls. Every answer carries Content-Length, which SageMaker's asynchronous
endpoints need, and a handful of short headers.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from inference_container.gate import Gate
from inference_container.logs import as_metrics
from inference_container.model import Model
from inference_container.shards import Workshop
from inference_container.telemetry import Count, Telemetry
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable, message_of
from maskmill.core.shard import ServerProblem, ShardAnswer, ShardRequest

_LOG = logging.getLogger(__name__)
_FAULTS_SHOWN_MAX = 5
_NAME_CHARS_MAX = 64
_FAILED_IN_ROW_MAX = 16
_RETRY_AFTER_S = 5
_CORRELATION = re.compile(r"(?<!\w)correlation_id=([A-Za-z0-9]{1,64})(?![\w-])")
_PROBE_PATHS = frozenset({"/ping", "/stats"})  # asked every few seconds; the model's state is logged once

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_STATUS = {
    200: "200 OK", 400: "400 Bad Request", 404: "404 Not Found", 405: "405 Method Not Allowed",
    413: "413 Content Too Large", 415: "415 Unsupported Media Type", 500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}  # fmt: skip
_STATUS_OF_CODE = {
    Code.INVALID_REQUEST: 400,
    Code.MALFORMED_JSON: 400,
    Code.WRONG_SEGMENTER: 400,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.BODY_TOO_LARGE: 413,
    Code.UNAVAILABLE: 503,
    Code.MODEL_UNAVAILABLE: 503,
}


class _WrongMediaType(InvalidInput):
    """The body is declared as something else than JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class App:
    """The application over its parts; called by a WSGI server from several threads."""

    model: Model
    workshop: Workshop
    gate: Gate
    telemetry: Telemetry
    deadline_s: float
    request_bytes_max: int
    metrics_namespace: str | None = None
    clock: Callable[[], float] = time.monotonic

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        if answer.status == 503:
            headers.append(("Retry-After", str(_RETRY_AFTER_S)))
        start_response(_STATUS[answer.status], headers)
        return [answer.body]

    def _answer(self, environ: Environ) -> Answer:
        path = environ.get("PATH_INFO", "")
        try:
            return self._routed(environ, path)
        except MaskmillError as error:
            status = 415 if isinstance(error, _WrongMediaType) else _STATUS_OF_CODE.get(error.code, 500)
            if path not in _PROBE_PATHS:
                self.telemetry.fail(error.code)
                _LOG.warning("%s refused with %d: %s", path, status, error, extra={"facts": _asker(environ)})
            return _problem(status, error.code, error.message)
        except Exception:  # noqa: BLE001 - the edge: the log has the story, the caller gets none of it
            self.telemetry.fail(Code.INTERNAL)
            _LOG.exception("%s failed", path, extra={"facts": _asker(environ)})
            return _problem(500, Code.INTERNAL, message_of(Code.INTERNAL))

    def _routed(self, environ: Environ, path: str) -> Answer:
        method = environ["REQUEST_METHOD"]
        if path == "/ping":
            _expect(method, "GET", "HEAD")
            return self._ping()
        if path == "/stats":
            _expect(method, "GET", "HEAD")
            return self._stats()
        if path == "/invocations":
            _expect(method, "POST")
            return self._invocation(environ)
        raise MaskmillError(Code.NOT_FOUND)

    def _ping(self) -> Answer:
        self._expect_health()
        segmenter = self.model.segmenter()
        return Answer(200, json.dumps({"segmenter": segmenter.version}).encode())

    def _expect_health(self) -> None:
        """Raises Unavailable when this server is not to be sent anything more."""
        if not self.gate.is_open:
            raise Unavailable(message="The model server is shutting down.")
        thinking_s = self.workshop.thinking_s()
        if thinking_s > self.deadline_s:
            message = f"The model has been at one image for {thinking_s:.0f} s; this server has to be replaced."
            raise Unavailable(Code.MODEL_UNAVAILABLE, message=message)
        if self.workshop.failed_in_row >= _FAILED_IN_ROW_MAX:  # after some errors of a GPU nothing works any more
            message = (
                f"The model broke on the last {self.workshop.failed_in_row} images; this server has to be replaced."
            )
            raise Unavailable(Code.MODEL_UNAVAILABLE, message=message)

    def _stats(self) -> Answer:
        try:
            self._expect_health()
            state = {"segmenter": self.model.segmenter().version, "problem": None}
        except MaskmillError as error:
            state = {"segmenter": None, "problem": error.message}
        facts = {**state, "model": self.model.facts(), **self.telemetry.snapshot()}
        return Answer(200, json.dumps(facts).encode())

    def _invocation(self, environ: Environ) -> Answer:
        started = self.clock()
        deadline = started + self.deadline_s
        segmenter = self.model.proven_segmenter(self.deadline_s)
        request = _parsed(_body(environ, self.request_bytes_max))
        if request.segmenter != segmenter.version:
            raise InvalidInput(Code.WRONG_SEGMENTER, detail=f"{request.segmenter}, not {segmenter.version}")
        with self.gate.passage(deadline), self.telemetry.busy():
            answer = self.workshop.answer(request, segmenter, deadline=deadline)
            body = answer.model_dump_json().encode()
        self.telemetry.add(Count.INVOCATIONS)
        self._log(environ, answer, self.clock() - started)
        return Answer(200, body)

    def _log(self, environ: Environ, answer: ShardAnswer, seconds: float) -> None:
        facts: dict[str, Any] = {
            **_asker(environ),
            "images": len(answer.images),
            "masks": sum(len(image.masks) + len(image.found) for image in answer.images),
            "failed": sum(image.error is not None for image in answer.images),
            "seconds": round(seconds, 3),
        }
        if self.metrics_namespace is not None:
            now_ms = int(time.time() * 1000)
            facts = as_metrics(facts, namespace=self.metrics_namespace, segmenter=answer.segmenter, at_ms=now_ms)
        _LOG.info("invocation", extra={"facts": facts})


def _expect(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise MaskmillError(Code.METHOD_NOT_ALLOWED)


def _body(environ: Environ, bytes_max: int) -> bytes:
    """The request's body; raises InvalidInput when it is longer than `bytes_max` or declared as no JSON."""
    media_type = str(environ.get("CONTENT_TYPE") or "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _WrongMediaType(message="The body must be JSON: send it with Content-Type: application/json.")
    length = int(environ.get("CONTENT_LENGTH") or 0)  # the server has read the whole body and set its true length
    if length > bytes_max:
        raise InvalidInput(Code.BODY_TOO_LARGE, detail=f"{length} bytes")
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _parsed(body: bytes) -> ShardRequest:
    """The request; raises InvalidInput with the JSON pointers (RFC 6901) of what is wrong."""
    try:
        return ShardRequest.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise InvalidInput(Code.MALFORMED_JSON, detail=faults[0]["msg"]) from error
        shown = "; ".join(f"{_pointer(fault['loc'])}: {fault['msg']}" for fault in faults[:_FAULTS_SHOWN_MAX])
        raise InvalidInput(message=f"The body is not a shard request: {shown}") from error


def _pointer(place: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place) or '""'


def _problem(status: int, code: Code, message: str) -> Answer:
    return Answer(status, ServerProblem(code=code, message=message).model_dump_json().encode())


def _asker(environ: Environ) -> dict[str, str]:
    """What names a request in the logs of both sides: the request's id, and the job's.

    Of the custom attributes nothing else is logged: they may carry tokens.
    """
    name = str(environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID", ""))[:_NAME_CHARS_MAX]
    job = _CORRELATION.search(str(environ.get("HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES", "")))
    return {**({"inference_id": name} if name else {}), **({"correlation_id": job.group(1)} if job else {})}
