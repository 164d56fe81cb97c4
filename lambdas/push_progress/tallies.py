"""The counters of jobs, chunk by chunk, as this process saw them last; it forgets the jobs that it saw longest ago."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from maskmill.core.job import Counts

JOBS_MAX = 200


@dataclass(slots=True)
class Tallies:
    """The counters of a job's chunks as of one of its events; with any other number they are not known."""

    _kept: OrderedDict[tuple[str, str], tuple[int, dict[int, Counts]]] = field(default_factory=OrderedDict)

    def as_of(self, tenant: str, job_id: str, seq: int) -> Mapping[int, Counts] | None:
        kept_seq, counts = self._kept.get((tenant, job_id), (0, {}))
        return counts if kept_seq == seq and counts else None

    def keep(self, tenant: str, job_id: str, seq: int, counts: Mapping[int, Counts]) -> None:
        self._kept[tenant, job_id] = (seq, dict(counts))
        self._kept.move_to_end((tenant, job_id))
        while len(self._kept) > JOBS_MAX:
            self._kept.popitem(last=False)


def total(counts: Iterable[Counts]) -> Counts:
    """The counters of several chunks as one."""
    tally: Counter[str] = Counter()
    for one in counts:
        tally.update(one.model_dump())
    return Counts(**tally)
