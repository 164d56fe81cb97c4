"""What the API needs of the world; it knows no implementation."""

from __future__ import annotations

from dataclasses import dataclass

from maskmill.core.ports import Clock, Doors, Ids, Objects, Queues, Table


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the API, with the version of the segmenter that new jobs are keyed by."""

    table: Table
    media: Objects
    doors: Doors
    queues: Queues
    clock: Clock
    ids: Ids
    segmenter: str
