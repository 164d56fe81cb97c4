"""The bodies of live progress: events of a job, tickets for a socket, and its lines; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from maskmill.core.api.jobs import JobView
from maskmill.core.event import Event
from maskmill.core.job import JobStatus
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


class LiveTicket(Model):
    """What opens one socket, once, until `expires_at`: `url` with the parameter `ticket`."""

    ticket: str
    url: str
    expires_at: datetime


class JobMessage(Model):
    """A line on a socket: this job has changed, and the event of this number says how."""

    type: Literal["job"] = "job"
    job_id: str
    seq: int
    status: JobStatus


class Pong(Model):
    """The line that answers a ping."""

    type: Literal["pong"] = "pong"
