"""The bodies of live progress: events of a job, and tickets for a socket; it knows no HTTP."""

from __future__ import annotations

from maskmill.core.api.jobs import JobView
from maskmill.core.event import Event
from maskmill.core.model import Model


class JobEvents(Model):
    """What happened to a job after the event `since`, in order; `next_since` goes into the next call.

    `is_complete` is false when events in between are gone: `job` then says where the job stands, which is at least
    what all events up to `next_since` said, and `items` is empty.
    """

    items: tuple[Event, ...]
    next_since: int
    is_complete: bool
    job: JobView | None = None
