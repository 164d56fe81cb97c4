"""Errors as RFC 9457 problems: one table from code to status; it knows no route and leaks no detail."""

from __future__ import annotations

from maskmill.core.api import Problem, ProblemField
from maskmill.core.errors import Code, MaskmillError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:maskmill:error:"
# When the same call may work; a quota is free again when its owner made room, which takes as long as it takes.
RETRY_AFTER_S = {
    Code.UNAVAILABLE: 2,
    Code.MODEL_UNAVAILABLE: 3,
    Code.STILL_RUNNING: 1,
    Code.RATE_LIMITED: 60,
    Code.QUOTA_EXCEEDED: 3600,
}

STATUS: dict[Code, int] = {
    Code.INVALID_REQUEST: 422,
    Code.MALFORMED_JSON: 400,
    Code.BODY_TOO_LARGE: 413,
    Code.INVALID_CURSOR: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.UNSUPPORTED_MEDIA_TYPE: 415,
    Code.CONFLICT: 409,
    Code.STILL_RUNNING: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.IDEMPOTENCY_MISMATCH: 422,
    Code.QUOTA_EXCEEDED: 429,
    Code.RATE_LIMITED: 429,
    Code.SPENDING_STOPPED: 503,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
    Code.INVALID_FILENAME: 422,
    Code.FILE_TOO_LARGE: 422,
    Code.INVALID_RECIPE: 422,
    Code.NO_IMAGES: 422,
    Code.TOO_MANY_IMAGES: 422,
    Code.NEED_POSITIVE_POINT: 422,
    Code.NOT_IMPLEMENTED: 422,
    Code.WEBHOOK_URL_REFUSED: 422,
    Code.ANSWER_TOO_LARGE: 422,
    Code.MODEL_FAILED: 502,
    Code.MODEL_UNAVAILABLE: 503,
    Code.MODEL_TIMEOUT: 504,
}
# The words of codes that an item of a job has, too, for somebody who waits for an answer.
WORDS: dict[Code, str] = {
    Code.MODEL_FAILED: "The segmenter could not work on this image. Try other points, or report the request id.",
    Code.MODEL_UNAVAILABLE: "The segmenter is loading or busy. Try again in a few seconds.",
    Code.MODEL_TIMEOUT: "The segmenter took too long. Try again, or search with fewer points.",
}


def public_error(error: Exception) -> MaskmillError:
    """What may be said about an error: codes of this edge as they are, everything else as `internal`."""
    if isinstance(error, MaskmillError) and error.code in STATUS and error.code is not Code.INTERNAL:
        return error
    return MaskmillError(Code.INTERNAL)


def problem_of(error: MaskmillError, request_id: str) -> Problem:
    """The body of an answer that refuses; `error` comes from `public_error`."""
    return Problem(
        type=TYPE_PREFIX + error.code.value,
        title=error.code.value.replace("_", " ").capitalize(),
        status=STATUS[error.code],
        code=error.code.value,
        detail=WORDS.get(error.code, error.message),
        request_id=request_id,
        errors=tuple(
            ProblemField(pointer=fault.pointer, detail=fault.detail, where=fault.where) for fault in error.faults
        ),
    )


def headers_of(error: MaskmillError) -> dict[str, str]:
    seconds = RETRY_AFTER_S.get(error.code) if error.retry_after_s is None else error.retry_after_s
    return {} if seconds is None else {"Retry-After": str(seconds)}
