"""Nothing fails: then the sweep has nothing to repair, every mask is asked for once, and a job closes when it should."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from maskmill.core import rows
from maskmill.core.rows import JobState
from maskmill.core.shard import ShardRequest
from tests.simulation.pipeline import Pipeline

COLD_S = 150.0  # quicker than the sweep's patience: an answer that comes later may meet a sweep that looks for it
ALONE_S = 20.0  # that everything but the model may take for each chunk, and for the job as a whole


@dataclass(slots=True)
class Calm(Pipeline):
    """Users who cancel or ask again make work of their own: here they click, wait and look."""

    def __post_init__(self) -> None:
        self.with_cancel = self.with_retry = False
        self.cold_s = COLD_S
        Pipeline.__post_init__(self)

    def run(self) -> list[str]:
        return [*Pipeline.run(self), *self._repairs(), *self._inferences(), *self._late()]

    def _repairs(self) -> list[str]:
        return [f"the sweep repaired {dict(self.repairs)}"] if self.repairs else []

    def _inferences(self) -> list[str]:
        """Each mask is asked for by one request; who clicks twice, or has a picture twice, may have it sent twice."""
        keys = set(self.endpoint.invocations)
        requests = {key: ShardRequest.model_validate_json(self.work.objects[key]) for key in keys}
        asked = Counter(p.mask_key for one in requests.values() for image in one.images for p in image.prompts)
        twins = sum(data.endswith(b"twin") for data in self.uploads.objects.values())
        twice = [mask for mask, times in asked.items() if times > 1]
        found = [f"{twice} were asked for by two requests"] if twice and twins < 2 else []
        sent = Counter(self.endpoint.invocations)
        if self.world.marks["double_click"] == 0:
            found += [f"{key} was sent {times} times" for key, times in sent.items() if times > 1]
        return found

    def _late(self) -> list[str]:
        """A job closes within what its chunks take one after the other; one chunk of each is in the model at a time."""
        found = []
        for key, row in self.table.rows.items():
            if key.sk.startswith(rows.JOB_PREFIX):
                job = rows.job_of(row)
                bound_s = ALONE_S + job.chunks_total * (5 + COLD_S + ALONE_S)
                if _open_s(job) > bound_s:
                    found.append(f"{job.job.job_id} was open for {_open_s(job):.0f} s, {bound_s:.0f} s are plenty")
        return found


def _open_s(job: JobState) -> float:
    assert job.finished_at is not None
    return (datetime.fromisoformat(job.finished_at) - job.job.created_at).total_seconds()
