"""One service is down for half an hour: it costs time and nothing else, and the time is bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from maskmill.core import rows
from tests.simulation.pipeline import Pipeline
from tests.simulation.world import EPOCH, Outage

DOWN_S = 30 * 60.0
RECOVERY_S = 45 * 60.0  # after the end, or after its submission, within which every job must have closed
SERVICES = {
    "table": ("table.",),
    "objects": ("uploads.", "media.", "work."),
    "queues": ("queue.",),
    "endpoint": ("endpoint.",),
}


@dataclass(slots=True)
class Blackout(Pipeline):
    """A seed decides which service it is and when it goes down."""

    service: str = field(init=False)
    outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        Pipeline.__post_init__(self)
        self.service = list(SERVICES)[int(len(SERVICES) * self.world.chance("which", "outage"))]
        begin_s = 30 + 420 * self.world.chance("when", "outage")  # while most jobs are under way
        self.outage = Outage(SERVICES[self.service], begin_s, begin_s + DOWN_S)
        self.world.outages.append(self.outage)
        self.world.marks[f"outage_of_{self.service}"] += 1
        self.invariants.excuses_failures = False

    def run(self) -> list[str]:
        return [*Pipeline.run(self), *self._late()]

    def _late(self) -> list[str]:
        found = []
        for key, row in self.table.rows.items():
            if key.sk.startswith(rows.JOB_PREFIX):
                job = rows.job_of(row)
                created_s = (job.job.created_at - EPOCH).total_seconds()
                due_s = max(created_s, self.outage.end_s) + RECOVERY_S
                if job.finished_at is None or (datetime.fromisoformat(job.finished_at) - EPOCH).total_seconds() > due_s:
                    found.append(
                        f"{job.job.job_id} is {job.status} at {job.finished_at}, {self.service} were down until {self.outage.end_s}"
                    )
        return found
