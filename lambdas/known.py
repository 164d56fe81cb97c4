"""What is known of pictures, read and kept for many of them at once; it knows neither what a fact says nor any pixel.

A fact lies in a row beside its picture's references: compressed in the row itself where it is short, and otherwise in
an object that the row names, which is written first.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from lambdas.read_ahead import Wanted, read_ahead
from maskmill.core import keys, rows
from maskmill.core.fact import Fact, FactKind
from maskmill.core.limits import FACT_ROW_BYTES_MAX, LABEL_BYTES_EXPECTED, ROWS_CREATED_MAX, ROWS_READ_MAX
from maskmill.core.ports import ObjectMissing, Objects, Table
from maskmill.core.table import Put, Row, RowConflict

_EFFORT = 6
_ADDRESSES: dict[FactKind, Callable[[str, str, str], str]] = {
    FactKind.MASK: keys.mask,
    FactKind.LABEL: keys.label_rle,
    FactKind.RECORD: keys.variant_record,
}


def those_known(table: Table, tenant: str, facts: Iterable[Fact]) -> set[Fact]:
    """Which of these are known."""
    asked = list(dict.fromkeys(facts))
    return {fact for fact, row in zip(asked, _rows(table, tenant, asked), strict=True) if row is not None}


def in_order(table: Table, media: Objects, tenant: str, facts: Iterable[Fact]) -> Iterator[bytes]:
    """What is known of each, in the order given and in bounded memory; raises ObjectMissing where nothing is."""
    remaining = iter(facts)
    while batch := list(islice(remaining, ROWS_READ_MAX)):
        found = _rows(table, tenant, batch)
        long = [Wanted(row["key"], LABEL_BYTES_EXPECTED) for row in found if row is not None and "key" in row]
        objects = read_ahead(media.get, long)
        for fact, row in zip(batch, found, strict=True):
            if row is None:
                raise ObjectMissing(_address(tenant, fact))
            yield next(objects) if "key" in row else zlib.decompress(row["data"])


def keep_first(table: Table, media: Objects, tenant: str, learned: Mapping[Fact, bytes]) -> None:
    """Keep what is not known yet, all at once if nothing of it is: what was kept first stays."""
    _keep(table, [_put(media, tenant, fact, data) for fact, data in learned.items()])


def _keep(table: Table, puts: Sequence[Put]) -> None:
    for start in range(0, len(puts), ROWS_CREATED_MAX):
        batch = puts[start : start + ROWS_CREATED_MAX]
        try:
            table.create_all(batch)
        except RowConflict:
            _create_each(table, batch)


def _create_each(table: Table, puts: Iterable[Put]) -> None:
    for put in puts:
        with suppress(RowConflict):
            table.write(put)


@dataclass(slots=True)
class Facts:
    """What is known of some pictures: looked up for all of them together, and added to together.

    It says nothing of facts that nobody looked up. What is learned must follow from the fact's name.
    """

    table: Table
    media: Objects
    tenant: str
    _found: dict[Fact, Row] = field(default_factory=dict)
    _learned: dict[Fact, bytes] = field(default_factory=dict)

    def look_up(self, facts: Iterable[Fact]) -> None:
        asked = [fact for fact in dict.fromkeys(facts) if fact not in self._found]
        found = zip(asked, _rows(self.table, self.tenant, asked), strict=True)
        self._found |= {fact: row for fact, row in found if row is not None}

    def has(self, fact: Fact) -> bool:
        return fact in self._learned or fact in self._found

    def read(self, fact: Fact) -> bytes | None:
        """What is known, or None; raises ObjectMissing where the picture has been removed since."""
        if fact in self._learned:
            return self._learned[fact]
        row = self._found.get(fact)
        if row is None:
            return None
        return self.media.get(row["key"]) if "key" in row else zlib.decompress(row["data"])

    def learn(self, fact: Fact, data: bytes) -> None:
        self._learned[fact] = data

    def keep(self, beside: Sequence[Put] = ()) -> bool:
        """Write what was learned, before anything names it; says whether `beside` was written with it.

        It is, in one transaction, where all of that is new and not too much for one.
        """
        puts = [_put(self.media, self.tenant, fact, data) for fact, data in self._learned.items()]
        is_written = bool(puts and beside) and self._write_at_once([*puts, *beside])
        if not is_written:
            _keep(self.table, puts)
        self._learned.clear()
        return is_written

    def _write_at_once(self, puts: Sequence[Put]) -> bool:
        if len(puts) > ROWS_CREATED_MAX:
            return False
        try:
            self.table.create_all(puts)
        except RowConflict:
            return False
        return True


def _rows(table: Table, tenant: str, facts: Sequence[Fact]) -> list[Row | None]:
    return table.get_all([rows.fact_key(tenant, fact) for fact in facts])


def _put(media: Objects, tenant: str, fact: Fact, data: bytes) -> Put:
    """The row of a fact; a long one lies in its object by then."""
    packed = zlib.compress(data, _EFFORT)
    if len(packed) <= FACT_ROW_BYTES_MAX:
        return rows.put_fact(tenant, fact, data=packed)
    key = _address(tenant, fact)
    media.put_first(key, data, media_type="application/json")
    return rows.put_fact_address(tenant, fact, key=key)


def _address(tenant: str, fact: Fact) -> str:
    return _ADDRESSES[fact.kind](tenant, fact.pixels_sha256, fact.fact_id)
