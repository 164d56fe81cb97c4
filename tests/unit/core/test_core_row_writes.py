"""Every write of the table stands in a book: rows outlive the version that wrote them, so a change of one is a decision."""

from __future__ import annotations

from tests.unit.core import row_writes


def test_every_write_is_the_one_in_the_book() -> None:
    """Where it is not: can all versions that run at the same time read it? Then write the book again (row_writes.py)."""
    assert row_writes.book().splitlines() == row_writes.BOOK.read_text().splitlines()


def test_the_book_has_every_kind_of_write() -> None:
    made = [write for _, write in row_writes.writes()]
    assert {type(write).__name__ for write in made} == {"Put", "Update", "Delete"}
    assert len({write.key for write in made}) > 30
