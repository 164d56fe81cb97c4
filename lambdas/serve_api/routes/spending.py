"""The routes of the switch that stops what costs money."""

from __future__ import annotations

from lambdas.serve_api import bodies, spending
from lambdas.serve_api.routes.call import Call, Reply, Route
from maskmill.core.api import SpendingView, TurnSpending


def _read(call: Call) -> Reply:
    return Reply(200, spending.view(call.ports))


def _turn(call: Call) -> Reply:
    return Reply(200, spending.turn(call.ports, bodies.read(call.body(), TurnSpending)))


ROUTES = (
    Route(
        method="GET",
        path="/spending",
        run=_read,
        about="Whether new work is stopped, for everybody, and why",
        answers={200: SpendingView},
    ),
    Route(
        method="PATCH",
        path="/spending",
        run=_turn,
        about="Stop new work with a reason, or let it go on: for people of the group `admin`",
        answers={200: SpendingView},
        body=TurnSpending,
        is_for_admins=True,
    ),
)
