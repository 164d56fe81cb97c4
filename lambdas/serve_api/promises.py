"""What a route promises beyond its own table: the refusals and headers that follow from what it is; no document."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.serve_api import problems
from lambdas.serve_api.routes.call import CURSOR, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Header, Route
from maskmill.core.errors import Code

_OK = 200
_CREATED = 201
_ACCEPTED = 202


def codes_of(route: Route) -> dict[Code, int]:
    """Every code with which a route may refuse, and the status that it comes with."""
    return {code: problems.STATUS[code] for code in sorted({*_common(route), *route.codes})}


def _common(route: Route) -> Iterator[Code]:
    yield Code.INTERNAL
    if not route.is_public:
        yield from (Code.UNAUTHENTICATED, Code.RATE_LIMITED, Code.UNAVAILABLE)
    if route.is_for_admins:
        yield Code.FORBIDDEN
    if route.is_spending:
        yield Code.SPENDING_STOPPED
    if "<" in route.path:
        yield Code.NOT_FOUND
    if route.body is not None:
        yield from (Code.MALFORMED_JSON, Code.BODY_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.INVALID_REQUEST)
    if route.is_creating:
        yield from (Code.IDEMPOTENCY_MISMATCH, Code.STILL_RUNNING)
    if CURSOR in route.query:
        yield Code.INVALID_CURSOR
    if IDEMPOTENCY_KEY in headers_of(route) or any(param.most or param.choices for param in route.query):
        yield Code.INVALID_REQUEST


def headers_of(route: Route) -> tuple[Header, ...]:
    """The headers of a request that change what the route does."""
    return (*route.headers, IDEMPOTENCY_KEY) if route.is_creating else route.headers


def answer_headers_of(route: Route, status: int) -> set[str]:
    """The headers that an answer of this status always has, beyond those of every answer."""
    found = set() if route.is_public else {"RateLimit", "RateLimit-Policy"}
    if status == _ACCEPTED:
        found.add("Retry-After")
    if status in (_CREATED, _ACCEPTED) and route.locates:
        found.add("Location")
    if IF_NONE_MATCH in route.headers or (IF_MATCH in route.headers and status == _OK):
        found.add("ETag")
    return found
