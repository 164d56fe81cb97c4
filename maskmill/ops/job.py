"""All that is known of a job: its lines in every log, what led to it, and its rows; it prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from maskmill.core import rows
from maskmill.core.errors import NotFound
from maskmill.core.rows import JobState
from maskmill.core.table import Row
from maskmill.ops.lines import Line, Logs, Span

BEFORE = timedelta(hours=24)  # what was uploaded this long before the job may be what it is about
CHUNKS_MAX = 200
_PREPARING = frozenset({"serve-api", "ingest-image"})


class Rows(Protocol):
    """The table, as an operator reads it."""

    def get(self, pk: str, sk: str) -> Row | None: ...
    def below(self, pk: str, prefix: str, *, most: int) -> list[Row]: ...


@dataclass(frozen=True, slots=True)
class Life:
    """A job's life. `prelude` holds the lines of what its caller, and its dataset's photos, did before."""

    job_id: str
    tenant: str
    dataset_id: str
    trace_id: str
    lines: tuple[Line, ...]
    prelude: tuple[Line, ...]
    cut: tuple[str, ...]
    row: JobState | None
    open_items: Mapping[str, int]  # by state, of the first chunks of a job that has not ended


def life_of(job_id: str, logs: Logs, table: Rows, *, now: datetime, days: int) -> Life:
    """Raises NotFound for a job of which the logs of so many days hold nothing."""
    found = logs.holding(job_id, Span(now - timedelta(days=days), now))
    if not found.lines:
        raise NotFound(
            message=f"No log of the last {days} days holds {job_id}. Is it of this stage? --days looks further."
        )
    tenant, trace = _first(found.lines, "tenant"), _first(found.lines, "trace_id")
    row = _row(table, tenant, job_id)
    dataset = row.job.dataset_id if row else _dataset(found.lines)
    began = found.lines[0].at
    before = Span(began - BEFORE, began)
    led = [
        line
        for text in (dataset, trace)
        if text
        for line in logs.holding(text, before, sources=_PREPARING).lines
        if job_id not in str(line.fields)
    ]
    return Life(
        job_id=job_id,
        tenant=tenant,
        dataset_id=dataset,
        trace_id=trace,
        lines=found.lines,
        prelude=_once(led),
        cut=found.cut,
        row=row,
        open_items=_open_items(table, row),
    )


def _once(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Lines that were found by two texts, once, in order."""
    return tuple(sorted({(line.at, line.source, str(line.fields)): line for line in lines}.values()))


def _first(lines: tuple[Line, ...], name: str) -> str:
    return next((line.text(name) for line in lines if line.text(name)), "")


def _dataset(lines: tuple[Line, ...]) -> str:
    ids = (line.fields.get("ids") for line in lines)
    return next((str(one["dataset_id"]) for one in ids if isinstance(one, dict) and "dataset_id" in one), "")


def _row(table: Rows, tenant: str, job_id: str) -> JobState | None:
    if not tenant:
        return None
    key = rows.job_key(tenant, job_id)
    row = table.get(key.pk, key.sk)
    return None if row is None else rows.job_of(row)


def _open_items(table: Rows, job: JobState | None) -> Mapping[str, int]:
    if job is None or job.status.is_terminal:
        return {}
    key = rows.chunk_key(job.tenant, job.job.job_id, 0)
    chunks = [rows.chunk_of(row) for row in table.below(key.pk, rows.CHUNK_PREFIX, most=CHUNKS_MAX)]
    return Counter(item.status.value for chunk in chunks for item in chunk.items.values())
