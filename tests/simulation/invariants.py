"""What must hold at every commit and at rest, whatever is lost, repeated, reordered, delayed or killed half-way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lambdas import state
from maskmill.core import item as items
from maskmill.core import job as jobs
from maskmill.core import keys, rows
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus
from maskmill.core.limits import MODEL_ATTEMPTS_MAX
from maskmill.core.shard import ShardRequest
from maskmill.core.table import Key, Row
from tests.simulation.cloud import MemoryObjects, MemoryTable


@dataclass(slots=True)
class Invariants:
    """Collects violations instead of raising, so that one run shows all of them."""

    violations: list[str] = field(default_factory=list)
    inferences: Counter[str] = field(default_factory=Counter)

    def committed(self, key: Key, before: Row | None, after: Row | None) -> None:
        """Called at every commit of the table."""
        if after is None or before is None:
            return
        if key.sk.startswith(rows.CHUNK_PREFIX):
            self._chunk_changed(key, before, after)
        elif key.sk.startswith("JOB#"):
            self._job_changed(key, before, after)

    def inferred(self, request: ShardRequest) -> None:
        """Called when the model works on a request."""
        for task in request.images:
            self.inferences.update(prompt.mask_key for prompt in task.prompts)

    def _chunk_changed(self, key: Key, before: Row, after: Row) -> None:
        old, new = rows.chunk_of(before), rows.chunk_of(after)
        for index, item in new.items.items():
            was = old.items[index].status
            if item.status is not was and item.status not in items.next_of(was):
                self._violated(f"{key} item {index} went from {was} to {item.status}")
            if item.attempt > MODEL_ATTEMPTS_MAX:
                self._violated(f"{key} item {index} had {item.attempt} attempts")
        if new.ended != sum(item.status.is_terminal for item in new.items.values()):
            self._violated(f"{key} counts {new.ended} ended items, which its states deny")

    def _job_changed(self, key: Key, before: Row, after: Row) -> None:
        was, now = JobStatus(before["status"]), JobStatus(after["status"])
        if was is not now and now not in jobs.next_of(was):
            self._violated(f"{key} went from {was} to {now}")

    def _violated(self, text: str) -> None:
        self.violations.append(text)

    def at_rest(self, table: MemoryTable, media: MemoryObjects, job_keys: list[tuple[str, str]]) -> list[str]:
        """What the end of the world must look like."""
        found: list[str] = []
        for tenant, job_id in job_keys:
            job = rows.job_of(table.rows[rows.job_key(tenant, job_id)])
            chunks = [
                rows.chunk_of(row)
                for key, row in table.rows.items()
                if key.pk == rows.job_pk(tenant, job_id) and key.sk.startswith(rows.CHUNK_PREFIX)
            ]
            states = {index: item for chunk in chunks for index, item in chunk.items.items()}
            if not job.status.is_terminal:
                found.append(f"{job_id} is still {job.status}: {Counter(s.status.value for s in states.values())}")
            still_open = [index for index, item in states.items() if not item.status.is_terminal]
            if job.status.is_terminal and still_open:
                found.append(f"{job_id} is {job.status}, but items {still_open} are open")
            if job.planned and len(states) != job.items_total:
                found.append(f"{job_id} says {job.items_total} items and has {len(states)}")
            found += self._results_of(table, media, tenant, job_id, states, job.status)
        return found

    def _results_of(
        self,
        table: MemoryTable,
        media: MemoryObjects,
        tenant: str,
        job_id: str,
        states: dict[int, rows.ItemState],
        status: JobStatus,
    ) -> list[str]:
        found = []
        done = [index for index, item in states.items() if item.status is ItemStatus.DONE]
        for index in done:
            row = table.rows.get(rows.result_key(tenant, job_id, index))
            if row is None:
                found.append(f"{job_id} item {index} is done without a result")
                continue
            result = state.result_of(media, row)
            for variant in result.variants:
                key = keys.variant(tenant, result.normal.pixels_sha256, variant.variant_id, "webp")
                if key not in media.objects:
                    found.append(f"{job_id} item {index} names a variant that does not exist")
        archive = keys.dataset_file(tenant, job_id, keys.ARCHIVE)
        ended_well = status in (JobStatus.SUCCEEDED, JobStatus.PARTIAL)
        if done and ended_well and archive not in media.objects:
            found.append(f"{job_id} is {status} without an archive")
        return found
