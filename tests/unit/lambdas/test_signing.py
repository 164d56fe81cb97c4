"""The service's own seals: one key for all processes, drawn once, replaced without breaking what was sealed before."""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdas.serve_api.signing import SEAL_BYTES, Keyring
from maskmill.core import rows
from maskmill.core.table import Delete, Page, Query
from tests.simulation.cloud import MemoryTable


def keyring(table: MemoryTable, secret: bytes = b"one") -> Keyring:
    return Keyring(table, draw=lambda: secret)


@dataclass
class RacingTable(MemoryTable):
    """A table in which another process draws its key between our look and our write."""

    raced: list[Query] = field(default_factory=list)

    def query(self, query: Query) -> Page:
        page = super().query(query)
        if not self.raced:
            self.raced.append(query)
            self.write(rows.put_signing_key(1, b"theirs"))
        return page


def test_a_seal_holds_in_every_process() -> None:
    table = MemoryTable()
    seal = keyring(table, b"one").seal(b"data")
    assert len(seal) == SEAL_BYTES
    assert keyring(table, b"another, never drawn").opens(seal, b"data")
    assert len(table.rows) == 1


def test_a_seal_is_of_its_data_and_its_service() -> None:
    seal = keyring(MemoryTable()).seal(b"data")
    assert not keyring(MemoryTable()).opens(seal, b"data")
    table = MemoryTable()
    assert not keyring(table).opens(keyring(table).seal(b"data"), b"date")


def test_two_processes_that_draw_at_once_keep_one_key() -> None:
    table = RacingTable()
    seal = keyring(table, b"ours").seal(b"data")
    assert keyring(table).opens(seal, b"data")
    assert [rows.signing_key_of(row) for row in table.rows.values()] == [(1, b"theirs")]


def test_a_new_key_signs_and_an_old_one_still_opens() -> None:
    table = MemoryTable()
    running = keyring(table)
    old = running.seal(b"data")
    table.write(rows.put_signing_key(2, b"two"))
    started = keyring(table)
    new = started.seal(b"data")
    assert new != old
    assert started.opens(old, b"data")
    assert running.opens(new, b"data"), "a process that started before the new key reads it when it meets it"


def test_a_key_that_was_taken_away_opens_nothing() -> None:
    table = MemoryTable()
    old = keyring(table).seal(b"data")
    table.write(rows.put_signing_key(2, b"two"))
    table.write(Delete(rows.signing_key_key(1)))
    assert not keyring(table).opens(old, b"data")


def test_the_key_is_read_once() -> None:
    table = MemoryTable()
    ring = keyring(table)
    ring.seal(b"a")
    table.rows.clear()
    assert ring.opens(ring.seal(b"b"), b"b")
    assert not table.rows


def test_the_tenth_key_comes_after_the_ninth() -> None:
    table = MemoryTable()
    for number in (1, 9, 10):
        table.write(rows.put_signing_key(number, b"%d" % number))
    assert keyring(table).seal(b"")[:2] == b"\0\x0a"
