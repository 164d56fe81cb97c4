"""Following a job until it ends, with honest states and the seconds that each took; it knows no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from maskmill.client.progress import Progress, Report, Step, silent
from maskmill.client.retry import Pace
from maskmill.client.service import Service
from maskmill.core.api import JobView
from maskmill.core.errors import Unavailable
from maskmill.core.job import JobStatus
from maskmill.core.limits import JOB_LIFE_S

WATCH_S_MAX = JOB_LIFE_S + 60 * 60
OUTAGE_S_MAX = 300.0


@dataclass(slots=True)
class Stopwatch:
    """Seconds by step; what is between two marks belongs to the step of the first."""

    seconds: dict[Step, float] = field(default_factory=dict)
    _step: Step | None = None
    _since: float = 0.0

    def mark(self, step: Step | None) -> None:
        """The step that runs from now on; None stops the watch."""
        now = time.monotonic()
        if self._step is not None:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self._step, self._since = step, now


def step_of(job: JobView) -> Step:
    """What an open job is doing, as a person would say it."""
    if job.status in (JobStatus.ACCEPTED, JobStatus.PLANNING):
        return Step.PLANNING
    if job.status is not JobStatus.RUNNING:
        return Step.FINISHING
    if job.waiting_for_gpu:
        return Step.WAITING
    return Step.SEGMENTING if job.items.pending + job.items.segmenting else Step.RENDERING


def watch_job(
    client: Service,
    job_id: str,
    *,
    progress: Report = silent,
    changed: Callable[[JobView], None] | None = None,
    stopwatch: Stopwatch | None = None,
) -> JobView:
    """The job as it ended. `changed` sees every state that differs from the one before.

    An outage of the service is sat out for five minutes; raises Unavailable after that, and the job goes on.
    """
    watch = stopwatch or Stopwatch()
    pace = Pace(shortest_s=0.5, longest_s=3.0, sleep=client.backoff.sleep)
    started_at = answered_at = time.monotonic()
    seen: JobView | None = None
    while time.monotonic() - started_at < WATCH_S_MAX:
        try:
            job = client.job(job_id)
            answered_at = time.monotonic()
        except Unavailable:
            if time.monotonic() - answered_at > OUTAGE_S_MAX:
                raise
            pace.wait()
            continue
        if job != seen:
            pace.quicken()
            if changed is not None:
                changed(job)
        seen = job
        if job.status.is_terminal:
            watch.mark(None)
            return job
        watch.mark(step_of(job))
        progress(_progress_of(job))
        pace.wait()
    raise Unavailable(message=f"Job {job_id} has not ended within {WATCH_S_MAX // 3600} hours. Report its id.")


def _progress_of(job: JobView) -> Progress:
    counts = job.items.model_dump()
    text = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return Progress(step_of(job), job.items.ended, job.items_total or None, text=text, job_id=job.job_id)
