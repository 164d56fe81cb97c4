"""What an answer of the service means as an error of the product; it knows no routes and repeats nothing.

    400 405 413 415 422   InvalidInput          401 403   InvalidInput with code `unauthenticated`
    404                   NotFound              409       Conflict
    429                   QuotaExceeded where the code says so, else Unavailable
    500                   MaskmillError         5xx       Unavailable

The answer itself stays attached as the error's cause: `request_id_of` reads it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from maskmill.core.api import Problem
from maskmill.core.errors import (
    Code,
    Conflict,
    FieldFault,
    InvalidInput,
    MaskmillError,
    NotFound,
    QuotaExceeded,
    Unavailable,
    message_of,
)

_REQUEST_ID_HEADERS = ("x-request-id", "apigw-requestid", "x-amzn-requestid", "x-amz-cf-id")
_BY_STATUS: dict[int, type[MaskmillError]] = {404: NotFound, 409: Conflict}


class RefusedAnswer(Exception):
    """An answer of the service that is not a success, as it came."""

    def __init__(self, *, status: int, code: str, request_id: str | None) -> None:
        self.status = status
        self.code = code
        self.request_id = request_id
        super().__init__(f"{status} {code} (request {request_id or 'unknown'})")


def request_id_of(error: BaseException) -> str | None:
    """The id under which the service logged the request that this error came from, where there is one."""
    return error.__cause__.request_id if isinstance(error.__cause__, RefusedAnswer) else None


def code_of(error: MaskmillError) -> str:
    """The code as the service wrote it, also when this client is too old to know it."""
    return error.__cause__.code if isinstance(error.__cause__, RefusedAnswer) else error.code.value


def error_of(response: httpx.Response) -> MaskmillError:
    """The error that an unsuccessful answer stands for, ready to be raised."""
    problem = _problem_of(response)
    status = response.status_code
    code = _known(problem.code) if problem else None
    kind = _kind_of(status, code)
    error = kind(
        code or _code_for(status, kind),
        message=problem.detail if problem else _words(response, kind),
        detail=f"HTTP {status} from {response.request.method} {response.request.url.path}",
        faults=tuple(FieldFault(pointer=fault.pointer, detail=fault.detail) for fault in problem.errors)
        if problem
        else (),
    )
    error.__cause__ = RefusedAnswer(
        status=status,
        code=problem.code if problem else error.code.value,
        request_id=problem.request_id if problem else _request_id(response),
    )
    return error


def retry_after_s(response: httpx.Response) -> float | None:
    """What `Retry-After` asks for in seconds; None when it is absent or not understood."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _problem_of(response: httpx.Response) -> Problem | None:
    try:
        return Problem.model_validate_json(response.content, extra="ignore")
    except ValidationError:
        return None


def _known(code: str) -> Code | None:
    return Code(code) if code in Code._value2member_map_ else None


def _kind_of(status: int, code: Code | None) -> type[MaskmillError]:
    if code is Code.IDEMPOTENCY_MISMATCH:
        return Conflict
    if code is Code.QUOTA_EXCEEDED:
        return QuotaExceeded
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == HTTPStatus.TOO_MANY_REQUESTS or status > HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable
    return MaskmillError if status == HTTPStatus.INTERNAL_SERVER_ERROR else InvalidInput


def _code_for(status: int, kind: type[MaskmillError]) -> Code:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Code.UNAUTHENTICATED
    return kind.default_code


def _words(response: httpx.Response, kind: type[MaskmillError]) -> str:
    if response.is_redirect or response.is_success:
        return "The address does not answer like a Maskmill service. Check the API address."
    return message_of(_code_for(response.status_code, kind))


def _request_id(response: httpx.Response) -> str | None:
    return next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), None)
