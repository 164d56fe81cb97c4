"""The ledger of a tenant's quotas, kept a second time from what the rows say: reserved = open + done, at every commit.

A job takes its variants and its seconds once and, when it ends, is counted for what it made and worked instead. The
model here never reads the row's own sums: it adds up places that are open and jobs that have ended.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lambdas import state, usage
from maskmill.core import keys, rows
from maskmill.core.limits import REPAIRS_PER_CHUNK_MAX, REQUESTS_IN_OUTAGE, REQUESTS_PER_CHUNK_MAX
from maskmill.core.recipe import variants_per_image
from maskmill.core.rows import JobState
from maskmill.core.table import Key, Row
from maskmill.core.usage import KEPT, OpenJob, Quota, UsageState
from tests.simulation.cloud import MemoryEndpoint, MemoryTable
from tests.simulation.world import World


@dataclass(slots=True)
class _Day:
    """What a tenant's ended jobs have been counted for on one day."""

    variants: int = 0
    gpu_s: int = 0


@dataclass(slots=True)
class Ledger:
    """Follows every usage row; collects violations instead of raising."""

    world: World
    table: MemoryTable
    endpoint: MemoryEndpoint
    violations: list[str] = field(default_factory=list)
    settled: int = 0  # jobs that gave their place back
    _done: dict[tuple[str, str], _Day] = field(default_factory=lambda: defaultdict(_Day))
    _taken: set[str] = field(default_factory=set)  # the jobs that took a place before

    def committed(self, key: Key, before: Row | None, after: Row | None) -> None:
        """Called at every commit of the table."""
        if key.sk != rows.USAGE_PREFIX or after is None:
            return
        new = rows.usage_of(after)
        if before is not None:
            old = rows.usage_of(before)
            for job_id in new.jobs.keys() - old.jobs.keys():
                self._take(key, job_id)
            for job_id in old.jobs.keys() - new.jobs.keys():
                self._settle(key, job_id, old, new)
        self.violations += [f"{key} {fault}" for fault in self._faults(key, new)]

    def _take(self, key: Key, job_id: str) -> None:
        """A call that is slower than its whole job takes a place again, which is counted once more and given back."""
        job = self._job(key, job_id)
        if job_id in self._taken and job is not None and not job.status.is_terminal:
            self.violations.append(f"{key} {job_id} took a second place while it was {job.status}")
        self._taken.add(job_id)

    def _settle(self, key: Key, job_id: str, old: UsageState, new: UsageState) -> None:
        place, day = old.jobs[job_id], self._done[key.pk, new.day]
        self.settled += 1
        if place.day != new.day:
            return  # its day has gone, and what it took with it
        job = self._job(key, job_id)
        is_recount = old.counted_at_s != new.counted_at_s
        day.variants += place.variants if is_recount or job is None else _variants_made(job, place)
        day.gpu_s += _seconds_of(place) if is_recount or job is None else _seconds_worked(job, place, old)

    def _job(self, key: Key, job_id: str) -> JobState | None:
        row = self.table.rows.get(rows.job_key(key.pk.split("#")[1], job_id))
        return None if row is None else rows.job_of(row)

    def _faults(self, key: Key, new: UsageState) -> Iterator[str]:
        row = self.table.rows[key]
        if row["open_jobs"] != len(new.jobs):
            yield f"counts {row['open_jobs']} open jobs and names {sorted(new.jobs)}"
        done, today = self._done[key.pk, new.day], [place for place in new.jobs.values() if place.day == new.day]
        for name, said, there in (
            ("variants", new.variants, done.variants + sum(place.variants for place in today)),
            ("seconds", new.gpu_s, done.gpu_s + sum(map(_seconds_of, today))),
        ):
            if said != there:
                yield f"counts {said} {name} and has {there} of open and ended jobs"
        counts = {quota.value: row[quota.value] for quota in KEPT} | {"variants": new.variants, "seconds": new.gpu_s}
        yield from (f"counts {count} {name}" for name, count in counts.items() if count < 0)

    def at_rest(self) -> Iterator[str]:
        """No place outlives its job, and nothing of what is kept is left uncounted.

        Whoever leaves before an answer may leave a place behind that was taken too late: that is a recount's to find.
        """
        yield from self.violations
        yield from self._requests()
        for key, row in list(self.table.rows.items()):
            if key.sk == rows.USAGE_PREFIX:
                yield from (f"{key} {fault}" for fault in self._leaks(key, rows.usage_of(row)))

    def _requests(self) -> Iterator[str]:
        """No request was handed over that was not counted before, and none beyond what a chunk may have."""
        handed = Counter(request.job_id for key in self.endpoint.invocations if (request := keys.parse_request(key)))
        counted: Counter[str] = Counter()
        for key, row in self.table.rows.items():
            if key.sk.startswith(rows.CHUNK_PREFIX) and (job := rows.job_of_pk(key.pk)):
                chunk = rows.chunk_of(row)
                counted[job[1]] += chunk.asked
                if (
                    chunk.asked > REQUESTS_PER_CHUNK_MAX * len(chunk.items) + REQUESTS_IN_OUTAGE
                    or chunk.repairs > REPAIRS_PER_CHUNK_MAX
                ):
                    yield f"{key} had {chunk.asked} requests and {chunk.repairs} repairs"
        for job_id, times in counted.items():
            if handed[job_id] > times:
                yield f"{job_id} had {handed[job_id]} requests, and {times} were counted"

    def _leaks(self, key: Key, seen: UsageState) -> Iterator[str]:
        if seen.used(Quota.OPEN_JOBS, today=seen.day) != len(seen.jobs):
            yield f"shows another number of open jobs than {len(seen.jobs)}"
        leaked = self._leaked(key, seen)
        if leaked & self.world.left:
            table = MemoryTable(rows=self.table.rows)
            counted = usage.recount(table, key.pk.removeprefix("T#"), seen, now=self.world.now(), shown={})
            leaked = leaked - self.world.left | self._leaked(key, counted)
        yield from (f"keeps the place of {job_id}, which has ended" for job_id in sorted(leaked))

    def _leaked(self, key: Key, seen: UsageState) -> set[str]:
        jobs = {job_id: self._job(key, job_id) for job_id in seen.jobs}
        return {job_id for job_id, job in jobs.items() if job is not None and job.status.is_terminal}


def _variants_made(job: JobState, place: OpenJob) -> int:
    """What a job made, by its own record; all that it might have made where there is none."""
    if not job.planned:
        return 0
    if job.counts is None:
        return place.variants
    return min(place.variants, job.counts.done * variants_per_image(job.job.recipe.recipe))


def _seconds_of(place: OpenJob) -> int:
    return place.work_s + place.tail_s


def _seconds_worked(job: JobState, place: OpenJob, old: UsageState) -> int:
    """What a job's machine worked, with the tail, which goes only if the machine was never asked and nobody after it
    counted on it.
    """
    worked_s = state.machine_worked_s_of(job)
    if worked_s is None:
        return _seconds_of(place)
    is_unused = worked_s == 0 and place.awake_until_s == old.awake_until_s
    return worked_s + (0 if is_unused else place.tail_s)
