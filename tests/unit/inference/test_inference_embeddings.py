"""Embeddings that are kept: bounds, one maker at a time, and a store that may fail."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference_container.embeddings import EMBEDDING_BYTES_MAX, Embeddings, Made, Name
from inference_container.telemetry import Telemetry
from maskmill.core.errors import Code, InvalidInput, ModelFailure, NotFound, Unavailable


class Store:
    """An ObjectStore in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = self.puts = 0
        self.is_up = True

    def read(self, address: str, *, bytes_max: int) -> bytes:
        self.reads += 1
        if not self.is_up:
            raise Unavailable
        if address not in self.objects:
            raise NotFound
        if len(self.objects[address]) > bytes_max:
            raise InvalidInput(Code.FILE_TOO_LARGE)
        return self.objects[address]

    def put(self, address: str, data: bytes) -> None:
        self.puts += 1
        if not self.is_up:
            raise Unavailable
        self.objects[address] = data


@pytest.fixture
def store() -> Store:
    return Store()


def embeddings(store: Store, *, bytes_max: int = 100) -> Embeddings:
    return Embeddings(store, Telemetry(time.monotonic), bytes_max=bytes_max)


def name(address: str, version: str = "sam-1") -> Name:
    return Name(f"s3://media/{address}", version)


def kept(cache: Embeddings, address: str, size: int = 10) -> bytes:
    data = address.encode() * size
    cache.make_once(name(address), lambda: Made(address, data), timeout_s=1)
    return data


def test_what_was_used_last_stays_in_memory(store: Store) -> None:
    cache = embeddings(store, bytes_max=30)
    for address in "abc":
        kept(cache, address)
    cache.find(name("a"))
    kept(cache, "d")
    assert cache.bytes_kept == 30
    found = {address: cache.find(name(address)) is not None for address in "abcd"}
    assert found == {"a": True, "b": False, "c": True, "d": True}


def test_what_is_larger_than_the_bound_is_not_kept(store: Store) -> None:
    cache = embeddings(store, bytes_max=30)
    kept(cache, "a")
    kept(cache, "b", 31)
    assert cache.find(name("a")) is not None
    assert cache.find(name("b")) is None


def test_without_memory_the_store_is_asked(store: Store) -> None:
    cache = embeddings(store, bytes_max=0)
    cache.save(name("a"), b"1")
    assert [cache.find(name("a")), cache.find(name("a"))] == [b"1", b"1"]
    assert store.reads == 2


def test_an_embedding_of_the_store_is_read_once(store: Store) -> None:
    store.objects["s3://media/a"] = b"1"
    cache = embeddings(store)
    assert [cache.find(name("a")), cache.find(name("a"))] == [b"1", b"1"]
    assert store.reads == 1
    cache.save(name("a"), b"1")
    assert store.puts == 0  # it came from there


def test_another_version_has_its_own_embedding(store: Store) -> None:
    cache = embeddings(store)
    kept(cache, "a")
    assert cache.find(name("a", "sam-2")) is None


def test_a_forgotten_embedding_is_written_over(store: Store) -> None:
    store.objects["s3://media/a"] = b"broken"
    cache = embeddings(store)
    assert cache.find(name("a")) == b"broken"
    cache.forget(name("a"))
    data = kept(cache, "a")
    cache.save(name("a"), data)
    assert store.objects["s3://media/a"] == data


def test_a_store_that_is_down_is_tried_again_the_next_time(store: Store) -> None:
    cache = embeddings(store)
    store.is_up = False
    assert cache.find(name("a")) is None
    data = kept(cache, "a")
    cache.save(name("a"), data)
    store.is_up = True
    cache.save(name("a"), data)
    cache.save(name("a"), data)
    assert store.objects == {"s3://media/a": data}
    assert store.puts == 2


def test_an_object_that_is_too_large_is_no_embedding(store: Store) -> None:
    store.objects["s3://media/a"] = bytes(EMBEDDING_BYTES_MAX + 1)
    assert embeddings(store, bytes_max=2 * EMBEDDING_BYTES_MAX).find(name("a")) is None


@pytest.mark.parametrize("packed", [b"packed", None])
def test_what_many_ask_for_at_once_is_made_once(store: Store, packed: bytes | None) -> None:
    cache = embeddings(store)
    made: list[int] = []
    all_ask = threading.Barrier(8)

    def make() -> Made:
        made.append(1)
        time.sleep(0.3)
        return Made("embedding", packed)

    def ask(_: int) -> Made:
        all_ask.wait(5)
        return cache.make_once(name("a"), make, timeout_s=5)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert len(made) == 1
    assert {one.packed for one in found} == {packed}


def test_whoever_waits_for_another_has_a_time_limit(store: Store) -> None:
    cache = embeddings(store)
    may_end = threading.Event()

    def make() -> Made:
        may_end.wait(5)
        return Made(None, b"1")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.make_once, name("a"), make, timeout_s=5)
        time.sleep(0.05)
        with pytest.raises(ModelFailure) as caught:
            cache.make_once(name("a"), make, timeout_s=0.05)
        may_end.set()
        assert first.result(5).packed == b"1"
    assert caught.value.code is Code.MODEL_TIMEOUT


def test_a_failure_is_that_of_all_who_waited_and_of_nobody_after(store: Store) -> None:
    cache = embeddings(store)

    def fail() -> Made:
        raise ModelFailure

    with pytest.raises(ModelFailure):
        cache.make_once(name("a"), fail, timeout_s=1)
    assert kept(cache, "a")
    assert cache.find(name("a")) is not None
