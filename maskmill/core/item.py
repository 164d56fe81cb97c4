"""The life of an item, one image of a job: its states and the only legal ways between them; it knows no storage."""

from __future__ import annotations

from enum import StrEnum


class ItemStatus(StrEnum):
    """pending → segmenting → rendering → one terminal state, where it stays."""

    PENDING = "pending"
    SEGMENTING = "segmenting"
    RENDERING = "rendering"
    DONE = "done"
    FAILED = "failed"
    NO_MATCH = "no_match"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset(
    {ItemStatus.DONE, ItemStatus.FAILED, ItemStatus.NO_MATCH, ItemStatus.SKIPPED, ItemStatus.CANCELLED}
)
BEFORE_RENDERING = frozenset({ItemStatus.PENDING, ItemStatus.SEGMENTING})
OPEN = frozenset({ItemStatus.PENDING, ItemStatus.SEGMENTING, ItemStatus.RENDERING})

# A segmenting item may be segmented again (another attempt); a rendering item never goes back.
_NEXT: dict[ItemStatus, frozenset[ItemStatus]] = {
    ItemStatus.PENDING: frozenset({ItemStatus.SEGMENTING, ItemStatus.RENDERING}) | (TERMINAL - {ItemStatus.DONE}),
    ItemStatus.SEGMENTING: frozenset({ItemStatus.SEGMENTING, ItemStatus.RENDERING}) | (TERMINAL - {ItemStatus.DONE}),
    ItemStatus.RENDERING: TERMINAL,
}


def next_of(status: ItemStatus) -> frozenset[ItemStatus]:
    """Where an item may go from a state; nowhere from a terminal one."""
    return _NEXT.get(status, frozenset())


def sources_of(target: ItemStatus) -> frozenset[ItemStatus]:
    """From which states an item may enter `target`; conditional writes are built from this."""
    return frozenset(source for source, targets in _NEXT.items() if target in targets)
