"""What a campaign counts: figures of many worlds, which add up, and can be written down and read again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from maskmill.core import rows
from tests.simulation.pipeline import Pipeline

_COUNTED = ("faults", "marks", "repairs", "closed_s")
_SUMMED = ("seeds", "jobs", "invocations", "calls", "played_twice", "cpu_s")
CLOSE_STEP_S = 10  # virtual times until the end of a job are counted in steps of this


@dataclass(slots=True)
class Figures:
    """Of one mode: how much was played, what struck, what was seen, and what was violated, by seed."""

    mode: str
    seeds: int = 0
    jobs: int = 0
    invocations: int = 0
    calls: int = 0  # of services
    played_twice: int = 0
    cpu_s: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    closed_s: Counter[str] = field(default_factory=Counter)  # jobs by the virtual seconds until they ended
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _COUNTED:
            getattr(self, name).update(getattr(other, name))
        self.violations |= other.violations

    def note(self, seed: int, pipeline: Pipeline, violations: list[str]) -> None:
        """Count a world that was played."""
        world = pipeline.world
        self.seeds += 1
        self.calls += world.calls
        self.invocations += world.invocations
        self.faults.update(world.met)
        self.marks.update(world.marks)
        self.repairs.update(pipeline.repairs)
        for key, row in pipeline.table.rows.items():
            if key.sk.startswith(rows.JOB_PREFIX):
                self.jobs += 1
                self._note_end(rows.job_of(row))
        if violations:
            self.violations[seed] = violations[:3]

    def _note_end(self, job: rows.JobState) -> None:
        if job.finished_at is not None:
            created = job.job.created_at
            open_s = (type(created).fromisoformat(job.finished_at) - created).total_seconds()
            self.closed_s[str(int(open_s) // CLOSE_STEP_S * CLOSE_STEP_S)] += 1

    def close_time_s(self, share: float) -> int:
        """The virtual seconds within which a share of the jobs ended."""
        left = share * self.closed_s.total()
        for seconds, count in sorted((int(step), count) for step, count in self.closed_s.items()):
            left -= count
            if left <= 0:
                return seconds + CLOSE_STEP_S
        return 0

    def told(self) -> str:
        """The figures for people."""
        pace = self.jobs / self.cpu_s if self.cpu_s else 0.0
        closed = " / ".join(str(self.close_time_s(share)) for share in (0.5, 0.95, 0.99))
        lines = [
            f"{self.mode}: {self.jobs} jobs in {self.seeds} worlds, {self.invocations} invocations, {self.calls} calls",
            f"  {self.faults.total()} faults of {len(self.faults)} kinds: {_listed(self.faults)}",
            f"  marks: {_listed(self.marks)}",
            f"  repairs: {_listed(self.repairs) or 'none'}",
            f"  virtual seconds until half / 95 % / 99 % of the jobs ended: {closed}",
            f"  {pace:.0f} jobs per CPU second; {self.played_twice} worlds played twice",
            f"  {len(self.violations)} worlds with violations",
            *(f"    seed {seed}: {'; '.join(found)}" for seed, found in sorted(self.violations.items())[:20]),
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        summed = {name: getattr(self, name) for name in ("mode", *_SUMMED)}
        counted = {name: dict(sorted(getattr(self, name).items())) for name in _COUNTED}
        return summed | counted | {"violations": {str(seed): found for seed, found in self.violations.items()}}

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Figures:
        counted = {name: Counter(stored[name]) for name in _COUNTED}
        violations = {int(seed): found for seed, found in stored["violations"].items()}
        return cls(stored["mode"], **{name: stored[name] for name in _SUMMED}, **counted, violations=violations)


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common() if count)


def total(texts: Iterable[str]) -> list[Figures]:
    """The sums of campaigns that were written down, mode by mode."""
    found: dict[str, Figures] = {}
    for text in texts:
        for stored in json.loads(text)["modes"]:
            found.setdefault(stored["mode"], Figures(stored["mode"])).add(Figures.of_json(stored))
    return list(found.values())
