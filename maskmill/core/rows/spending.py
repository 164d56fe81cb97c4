"""The one row that stops what costs money; it knows nothing of who asks for it.

SYSTEM               SPENDING             whether work is stopped, since when and why, and when it last went on
"""

from __future__ import annotations

from dataclasses import dataclass

from maskmill.core.rows.signing import SYSTEM_PK
from maskmill.core.table import Condition, Key, Op, Put, Row, Update


@dataclass(frozen=True, slots=True)
class Spending:
    """What the switch says. Times are seconds since 1970; a switch that nobody ever touched lets everything run."""

    is_stopped: bool = False
    reason: str = ""
    changed_at_s: int = 0

    def alive_since_s(self, born_at_s: int) -> int:
        """Since when something had the time that it may take: it does not age while work is stopped."""
        return max(born_at_s, self.changed_at_s)

    def may_have_held(self, changed_at_s: int) -> bool:
        """Whether the message that should have changed something since then may have been put aside."""
        return not self.is_stopped and changed_at_s <= self.changed_at_s


def spending_key() -> Key:
    return Key(SYSTEM_PK, "SPENDING")


def put_spending() -> Put:
    """A switch that lets everything run."""
    return Put(spending_key(), {"is_stopped": False, "reason": "", "changed_at_s": 0})


def spending_of(row: Row | None) -> Spending:
    return Spending() if row is None else Spending(row["is_stopped"], row["reason"], row["changed_at_s"])


def stop_spending(reason: str, *, now_s: int) -> Update:
    """Stops; refused while it is stopped already, so that the first reason stays."""
    return _turned(is_stopped=True, reason=reason, now_s=now_s)


def resume_spending(*, now_s: int) -> Update:
    """Lets everything run again; refused while it does."""
    return _turned(is_stopped=False, reason="", now_s=now_s)


def _turned(*, is_stopped: bool, reason: str, now_s: int) -> Update:
    return Update(
        spending_key(),
        set={("is_stopped",): is_stopped, ("reason",): reason, ("changed_at_s",): now_s},
        require=(Condition(("is_stopped",), Op.EQUALS, not is_stopped),),
    )
