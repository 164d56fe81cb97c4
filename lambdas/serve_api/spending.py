"""The switch that stops what costs money, as the API shows and turns it; it knows no HTTP and nobody's groups."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdas import spending, state
from lambdas.serve_api.ports import Ports
from maskmill.core.api import SpendingView, TurnSpending
from maskmill.core.rows import Spending


def view(ports: Ports) -> SpendingView:
    """What the switch says, at most some seconds old."""
    return _shown(ports.spending.now())


def turn(ports: Ports, body: TurnSpending) -> SpendingView:
    """Turn the switch; what it says then. Where it is stopped already, the first reason stays."""
    at_s = state.now_s(ports.clock)
    if body.reason is None:
        return _shown(spending.resume(ports.table, now_s=at_s))
    return _shown(spending.stop(ports.table, body.reason, now_s=at_s))


def _shown(found: Spending) -> SpendingView:
    return SpendingView(
        is_stopped=found.is_stopped,
        reason=found.reason or None,
        changed_at=datetime.fromtimestamp(found.changed_at_s, UTC) if found.changed_at_s else None,
    )
