"""What the sweep needs of the world, and what it notes of its repairs; it knows no row's meaning."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdas.spending import Switch
from maskmill.core import rows
from maskmill.core.ports import Clock, Objects, Queues, Table
from maskmill.core.table import Key, RowConflict


@dataclass(frozen=True, slots=True)
class Ports:
    """What the sweep needs."""

    table: Table
    uploads: Objects
    work: Objects
    queues: Queues
    clock: Clock
    spending: Switch
    work_bucket: str


@dataclass(slots=True)
class Repairs:
    """How often the sweep did what should not have been needed, by kind, and what it could not look at."""

    counts: dict[str, int] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)  # those of which something was repaired
    failures: list[tuple[Key, Exception]] = field(default_factory=list)
    is_cut_short: bool = False

    def add(self, kind: str, times: int = 1) -> None:
        if times:
            self.counts[kind] = self.counts.get(kind, 0) + times

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def postpone(ports: Ports, key: Key, due_at_s: int) -> None:
    """Look again later, unless it was settled meanwhile."""
    try:
        ports.table.write(rows.postpone(key, due_at_s))
    except RowConflict:
        return  # it is not due any more
