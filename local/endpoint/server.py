"""The HTTP face of the stand-in: SageMaker's call, the role's credentials, and a view for tests. It queues nothing.

POST /endpoints/{name}/async-invocations    the call of the SDKs, with SageMaker's status, headers and errors
POST /endpoints/{name}/invocations          the same for a realtime endpoint, answered by the container
GET  /credentials[/{name}]                  the execution role's session, as a container's credentials endpoint
GET  /_local/state                          counters per endpoint
PUT  /_local/faults/{name}                  {"drop_notifications": 1}: how many are still to come, see invocation.FAULTS
GET  /ping                                  whether the stand-in itself is up
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from local.endpoint import realtime
from local.endpoint.cloud import CloudError
from local.endpoint.host import Host
from local.endpoint.invocation import FAULTS
from local.endpoint.request import ValidationError, parse

INVOCATION = re.compile(r"/endpoints/([^/]+)/(async-)?invocations")
READ_BYTES_MAX = realtime.BODY_BYTES_MAX + 64 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response with a JSON body, or with the bytes of a container."""

    status: int
    content: dict[str, Any] | bytes
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An AWS error: status, error type, message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"Message": message, "message": message}, {"x-amzn-errortype": kind})


class EndpointServer:
    """A WSGI application over a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            reply = self.answer(read_call(environ))
        except Refused as refused:
            reply = refused.reply
        except ValidationError as error:
            reply = Refused(400, "ValidationError", str(error)).reply
        except CloudError as error:
            reply = Refused(500, "InternalFailure", str(error)).reply
        body = reply.content if isinstance(reply.content, bytes) else json.dumps(reply.content).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **reply.headers}
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", list(headers.items()))
        return [body]

    def answer(self, call: Call) -> Reply:
        invocation = INVOCATION.fullmatch(call.path)
        if invocation and call.method == "POST":
            name, queued = invocation.groups()
            return self._invoke(name, call) if queued else self._ask(name, call)
        parts = call.path.strip("/").split("/")
        match (call.method, *parts):
            case ("GET", "ping"):
                return Reply(200, {"status": "ok"})
            case ("GET", "credentials", *name):
                return Reply(200, self._credentials(name[0] if name else None))
            case ("GET", "_local", "state"):
                return Reply(200, {running.endpoint.name: running.state() for running in self._host.endpoints()})
            case ("PUT", "_local", "faults", name):
                return self._set_faults(name, json.loads(call.body))
        raise Refused(404, "UnknownOperationException", f"{call.method} {call.path} is not an operation")

    def _ask(self, name: str, call: Call) -> Reply:
        self._check_signature(name, call, "sagemaker:InvokeEndpoint")
        try:
            media_type, body = realtime.ask(self._host.endpoint(name).runner, call.headers, call.body)
        except realtime.ModelError as error:
            said = {"OriginalStatusCode": error.status, "OriginalMessage": error.words}
            return Reply(424, {"Message": error.message, **said}, {"x-amzn-errortype": "ModelError"})
        return Reply(200, body, {"Content-Type": media_type, "x-Amzn-Invoked-Production-Variant": "main"})

    def _invoke(self, name: str, call: Call) -> Reply:
        self._check_signature(name, call, "sagemaker:InvokeEndpointAsync")
        request = parse(name, call.headers, call.body)
        waiting = self._host.endpoint(name).accept(request)
        headers = {"X-Amzn-SageMaker-OutputLocation": waiting.output_location}
        if waiting.failure_location:
            headers["X-Amzn-SageMaker-FailureLocation"] = waiting.failure_location
        return Reply(202, {"InferenceId": waiting.inference_id}, headers)

    def _check_signature(self, name: str, call: Call, action: str) -> None:
        """The signature's scope, then, through the emulator, signature and policies of the caller."""
        authorization = call.headers.get("authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256"):
            raise Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if not re.search(r"Credential=[^/]+/\d{8}/[a-z0-9-]+/sagemaker/aws4_request", authorization):
            message = "Credential should be scoped to correct service: 'sagemaker'."
            raise Refused(403, "InvalidSignatureException", message)
        arn = self._host.endpoint(name).endpoint.arn
        permission = self._host.cloud.authorize({
            "action": action, "resource": arn, "method": call.method, "path": call.path, "headers": call.headers,
            "body": base64.b64encode(call.body).decode(),
        })  # fmt: skip
        if not permission.allowed:
            raise Refused(403, permission.code, permission.message)

    def _credentials(self, name: str | None) -> dict[str, str]:
        running = self._host.endpoint(name) if name else next(iter(self._host.endpoints()), None)
        if running is None:
            raise ValidationError("No endpoint is deployed.")
        return self._host.cloud.credentials(running.endpoint.role)

    def _set_faults(self, name: str, wanted: dict[str, int]) -> Reply:
        unknown = sorted(set(wanted) - set(FAULTS))
        if unknown:
            raise ValidationError(f"Unknown faults {unknown}; known are {list(FAULTS)}.")
        faults = self._host.endpoint(name).runner.faults
        faults.update(wanted)
        return Reply(200, dict(faults))


def read_call(environ: dict[str, Any]) -> Call:
    size_bytes = int(environ.get("CONTENT_LENGTH") or 0)
    if size_bytes > READ_BYTES_MAX:
        raise ValidationError(f"The body takes {size_bytes} bytes; at most {realtime.BODY_BYTES_MAX} are allowed.")
    named = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    named |= {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    headers = {name.replace("_", "-").lower(): value for name, value in named.items()}
    body = environ["wsgi.input"].read(size_bytes) if size_bytes else b""
    return Call(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, body)
