"""The clocks of the machines that functions run on: most are right, some are minutes off; invariants know the time."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

import greenlet

from tests.simulation.world import EPOCH, World

SKEW_S = 300.0  # that a machine's clock is off by at most, in either direction


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clock port, as the invocation sees it that asks."""

    world: World

    def now(self) -> datetime:
        skew_s: float = getattr(greenlet.getcurrent(), "skew_s", 0.0)
        return EPOCH + timedelta(seconds=self.world.now_s + skew_s)

    def begin(self, label: Hashable) -> None:
        """An invocation begins on some machine."""
        if self.world.strikes("skew", label):
            greenlet.getcurrent().skew_s = SKEW_S * (2 * self.world.chance("skewed by", label) - 1)
