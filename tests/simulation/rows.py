"""The rows of the table in memory: nobody can change one in place, and each is found without looking at the others."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, Self, TypeVar

from maskmill.core.table import Index, Key, Query, Row

Meaning = TypeVar("Meaning")

_INDEX_ATTRIBUTES = {Index.DUE: ("due_pk", "due_at"), Index.RECENT: ("recent_pk", "recent_at")}
_OPEN = frozenset({dict, set})  # what a row may hold that could be changed in place
_LAST = "\U0010ffff"


class FrozenRow(dict[str, Any]):
    """A row as it was written, or a map in it, for all to read: a change in place raises TypeError."""

    __slots__ = ("meaning",)
    meaning: dict[Callable[[Row], Any], Any]  # what it was parsed as

    def __init__(self, row: Mapping[str, Any]) -> None:
        super().__init__(row)
        for name, value in row.items():
            if type(value) in _OPEN:
                super().__setitem__(name, _frozen(value))

    def thawed(self) -> dict[str, Any]:
        """A map to change, whose inner maps are still frozen."""
        return dict(self)

    def __deepcopy__(self, _memo: object) -> FrozenRow:
        return self

    def _refuse(self, *_given: object, **_named: object) -> NoReturn:
        message = "a row is changed by a write only"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = pop = popitem = clear = update = setdefault = _refuse  # type: ignore[assignment]


def _frozen(value: dict[str, Any] | set[str]) -> FrozenRow | frozenset[str]:
    return FrozenRow(value) if isinstance(value, dict) else frozenset(value)


def parsed_once(parse: Callable[[Row], Meaning]) -> Callable[[Row], Meaning]:
    """A reader of rows that reads each frozen row once: neither the row nor what is made of it ever changes."""

    @wraps(parse)
    def parsed(row: Row) -> Meaning:
        if not isinstance(row, FrozenRow):
            return parse(row)
        try:
            meanings = row.meaning
        except AttributeError:
            meanings = row.meaning = {}
        if parse not in meanings:
            meanings[parse] = parse(row)
        found: Meaning = meanings[parse]
        return found

    return parsed


class Rows(dict[Key, FrozenRow]):
    """All rows by their keys, with the partitions in key order and the secondary indexes beside them."""

    def __init__(self) -> None:
        super().__init__()
        self._sorted: defaultdict[str, list[str]] = defaultdict(list)
        self._indexed: defaultdict[tuple[Index, str], dict[Key, FrozenRow]] = defaultdict(dict)

    def __setitem__(self, key: Key, row: Mapping[str, Any]) -> None:
        before = self.get(key)
        after = row if isinstance(row, FrozenRow) else FrozenRow(row)
        super().__setitem__(key, after)
        if before is None:
            insort(self._sorted[key.pk], key.sk)
        else:
            self._leave_indexes(key, before)
        for index, (pk_name, sort_name) in _INDEX_ATTRIBUTES.items():
            if pk_name in after and sort_name in after:
                self._indexed[index, after[pk_name]][key] = after

    def __delitem__(self, key: Key) -> None:
        self._leave_indexes(key, self[key])
        super().__delitem__(key)
        order = self._sorted[key.pk]
        del order[bisect_left(order, key.sk)]

    def pop(self, key: Key, *default: Any) -> Any:
        if key not in self and default:
            return default[0]
        row = self[key]
        del self[key]
        return row

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        for key, row in dict(other).items():
            self[key] = row
        return self

    def clear(self) -> None:
        super().clear()
        self._sorted.clear()
        self._indexed.clear()

    def _leave_indexes(self, key: Key, row: FrozenRow) -> None:
        for index, (pk_name, _) in _INDEX_ATTRIBUTES.items():
            if pk_name in row:
                self._indexed[index, row[pk_name]].pop(key, None)

    def has_due(self, at_s: int) -> bool:
        """Whether somebody must look at a row by now."""
        return any(
            row["due_at"] <= at_s
            for (index, _), members in self._indexed.items()
            if index is Index.DUE
            for row in members.values()
        )

    def of(self, pk: str, prefix: str = "") -> list[FrozenRow]:
        """The rows of a partition whose sort key begins with a prefix, in key order."""
        order = self._sorted.get(pk, ())
        return [self[Key(pk, sk)] for sk in order[bisect_left(order, prefix) : bisect_left(order, prefix + _LAST)]]

    def in_partition(self, query: Query) -> list[tuple[str, FrozenRow]]:
        """What a query without an index finds, in its order."""
        order = self._sorted.get(query.pk, [])
        found = order[bisect_left(order, query.prefix) : bisect_left(order, query.prefix + _LAST)]
        if query.after is not None:
            found = [sk for sk in found if (sk < query.after if query.descending else sk > query.after)]
        if query.descending:
            found.reverse()
        return [(sk, self[Key(query.pk, sk)]) for sk in found[: query.limit + 1]]

    def in_index(self, query: Query) -> list[tuple[str, FrozenRow]]:
        """What a query of an index finds, in its order."""
        assert query.index is not None
        found = []
        sort_name = _INDEX_ATTRIBUTES[query.index][1]
        for key, row in self._indexed.get((query.index, query.pk), {}).items():
            sort = row[sort_name]
            if query.at_most is None or sort <= query.at_most:
                text = f"{sort:020d}" if isinstance(sort, int) else str(sort)
                found.append((f"{text}|{key.pk}|{key.sk}", row))
        found.sort(key=lambda pair: pair[0], reverse=query.descending)
        return found
