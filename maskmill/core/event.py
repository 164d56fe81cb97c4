"""What is told of a job while it goes on: numbered events, each true when it was written; it knows no storage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from maskmill.core.model import Model


class ItemChange(Model):
    """An item whose state changed, with the state that it was in when the event was written."""

    index: int
    status: ItemStatus


class ExportChange(Model):
    """An export whose state changed, with the state that it was in when the event was written."""

    format: str
    status: str


class Event(Model):
    """Where a job stood at a moment, and what had changed since the event before.

    `seq` counts 1, 2, 3 … for each job without a gap. Events never go back, and one may say
    again what an earlier one said. `items_truncated`: more items changed than an event names, so that `items` is empty.
    """

    seq: int
    at: datetime
    status: JobStatus
    counts: Counts
    items: tuple[ItemChange, ...] = ()
    items_truncated: bool = False
    exports: tuple[ExportChange, ...] = ()


def says_nothing_new(event: Event, last: Event) -> bool:
    """Whether all that an event says was said by the last one."""
    return (
        (event.status, event.counts, event.items_truncated) == (last.status, last.counts, last.items_truncated)
        and set(event.items) <= set(last.items)
        and set(event.exports) <= set(last.exports)
    )


def bounded(states: Mapping[int, ItemStatus], *, most: int) -> tuple[tuple[ItemChange, ...], bool]:
    """The changes of items in order, and whether they were too many to be named."""
    if len(states) > most:
        return (), True
    return tuple(ItemChange(index=index, status=states[index]) for index in sorted(states)), False
