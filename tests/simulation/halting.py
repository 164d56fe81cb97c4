"""A world whose operator stops what costs money for a while: nothing goes to the endpoint, and nothing is lost.

A process may have read the switch just before it was turned, and where calls may be slow a request may still be on its
way for some minutes. What the endpoint took before goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lambdas import spending, state
from maskmill.core.errors import Unavailable
from maskmill.core.limits import SPENDING_READ_S
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import Crash

GRACE_S = SPENDING_READ_S + 5.0
SLOW_GRACE_S = 400.0  # two calls that take as long as any, and a reading of the switch


@dataclass(slots=True)
class HaltedPipeline(Pipeline):
    """The pipeline, with an operator who halts it early and lets it go on up to an hour later."""

    stopped_at_s: float | None = None  # by the world's time; None while everything runs
    halts: int = 0
    late: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        begin_s = 20.0 + 600.0 * self.world.chance("operator", "halts")
        self.world.spawn(begin_s, self._halt)
        self.world.spawn(begin_s + 600.0 + 3000.0 * self.world.chance("operator", "resumes"), self._resume)
        accept = self.endpoint.accept
        grace_s = SLOW_GRACE_S if self.world.faults.slow else GRACE_S

        def watched(request_key: str, promise: str) -> None:
            if self.stopped_at_s is not None and self.world.now_s > self.stopped_at_s + grace_s:
                self.late.append(f"{request_key} went to the endpoint while work was stopped")
            if accept is not None:
                accept(request_key, promise)

        self.endpoint.accept = watched
        return [*Pipeline.run(self), *self.late]

    def _halt(self) -> None:
        self._insist(lambda: spending.stop(self.table, "A drill.", now_s=state.now_s(self.clock)))
        self.stopped_at_s = self.world.now_s
        self.halts += 1

    def _resume(self) -> None:
        self._insist(lambda: spending.resume(self.table, now_s=state.now_s(self.clock)))
        self.stopped_at_s = None

    def _insist(self, order: Callable[[], object]) -> None:
        while True:
            try:
                order()
                return
            except (Crash, Unavailable):
                self.world.sleep(5.0)
