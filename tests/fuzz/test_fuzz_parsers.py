"""Our parsers under inputs that nobody thought of: a short pass, the same each time; `make fuzz` goes on for long."""

from __future__ import annotations

import pytest

from tests.fuzz.found import FOUND
from tests.fuzz.mutation import mutants
from tests.fuzz.targets import TARGETS

COUNT = 1_500


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_stands_whatever_it_is_given(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds, *mutants(target.seeds, f"1 {name}", COUNT)):
        try:
            target.run(data)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            pytest.fail(f"{data!r}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("story", FOUND)
def test_what_was_found_once_is_not_found_again(story: str) -> None:
    name, data = FOUND[story]
    TARGETS[name].run(data)
