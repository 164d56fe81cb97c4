"""The route of what the caller may use."""

from __future__ import annotations

from lambdas.serve_api import quotas
from lambdas.serve_api.routes.call import Call, Reply, Route
from maskmill.core.api import UsageView


def _read(call: Call) -> Reply:
    return Reply(200, quotas.view(call.ports, call.tenant))


ROUTES = (
    Route(
        method="GET",
        path="/usage",
        run=_read,
        about="The quotas of the caller: each limit, what of it is used, and when the day ends",
        answers={200: UsageView},
    ),
)
