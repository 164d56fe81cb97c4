"""What is known of pictures: short in rows, long in objects that rows name, many at once, and the first mask stays."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lambdas import known
from lambdas.known import Facts
from maskmill.core import keys, rows
from maskmill.core.fact import Fact, label_fact, mask_fact, record_fact
from maskmill.core.limits import FACT_ROW_BYTES_MAX, ROWS_READ_MAX
from maskmill.core.ports import ObjectMissing
from tests.simulation.bounds import check_row
from tests.simulation.cloud import MemoryObjects, MemoryTable

TENANT, PIXELS = "t1", "p" * 64
SHORT = b'{"short": true}' * 2000  # long, but nearly nothing when it is compressed
LONG = random.Random(1).randbytes(2 * FACT_ROW_BYTES_MAX)
MASK, LABEL, RECORD = mask_fact(PIXELS, "m"), label_fact(PIXELS, "o"), record_fact(PIXELS, "r")


class Store:
    """A table and a bucket; `calls` counts what is asked of them."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.table = MemoryTable(self._call, check=check_row)
        self.media = MemoryObjects("media", self._call)

    def _call(self, service: str, _label: object, effect: Callable[[], Any]) -> Any:
        self.calls[service] += 1
        return effect()

    def known(self, *facts: Fact) -> Facts:
        found = Facts(self.table, self.media, TENANT)
        found.look_up(facts)
        return found

    def keep(self, facts: dict[Fact, bytes]) -> None:
        seen = self.known()
        for fact, data in facts.items():
            seen.learn(fact, data)
        seen.keep()

    def read(self, *facts: Fact) -> list[bytes]:
        return list(known.in_order(self.table, self.media, TENANT, facts))


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.mark.parametrize("fact", [MASK, LABEL, RECORD], ids=lambda fact: fact.kind)
@pytest.mark.parametrize("data", [SHORT, LONG, b""], ids=["short", "long", "empty"])
def test_what_was_kept_is_read_back(store: Store, fact: Fact, data: bytes) -> None:
    store.keep({fact: data})
    seen = store.known(fact)
    assert (seen.has(fact), seen.read(fact)) == (True, data)
    assert store.read(fact) == [data]
    assert (len(store.media.objects) == 1) is (data is LONG)


def test_a_long_one_lies_under_the_name_that_its_kind_has(store: Store) -> None:
    store.keep({MASK: LONG, LABEL: LONG, RECORD: LONG})
    names = {
        keys.mask(TENANT, PIXELS, "m"),
        keys.label_rle(TENANT, PIXELS, "o"),
        keys.variant_record(TENANT, PIXELS, "r"),
    }
    assert store.media.objects.keys() == names
    assert {row["key"] for row in store.table.rows.values()} == names
    assert store.media.media_types == dict.fromkeys(names, "application/json")


def test_an_object_is_there_before_the_row_that_names_it(store: Store) -> None:
    held: list[bool] = []
    store.table.watch.append(lambda _key, _before, after: held.append((after or {})["key"] in store.media.objects))
    store.keep({LABEL: LONG})
    known.keep_first(store.table, store.media, TENANT, {MASK: LONG})
    assert held == [True, True]


def test_nothing_is_said_of_what_was_not_looked_up(store: Store) -> None:
    store.keep({LABEL: SHORT})
    seen = store.known(RECORD)
    assert [seen.has(fact) for fact in (LABEL, RECORD)] == [False, False]
    assert [seen.read(fact) for fact in (LABEL, RECORD)] == [None, None]


def test_what_is_learned_is_known_at_once_and_written_when_it_is_kept(store: Store) -> None:
    seen = store.known(LABEL)
    seen.learn(LABEL, SHORT)
    assert (seen.has(LABEL), seen.read(LABEL), store.table.rows) == (True, SHORT, {})
    seen.keep()
    seen.keep()
    assert store.read(LABEL) == [SHORT]


def test_many_are_looked_up_and_kept_in_few_requests(store: Store) -> None:
    facts = [label_fact(PIXELS, str(number)) for number in range(50)]
    store.keep(dict.fromkeys(facts, SHORT))
    assert store.calls == {"table.create_all": 1}
    store.calls.clear()
    store.known(*facts, *facts)
    assert known.those_known(store.table, TENANT, [*facts, RECORD]) == set(facts)
    assert store.calls == {"table.get_all": 2}


def test_nothing_to_look_up_or_to_keep_is_no_request(store: Store) -> None:
    store.known().keep()
    known.keep_first(store.table, store.media, TENANT, {})
    assert (known.those_known(store.table, TENANT, []), store.read(), store.calls) == (set(), [], {})


def test_what_is_asked_for_in_order_comes_in_order_whatever_it_lies_in(store: Store) -> None:
    wanted = {label_fact(PIXELS, str(number)): LONG[number:] if number % 3 else b"%d" % number for number in range(250)}
    store.keep(wanted)
    store.calls.clear()
    assert store.read(*wanted) == list(wanted.values())
    assert store.calls["table.get_all"] == -(-250 // ROWS_READ_MAX)


def test_what_has_been_removed_is_missing(store: Store) -> None:
    store.keep({LABEL: LONG, RECORD: SHORT})
    seen = store.known(LABEL)
    store.media.objects.clear()
    del store.table.rows[rows.fact_key(TENANT, RECORD)]
    with pytest.raises(ObjectMissing):
        seen.read(LABEL)
    for fact in (LABEL, RECORD):
        with pytest.raises(ObjectMissing):
            store.read(fact)


@pytest.mark.parametrize("data", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("later", [b"another", LONG[::-1]], ids=["short", "long"])
def test_the_first_answer_stays_and_those_beside_it_are_kept(store: Store, data: bytes, later: bytes) -> None:
    other = mask_fact(PIXELS, "n")
    known.keep_first(store.table, store.media, TENANT, {MASK: data})
    known.keep_first(store.table, store.media, TENANT, {MASK: later, other: later})
    known.keep_first(store.table, store.media, TENANT, {MASK: later, other: data})
    assert store.read(MASK, other) == [data, later]


def test_masks_of_a_shard_are_kept_in_one_request(store: Store) -> None:
    known.keep_first(store.table, store.media, TENANT, {mask_fact(PIXELS, str(n)): SHORT for n in range(75)})
    assert store.calls == {"table.create_all": 1}
