"""The routes that anyone may ask, about the service itself."""

from __future__ import annotations

from lambdas.serve_api import about
from lambdas.serve_api.routes.call import Call, Reply, Route
from maskmill.core.api import Health, Limits


def _health(call: Call) -> Reply:
    return Reply(200, about.health(call.ports))


def _bounds(call: Call) -> Reply:
    return Reply(200, about.bounds(call.ports))


ROUTES = (
    Route(
        method="GET",
        path="/health",
        run=_health,
        about="Whether the service answers, and which segmenter new jobs use",
        answers={200: Health},
        is_public=True,
    ),
    Route(
        method="GET",
        path="/limits",
        run=_bounds,
        about="The bounds that a client should know before it is refused",
        answers={200: Limits},
        is_public=True,
    ),
)
