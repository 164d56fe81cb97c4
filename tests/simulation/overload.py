"""Three tenants, one of which brings a hundred times as much work as the others, and more than there are hands for.

The others' waits are bounded by what the busy one may have in the segmenter, not by what it has in line. When it has
gone, jobs take as long as they did before it came: no storm of repetitions outlives its cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from maskmill.core.errors import Unavailable
from maskmill.core.rows import JobState
from tests.simulation.crowd import SHARD_S, Crowd
from tests.simulation.pipeline import END_S, Sizes
from tests.simulation.world import Crash

QUIET = ("quiet-0", "quiet-1")
BUSY = "busy"
BUSY_JOBS = 3
IMAGES = 100  # of each job of the busy tenant; the others' have one
WINDOW = 2
BEGINS_S = 300.0  # when the busy tenant comes
EVERY_S = 90.0  # how often the others submit
RECOVERY_S = 600.0  # after the end of the busy tenant's work, within which jobs take as long as ever again
LASTS_S = 2400.0
HANDLING_S = 30.0  # that planning, rendering and finishing a job of one image may take beside others
P95 = 0.95


@dataclass(slots=True)
class Overload(Crowd):
    """Everybody's masks are to be computed, by one instance of the model."""

    submitted: list[tuple[str, str, float]] = field(default_factory=list)  # tenant, job, and when

    def __post_init__(self) -> None:
        self.sizes = Sizes(chunk_items=10, window_shards=WINDOW, chunks_per_run=5)
        self.cold_s = 0.0
        Crowd.__post_init__(self)

    def run(self) -> list[str]:
        for number in range(BUSY_JOBS):
            self.world.spawn(BEGINS_S + number, partial(self._submit, BUSY, IMAGES))
        for number in range(int(LASTS_S / EVERY_S)):
            at_s = EVERY_S * (number + self.world.chance("submits", str(number)))
            self.world.spawn(at_s, partial(self._submit, QUIET[number % len(QUIET)], 1))
        self.world.spawn(60.0, self._sweep_forever)
        self.world.run(LASTS_S)
        while self.world.now_s < END_S and not all(job.status.is_terminal for job in self._jobs()):
            self.world.run(self.world.now_s + 60.0)
        return [*self.invariants.violations, *self.borders.violations, *self._waits()]

    def _submit(self, tenant: str, images: int) -> None:
        while True:
            began_s = self.world.now_s
            try:
                self.submitted.append((tenant, self.submit(tenant, images), began_s))
            except (Crash, Unavailable):
                self.world.sleep(5.0)
            else:
                return

    def _jobs(self) -> list[JobState]:
        return [self.job(tenant, job_id) for tenant, job_id, _ in self.submitted]

    def _open_s(self, tenant: str, job_id: str) -> float:
        job = self.job(tenant, job_id)
        if job.finished_at is None:
            return END_S
        return (datetime.fromisoformat(job.finished_at) - job.job.created_at).total_seconds()

    def _waits(self) -> list[str]:
        busy = [(at_s, self._open_s(tenant, job)) for tenant, job, at_s in self.submitted if tenant == BUSY]
        gone_s = max(at_s + open_s for at_s, open_s in busy)
        quiet = [(at_s, self._open_s(tenant, job)) for tenant, job, at_s in self.submitted if tenant != BUSY]
        found = []
        beside = sorted(open_s for at_s, open_s in quiet if at_s <= gone_s)
        bound_s = (BUSY_JOBS * WINDOW + 2) * SHARD_S + HANDLING_S
        if beside[int(P95 * len(beside)) - 1] > bound_s:
            found.append(f"others waited {beside} s beside a busy tenant, {bound_s} s are plenty")
        after = [open_s for at_s, open_s in quiet if at_s > gone_s + RECOVERY_S]
        usual_s = max(5 + 2 * SHARD_S, 1.05 * min(open_s for _, open_s in quiet))
        if not after or max(after) > usual_s:
            found.append(f"jobs take {after} s after the busy tenant has gone, usually {usual_s} s")
        return found
