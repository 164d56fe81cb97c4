"""What a removal needs of the world, and the time that one run of it has; it knows no implementation."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas import state
from maskmill.core.limits import REMOVAL_LEASE_S, REMOVAL_RUN_S
from maskmill.core.ports import Clearable, Clock, Ids, Queues, Table


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a removal; `late_s` is how long somebody may go on writing who began before it."""

    table: Table
    uploads: Clearable
    media: Clearable
    work: Clearable
    queues: Queues
    clock: Clock
    ids: Ids
    late_s: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its name, under which it takes locks, and when it should come to its end. Times are since 1970."""

    ports: Ports
    name: str
    began_s: int

    @property
    def until_s(self) -> int:
        """From here on another run may think that this one has died."""
        return self.began_s + REMOVAL_LEASE_S

    def now_s(self) -> int:
        return state.now_s(self.ports.clock)

    def is_over(self) -> bool:
        """Whether what is left should be the next run's."""
        return self.now_s() - self.began_s >= REMOVAL_RUN_S


def begin(ports: Ports) -> Run:
    """A run that begins now, under a name of its own: two copies of a message may come at the same moment."""
    return Run(ports, name=ports.ids.new(1)[0], began_s=state.now_s(ports.clock))
