"""Objects come in order, several at a time, and never more bytes at once than allowed."""

from __future__ import annotations

import threading
import time

import pytest

from lambdas.read_ahead import AHEAD_BYTES_MAX, STREAMS, Wanted, read_ahead
from maskmill.core.ports import ObjectMissing


class Store:
    """A slow store that remembers how many reads ran at once."""

    def __init__(self) -> None:
        self.running = 0
        self.running_max = 0
        self.lock = threading.Lock()

    def get(self, key: str) -> bytes:
        with self.lock:
            self.running += 1
            self.running_max = max(self.running_max, self.running)
        time.sleep(0.002 * (int(key) % 5))
        with self.lock:
            self.running -= 1
        if key == "13":
            raise ObjectMissing(key)
        return key.encode()


def test_objects_come_in_the_order_asked_for_and_several_at_a_time() -> None:
    store = Store()
    wanted = [Wanted(str(100 + number), 10) for number in range(60)]
    assert list(read_ahead(store.get, wanted)) == [one.key.encode() for one in wanted]
    assert 1 < store.running_max <= STREAMS


def test_large_objects_are_read_one_at_a_time() -> None:
    store = Store()
    wanted = [Wanted(str(100 + number), AHEAD_BYTES_MAX) for number in range(6)]
    assert len(list(read_ahead(store.get, wanted))) == 6
    assert store.running_max == 1


def test_an_object_that_is_missing_is_missed_in_its_turn() -> None:
    found = read_ahead(Store().get, [Wanted("1", 1), Wanted("13", 1), Wanted("2", 1)])
    assert next(found) == b"1"
    with pytest.raises(ObjectMissing):
        next(found)
