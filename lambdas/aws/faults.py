"""Turns the SDK's faults into the product's errors, by type or error code; it knows no call in particular."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, not the built-in one
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
)

from maskmill.core.errors import Code, MaskmillError, Unavailable

_BUSY = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "ExpiredToken",
        "ExpiredTokenException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)
_HTTP_TOO_MANY = 429
_HTTP_SERVER_FAULT = 500


def code_of(error: ClientError) -> str:
    """The service's error code, for example `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_busy_code(code: str) -> bool:
    """Whether the same call may work later."""
    return code in _BUSY


def is_busy(error: ClientError) -> bool:
    """Whether the same call may work later, by the error's code or by the status of its answer."""
    answer: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    return is_busy_code(code_of(error)) or status == _HTTP_TOO_MANY or status >= _HTTP_SERVER_FAULT


@contextmanager
def translated(call: str) -> Iterator[None]:
    """Run one call of the SDK: what may pass becomes Unavailable, all else an internal error with the cause kept."""
    try:
        yield
    except ClientError as error:
        if is_busy(error):
            raise Unavailable(detail=f"{call}: {code_of(error)}") from error
        raise MaskmillError(Code.INTERNAL, detail=f"{call}: {code_of(error)}") from error
    except (ConnectionError, HTTPClientError, IncompleteReadError, CredentialRetrievalError) as error:
        raise Unavailable(detail=f"{call}: {type(error).__name__}") from error
    except BotoCoreError as error:
        raise MaskmillError(Code.INTERNAL, detail=f"{call}: {type(error).__name__}: {error}") from error
