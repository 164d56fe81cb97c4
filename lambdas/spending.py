"""The switch that stops what costs money, as one process sees it; it knows no AWS.

It is looked at before a job, an upload or a request to a model is taken, and by then at most a few seconds old: a
process reads the row once in SPENDING_READ_S, whatever it does in that time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from lambdas import state
from maskmill.core import rows
from maskmill.core.errors import Code, Unavailable
from maskmill.core.limits import SPENDING_READ_S, SPENDING_RETRY_S
from maskmill.core.ports import Clock, Table
from maskmill.core.rows import Spending
from maskmill.core.table import RowConflict, Update


@dataclass(slots=True)
class Switch:
    """The row of the switch, kept for a few seconds."""

    table: Table
    clock: Clock
    _seen: Spending | None = None
    _read_at_s: int = 0

    def now(self) -> Spending:
        """What the switch says; raises Unavailable when nobody can tell, since it may say stop."""
        at_s = state.now_s(self.clock)
        if self._seen is None or not 0 <= at_s - self._read_at_s < SPENDING_READ_S:
            self._seen, self._read_at_s = read(self.table), at_s
        return self._seen

    def check(self) -> None:
        """Raises Unavailable (`spending_stopped`) while work is stopped."""
        found = self.now()
        if found.is_stopped:
            raise Unavailable(
                Code.SPENDING_STOPPED,
                message=f"New work is stopped: {found.reason} What was submitted waits. Try again later.",
                retry_after_s=SPENDING_RETRY_S,
            )


def read(table: Table) -> Spending:
    """What the switch says; raises Unavailable when nobody can tell."""
    return rows.spending_of(table.get(rows.spending_key()))


def stop(table: Table, reason: str, *, now_s: int) -> Spending:
    """Stop what costs money, unless it is stopped; returns what the switch says now."""
    return _turn(table, rows.stop_spending(_sentence(reason), now_s=now_s))


def resume(table: Table, *, now_s: int) -> Spending:
    """Let everything run again; returns what the switch says now."""
    return _turn(table, rows.resume_spending(now_s=now_s))


def _turn(table: Table, write: Update) -> Spending:
    with suppress(RowConflict):  # it was touched before
        table.write(rows.put_spending())
    try:
        return rows.spending_of(table.write(write))
    except RowConflict as conflict:
        return rows.spending_of(conflict.current)


def _sentence(reason: str) -> str:
    """The reason as it stands before other sentences."""
    text = " ".join(reason.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
