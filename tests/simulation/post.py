"""The queues as their functions see them: a message is hidden while it is worked on, and seen again unless deleted.

What was received too often lies with the dead letters, which have a function of their own. It knows no message.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

from maskmill.core.messages import Message, QueueName
from tests.simulation.clocks import Clocks
from tests.simulation.cloud import label_of
from tests.simulation.world import World

VISIBILITY_S = 360.0
LIMIT_S = 290.0  # that a function may run
RECEIVES_MAX = 8  # as the queue of dispatch_shard has it, whose messages are hidden for the shortest time
LETTER_RECEIVES_MAX = 20
CollectBody = tuple[str, str, str]  # "ok" or "failed", the request's key, the answer's or the failure's address
Body = Message | CollectBody


@dataclass(slots=True)
class _Letter:
    """One copy of a message and how often it was received."""

    queue: QueueName
    body: Body
    label: Hashable
    receives: int = 0
    is_dead: bool = False
    is_gone: bool = False


@dataclass(slots=True)
class Post:
    """All queues; `handle` and `bury` say whether a message, or a dead letter, was dealt with.

    Without a sweep, `keeps_callbacks`: nothing else would make up for one that is dropped.
    """

    world: World
    clock: Clocks
    handle: Callable[[QueueName, Body], bool]
    bury: Callable[[Message], bool]
    keeps_callbacks: bool = False
    undelivered: int = 0  # copies that nobody has deleted yet
    running: int = 0  # invocations that have not ended yet
    _lines: dict[QueueName, tuple[float, float]] = field(default_factory=dict)

    @property
    def is_at_rest(self) -> bool:
        """Whether no message is left, and nothing runs."""
        return self.undelivered == 0 and self.running == 0

    def deliver(self, queue: QueueName, body: Body) -> None:
        label = (queue, body if isinstance(body, tuple) else label_of(body))
        copies = 2 if self.world.strikes("duplicate", label) else 1
        for _ in range(copies):
            late_s = 600 * self.world.chance("lateness", label) if self.world.strikes("late", label) else 0.0
            self.undelivered += 1
            self._show(0.02 + late_s + self._wait_in_line(queue), _Letter(queue, body, label))

    def receive(self, queue: QueueName, body: Body) -> None:
        """A message reaches its function at once."""
        self.undelivered += 1
        self._receive(_Letter(queue, body, (queue, body if isinstance(body, tuple) else label_of(body))))

    def _show(self, delay_s: float, letter: _Letter) -> None:
        self.world.spawn(delay_s, partial(self._receive, letter), limit_s=LIMIT_S)

    def _wait_in_line(self, queue: QueueName) -> float:
        """The seconds until the line in front of a message has gone, if its queue has one at this time."""
        if queue not in self._lines:
            has_line = self.world.strikes("backlog", queue)
            begin, length = 3600 * self.world.chance("line", queue), 3600 * self.world.chance("length", queue)
            self._lines[queue] = (begin, begin + length) if has_line else (0.0, 0.0)
        begin_s, end_s = self._lines[queue]
        return end_s - self.world.now_s if begin_s <= self.world.now_s < end_s else 0.0

    def _receive(self, letter: _Letter) -> None:
        down_s = self.world.down_for_s("queue.")
        if down_s:
            self._show(down_s, letter)
            return
        letter.receives += 1
        self.world.at(VISIBILITY_S, partial(self._see_again, letter))
        if letter.receives > 1:
            self.world.marks["redelivery"] += 1
        if self.world.strikes("capped", letter.label):
            return  # as many functions run as may: it was received, and nobody has looked at it
        self.clock.begin(letter.label)
        if not self._is_dealt_with(letter):
            return
        if self.world.strikes("delete_lost", letter.label):
            self.world.marks["delete_lost"] += 1
        elif not letter.is_gone:
            letter.is_gone = True
            self.undelivered -= 1

    def _is_dealt_with(self, letter: _Letter) -> bool:
        self.running += 1
        try:
            if isinstance(letter.body, tuple) or not letter.is_dead:
                return self.handle(letter.queue, letter.body)
            return self.bury(letter.body)
        finally:
            self.running -= 1

    def _see_again(self, letter: _Letter) -> None:
        """The time is up for which the message was hidden."""
        if letter.is_gone:
            return
        is_callback = isinstance(letter.body, tuple)
        if letter.receives < (LETTER_RECEIVES_MAX if letter.is_dead else RECEIVES_MAX) or (
            is_callback and self.keeps_callbacks
        ):
            self._show(0.0, letter)
        elif is_callback or letter.is_dead:
            letter.is_gone = True
            self.undelivered -= 1
        else:
            self.world.marks["dead_letter"] += 1
            letter.is_dead, letter.receives = True, 0
            self._show(1.0, letter)
