"""The rows of events: what was told of a job, by number, for as long as a client may want to catch up."""

from __future__ import annotations

from datetime import datetime

from maskmill.core.event import Event
from maskmill.core.limits import EVENT_LIFE_S
from maskmill.core.rows.items import job_pk
from maskmill.core.table import Key, Put, Row

EVENT_PREFIX = "EVENT#"


def event_key(tenant: str, job_id: str, seq: int) -> Key:
    return Key(job_pk(tenant, job_id), f"{EVENT_PREFIX}{seq:08d}")


def put_event(tenant: str, job_id: str, event: Event) -> Put:
    """The next event; refused when another one has taken its number."""
    expires_at = int(event.at.timestamp()) + EVENT_LIFE_S
    row = {"doc": event.model_dump_json(exclude_defaults=True), "expires_at": expires_at}
    return Put(event_key(tenant, job_id, event.seq), row)


def event_of(row: Row) -> Event:
    return Event.stored(row["doc"])


def is_told(row: Row, now: datetime) -> bool:
    """Whether an event still counts: the table removes what has expired at its leisure, and in any order."""
    return bool(row["expires_at"] > int(now.timestamp()))
