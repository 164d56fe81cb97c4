"""The counters of jobs, chunk by chunk, as this process told of them last; it forgets the jobs of longest ago."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from maskmill.core.event import Event
from maskmill.core.job import Counts

JOBS_MAX = 200


@dataclass(slots=True)
class Tallies:
    """The last event of each job that this process wrote, and the counters of the job's chunks as of that event."""

    _kept: OrderedDict[tuple[str, str], tuple[Event, dict[int, Counts]]] = field(default_factory=OrderedDict)

    def last(self, tenant: str, job_id: str) -> Event | None:
        """It need not be the job's last one: others write, too."""
        return self._kept[tenant, job_id][0] if (tenant, job_id) in self._kept else None

    def as_of(self, tenant: str, job_id: str, seq: int) -> Mapping[int, Counts] | None:
        """The counters as of an event; None where another one is kept."""
        if (tenant, job_id) not in self._kept:
            return None
        event, counts = self._kept[tenant, job_id]
        return counts if event.seq == seq and counts else None

    def keep(self, tenant: str, job_id: str, event: Event, counts: Mapping[int, Counts]) -> None:
        self._kept[tenant, job_id] = (event, dict(counts))
        self._kept.move_to_end((tenant, job_id))
        while len(self._kept) > JOBS_MAX:
            self._kept.popitem(last=False)


def total(counts: Iterable[Counts]) -> Counts:
    """The counters of several chunks as one."""
    tally: Counter[str] = Counter()
    for one in counts:
        tally.update(one.model_dump())
    return Counts(**tally)
