"""Reads and conditional writes of the one table as values; it knows neither DynamoDB nor what the rows mean.

A row is a flat map with a partition key `pk` and a sort key `sk`; attributes are strings, integers, booleans, bytes,
string sets and nested maps. Every write is conditional or idempotent, so that a repeated message changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

Row = Mapping[str, Any]
Path = tuple[str, ...]


class Key(NamedTuple):
    """The address of a row."""

    pk: str
    sk: str


class Op(StrEnum):
    """What a condition asks of an attribute."""

    ABSENT = "absent"
    PRESENT = "present"
    EQUALS = "equals"
    DIFFERS = "differs"  # an absent attribute differs from every value
    AT_MOST = "at_most"  # an absent attribute is at most every value
    IN = "in"


@dataclass(frozen=True, slots=True)
class Condition:
    """One claim about the row as it is before the write."""

    path: Path
    op: Op
    value: Any = None


@dataclass(frozen=True, slots=True)
class Put:
    """Creates a row; refused with RowConflict when one exists under the key."""

    key: Key
    row: Row


@dataclass(frozen=True, slots=True)
class Update:
    """Changes attributes of one row, all or none, if all conditions hold; refused with RowConflict otherwise.

    `add` adds to numbers (absent counts as 0) and unites string sets. A missing row satisfies no condition but ABSENT;
    updates always require the row to exist.
    """

    key: Key
    set: Mapping[Path, Any] = field(default_factory=dict)
    add: Mapping[Path, int | frozenset[str]] = field(default_factory=dict)
    remove: tuple[Path, ...] = ()
    require: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a row if it exists; refused with RowConflict when it exists and a condition does not hold.

    With `must_exist`, it is refused when the row is not there, too: of two that remove it, one knows that it did.
    """

    key: Key
    require: tuple[Condition, ...] = ()
    must_exist: bool = False


Write = Put | Update | Delete


class Index(StrEnum):
    """The secondary indexes: each has a partition and a sort attribute, and holds only the rows that have both."""

    DUE = "due"  # due_pk, due_at: rows that someone must look at after a moment (sort: seconds since 1970, integer)
    RECENT = "recent"  # recent_pk, recent_at: what a tenant made, by time (sort: ISO time and id)


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of one partition in key order.

    Without an index: sort keys that begin with `prefix` and come after `after`. With an index: its sort attribute is
    at most `at_most`, and `after` is the opaque position that the last page gave.
    """

    pk: str
    prefix: str = ""
    index: Index | None = None
    at_most: int | None = None
    descending: bool = False
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Rows and, when there may be more, the position to go on from."""

    rows: tuple[Row, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """A write of a row as the table's stream tells of it: the row before (None: there was none) and after."""

    key: Key
    before: Row | None
    after: Row


class RowConflict(Exception):
    """A condition did not hold; `current` is the row as it stood, or None when there is none."""

    def __init__(self, key: Key, current: Row | None) -> None:
        self.key = key
        self.current = current
        super().__init__(f"conflict at {key}")
