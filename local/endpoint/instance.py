"""Whether the endpoint has an instance just now: asleep, waking or awake. It starts no process.

Time comes in as seconds; nothing here waits.
"""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    ASLEEP = "asleep"
    WAKING = "waking"
    AWAKE = "awake"


@dataclass(frozen=True, slots=True)
class Scaling:
    """How scale to zero behaves here. `idle_s` None keeps an instance for ever once it is awake."""

    starts_awake: bool = True
    wake_delay_s: float = 0.0
    idle_s: float | None = None


class Instance:
    """One instance that comes and goes with the backlog."""

    def __init__(self, scaling: Scaling, *, now: float) -> None:
        self._scaling = scaling
        self._since = now
        self.phase = Phase.AWAKE if scaling.starts_awake else Phase.ASLEEP

    @property
    def count(self) -> int:
        return 1 if self.phase is Phase.AWAKE else 0

    def observe(self, *, backlog: int, now: float) -> Phase:
        """Move on according to the backlog and the time; give the phase."""
        if backlog and self.phase is Phase.ASLEEP:
            self._enter(Phase.WAKING, now)
        if self.phase is Phase.WAKING and now - self._since >= self._scaling.wake_delay_s:
            self._enter(Phase.AWAKE, now)
        if self.phase is Phase.AWAKE:
            if backlog:
                self._since = now
            elif self._scaling.idle_s is not None and now - self._since >= self._scaling.idle_s:
                self._enter(Phase.ASLEEP, now)
        return self.phase

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase, self._since = phase, now
