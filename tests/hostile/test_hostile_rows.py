"""The corpus is whole: every row has a case here, or where the part that meets it is tested."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent
ROWS = {"J": 18, "E": 17, "N": 10, "T": 15, "A": 2, "W": 3, "Q": 4}
CASES_MIN = 400
_ID = re.compile(r"([A-Z]\d{1,2})[a-z]*(?:-.*)?")
_ID_OF_A_TEST = re.compile(r"test_([a-z]\d{1,2})[a-z]*_.*")
# Rows that need a sender on real sockets, the gateway, cookies, or the stack, with what stands for them there.
ELSEWHERE = {
    "W2": ("contract/test_sender.py", 'ids=[f"W2'),
    "W3": ("contract/test_sender.py", 'ids=[f"W3'),
    "T3": ("e2e/test_doors.py", 'HS256 with the public key":'),
    "T4": ("e2e/test_doors.py", 'unknown key":'),
    "T11": ("contract/api/test_api_isolation.py", "def test_"),
    "T14": ("e2e/test_doors.py", "def test_a_signed_address_opens_one_object_for_reading"),
}
# A token is good until it ends, within the hour, whatever has become of its user: no call asks the pool.
NOT_MET = {"T10"}


@cache
def cases() -> Counter[str]:
    """How many cases each row has: keys of the modules' own tables, and tests that are named after their row."""
    names = sorted(path.stem for path in HERE.glob("test_hostile_*.py") if path.stem != Path(__file__).stem)
    modules = [vars(importlib.import_module(f"tests.hostile.{name}")) for name in names]
    things = [(name, value) for module in modules for name, value in module.items()]
    tables = {id(value): value for name, value in things if isinstance(value, dict) and name.isupper()}
    found = Counter(row for table in tables.values() for row in _rows_of(table))
    found.update(match[1].upper() for name, _ in things if (match := _ID_OF_A_TEST.fullmatch(name)))
    return found


def _rows_of(table: dict[Any, Any]) -> list[str]:
    return [match[1] for key in table if isinstance(key, str) and (match := _ID.fullmatch(key))]


@pytest.mark.parametrize("row", [f"{kind}{number}" for kind, most in ROWS.items() for number in range(1, most + 1)])
def test_every_row_has_a_case(row: str) -> None:
    if row in NOT_MET:
        assert cases()[row] == 0
    elif row in ELSEWHERE:
        path, words = ELSEWHERE[row]
        assert words in (TESTS / path).read_text()
    else:
        assert cases()[row] > 0


def test_the_corpus_has_as_many_cases_as_it_says() -> None:
    assert sum(cases().values()) >= CASES_MIN


if __name__ == "__main__":
    by_kind = Counter[str]()
    for row, count in cases().items():
        by_kind[row[0]] += count
    print(dict(by_kind), sum(by_kind.values()))
