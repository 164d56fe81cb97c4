"""Events of jobs, for clients that catch up: those after a number, or the job itself; it knows no HTTP."""

from __future__ import annotations

from lambdas.serve_api import jobs
from lambdas.serve_api.ports import Ports
from maskmill.core import rows
from maskmill.core.api import JobEvents
from maskmill.core.event import Event
from maskmill.core.table import Query, Row


def after(ports: Ports, tenant: str, job_id: str, *, since: int, limit: int) -> JobEvents:
    """The events after the one numbered `since`, 0 for all; raises NotFound."""
    jobs.require(ports.table, tenant, job_id)
    found = _told(ports, tenant, job_id, after=since - 1, limit=limit + 1)
    events = tuple(event for event in found if event.seq > since)[:limit]
    if _is_gapless(found, since):
        return JobEvents(items=events, next_since=events[-1].seq if events else since, is_complete=True)
    newest = [] if since == 0 and not found else _told(ports, tenant, job_id, after=0, limit=1, descending=True)
    next_since = newest[0].seq if newest else 0  # read before the job, which is then at least as far
    return JobEvents(items=(), next_since=next_since, is_complete=False, job=jobs.read(ports, tenant, job_id))


def _is_gapless(found: list[Event], since: int) -> bool:
    """Whether nothing is missing after `since`: that event is still there, or the one after it."""
    return bool(found) and found[0].seq <= since + 1


def _told(ports: Ports, tenant: str, job_id: str, *, after: int, limit: int, descending: bool = False) -> list[Event]:
    query = Query(
        pk=rows.job_pk(tenant, job_id),
        prefix=rows.EVENT_PREFIX,
        after=rows.event_key(tenant, job_id, after).sk if after > 0 else None,
        descending=descending,
        limit=limit,
    )
    return [rows.event_of(row) for row in ports.table.query(query).rows if _is_told(ports, row)]


def _is_told(ports: Ports, row: Row) -> bool:
    return rows.is_told(row, ports.clock.now())
