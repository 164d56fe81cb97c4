"""A job's life from the lines of all logs: its steps in order, and what in them is out of order; it reads no log."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from maskmill.ops.lines import Line

SHOWN_MAX = 4  # lines of a kind that are steps of their own; more of them are one
GAP = timedelta(seconds=60)
_TROUBLE = frozenset({"record comes again", "record failed", "request failed", "request refused", "job repaired"})


@dataclass(frozen=True, slots=True)
class Step:
    """One line, or many of a kind: from the first to the last of them."""

    source: str
    what: str
    first: Line
    last: Line
    count: int
    slowest_ms: int | None

    @property
    def is_trouble(self) -> bool:
        return self.what in _TROUBLE

    @property
    def detail(self) -> str:
        """What a person wants to know of a step: which chunk, which request, why."""
        if self.count > 1:
            return ""
        named = (
            "route",
            "status",
            "code",
            "why",
            "chunk",
            "indices",
            "request_id",
            "inference_id",
            "images",
            "seconds",
        )
        told = [f"{name} {self.first.text(name)}" for name in named if self.first.text(name)]
        return ", ".join(told)


def steps_of(lines: Iterable[Line], *, is_whole: bool = False) -> list[Step]:
    """The steps by their first lines; `is_whole` makes every line a step of its own."""
    kinds: dict[tuple[str, str], list[Line]] = {}
    for line in sorted(lines):
        kinds.setdefault((line.source, line.what), []).append(line)
    steps = []
    for (source, what), members in kinds.items():
        groups = [[one] for one in members] if is_whole or len(members) <= SHOWN_MAX else [members]
        steps += [Step(source, what, one[0], one[-1], len(one), _slowest(one)) for one in groups]
    return sorted(steps, key=lambda step: step.first.at)


def remarks_on(lines: Sequence[Line]) -> list[str]:
    """What is out of order: deliveries that left no line, records that came again, repairs, long silences."""
    return [*_lost(lines), *_troubles(lines), *_silences(lines)]


def _lost(lines: Iterable[Line]) -> Iterable[str]:
    """A message that was delivered more often than it was logged: a run was killed, throttled or ran out of time."""
    told: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        if line.text("message_id") and line.text("delivery").isdigit():
            told.setdefault((line.source, line.text("message_id")), []).append(int(line.text("delivery")))
    for (source, message_id), deliveries in told.items():
        missing = max(deliveries) - len(set(deliveries))
        if missing > 0:
            yield (
                f"{source}: {missing} of {max(deliveries)} deliveries of message {message_id} left no line:"
                " the run was killed, throttled or ran out of time."
            )


def _troubles(lines: Iterable[Line]) -> Iterable[str]:
    kinds: dict[tuple[str, str, str], int] = {}
    for line in lines:
        if line.what in _TROUBLE:
            why = line.text("why") or line.text("exception_name") or line.text("code")
            kind = (line.source, line.what, why)
            kinds[kind] = kinds.get(kind, 0) + 1
    for (source, what, why), count in kinds.items():
        yield f"{source}: {what} {count} time{'s' if count > 1 else ''}{f' ({why})' if why else ''}."


def _silences(lines: Sequence[Line]) -> Iterable[str]:
    for earlier, later in itertools.pairwise(lines):
        if later.at - earlier.at >= GAP:
            seconds = (later.at - earlier.at).total_seconds()
            words = " The endpoint may have been waking." if later.source == "model" else ""
            yield f"{seconds:.0f} s of silence between {earlier.source} and {later.source}.{words}"


def _slowest(lines: Iterable[Line]) -> int | None:
    took = [int(line.text("took_ms")) for line in lines if line.text("took_ms").isdigit()]
    return max(took, default=None)
