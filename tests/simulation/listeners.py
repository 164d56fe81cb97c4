"""Clients that follow a job as the manual tells them to: a socket that breaks now and then, and the events behind it.

What a listener has learnt by the end must be what the job came to, whatever was lost or said twice on the way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from lambdas.hold_connection import logic as hold_connection
from lambdas.serve_api import events, tickets
from lambdas.serve_api.ports import Ports
from maskmill.core.api import JobEvents, JobMessage
from maskmill.core.errors import NotFound, Unavailable
from maskmill.core.item import ItemStatus
from maskmill.core.job import Counts, JobStatus
from tests.simulation.cloud import MemorySockets
from tests.simulation.world import Alarm, Crash, World

Result = TypeVar("Result")
LOOK_S = 10.0  # how often a listener looks at its socket
ASKS_ANYWAY_S = 600.0
SOCKET_S = 3600.0  # that a socket lasts at most
AWAY_S = 120.0
PAGE = 3


@dataclass(slots=True)
class Listener:
    """Somebody who follows one job; with `asks_anyway` also when the socket is silent."""

    world: World
    api: Ports
    sockets: MemorySockets
    tenant: str
    job_id: str
    asks_anyway: bool = True
    since: int = 0
    status: JobStatus | None = None
    counts: Counts = field(default_factory=Counts)
    items: dict[int, ItemStatus] = field(default_factory=dict)
    is_removed: bool = False
    _connections: int = 0
    _newest: int = 0  # the largest number that was heard of this job
    _alarm: Alarm = field(default_factory=Alarm)

    @property
    def knows_the_end(self) -> bool:
        """The end of the job may be told before the ends of its last items."""
        ended = sum(status.is_terminal for status in self.items.values())
        return self.status is not None and self.status.is_terminal and ended == self.counts.total

    def follow(self) -> None:
        self.world.invokes("listener")
        while not self.knows_the_end and not self.is_removed:
            connection_id = self._connect()
            self.world.sleep(10 * self._chance("slow client"))
            self._catch_up()
            self._listen()
            self.sockets.leave(connection_id)
            self.world.sleep(AWAY_S * self._chance("away"))

    def _connect(self) -> str:
        while True:
            self._connections += 1
            connection_id = self._secret().hex()[:16]
            self.sockets.open(connection_id)
            self.sockets.hear[connection_id] = self._hear
            ticket = self._insist(lambda: tickets.issue(self._with_secret(), self.tenant)).ticket
            try:
                ports = hold_connection.Ports(self.api.table, self.sockets, self.world)
                hold_connection.admit(ports, connection_id, ticket)
            except (Crash, Unavailable, hold_connection.NoEntry):
                self.sockets.leave(connection_id)
                self.world.sleep(5.0)
            else:
                return connection_id

    def _hear(self, line: str) -> None:
        """Somebody who listens looks a while after the first line that says something new."""
        message = JobMessage.model_validate_json(line)
        if message.job_id == self.job_id and message.seq > max(self.since, self._newest):
            self.world.at(LOOK_S, partial(self._alarm.wake, self._alarm.naps))
            self._newest = message.seq

    def _listen(self) -> None:
        """Until the socket breaks or nothing more is to be learnt."""
        breaks_at_s = self.world.now_s + SOCKET_S * self._chance("socket")
        asked_at_s = self.world.now_s
        while self.world.now_s < breaks_at_s and not self.knows_the_end and not self.is_removed:
            asks_at_s = asked_at_s + ASKS_ANYWAY_S if self.asks_anyway else breaks_at_s
            if self._newest <= self.since:
                self.world.doze(max(0.0, min(asks_at_s, breaks_at_s) - self.world.now_s), self._alarm)
            if self.world.now_s >= asks_at_s or self._newest > self.since:
                asked_at_s = self.world.now_s
                self._catch_up()

    def _catch_up(self) -> None:
        while not self.is_removed:
            page = self._insist(self._page)
            if page is None:
                self.is_removed = True
            elif not self._learn(page):
                return

    def _page(self) -> JobEvents | None:
        try:
            return events.after(self.api, self.tenant, self.job_id, since=self.since, limit=PAGE)
        except NotFound:
            return None

    def _learn(self, page: JobEvents) -> bool:
        """Take what a page says; whether there may be more."""
        if page.job is not None:
            assert page.next_since == 0, "events of a week ago, in a world of a day"
            self.status, self.counts = page.job.status, page.job.items
        for event in page.items:
            self.status, self.counts = event.status, event.counts
            self.items |= {change.index: change.status for change in event.items}
        self.since = page.next_since
        return len(page.items) == PAGE

    def _with_secret(self) -> Ports:
        return replace(self.api, draw_secret=self._secret)

    def _secret(self) -> bytes:
        """Something that nobody else draws, another one for each connection."""
        return hashlib.sha256(f"{self.job_id}.{self._connections}".encode()).digest()

    def _chance(self, kind: str) -> float:
        return self.world.chance(kind, f"listener:{self.job_id}")

    def _insist(self, action: Callable[[], Result]) -> Result:
        while True:
            try:
                return action()
            except (Crash, Unavailable):
                self.world.sleep(5.0)
