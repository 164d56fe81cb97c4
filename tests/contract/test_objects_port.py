"""The objects port: what the pipeline's logic relies on, on every implementation."""

from __future__ import annotations

import hashlib

import pytest

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.ports import ObjectMissing, Objects
from tests.contract.clouds import Bucket, Cloud

KEY = "t/a/px/ä +%.png"


def test_what_was_put_comes_back(objects: Objects) -> None:
    objects.put(KEY, b"data", media_type="image/png")
    assert objects.get(KEY) == b"data"
    info = objects.head(KEY)
    assert info is not None
    assert info.size_bytes == 4
    assert info.sha256 == hashlib.sha256(b"data").hexdigest()


def test_a_missing_object_is_named(objects: Objects) -> None:
    with pytest.raises(ObjectMissing):
        objects.get(KEY)
    assert objects.head(KEY) is None


def test_a_bounded_read_refuses_what_is_larger(objects: Objects) -> None:
    objects.put(KEY, b"12345", media_type="text/plain")
    assert objects.get(KEY, bytes_max=5) == b"12345"
    with pytest.raises(InvalidInput) as refusal:
        objects.get(KEY, bytes_max=4)
    assert refusal.value.code is Code.FILE_TOO_LARGE


def test_an_empty_object_is_an_object(objects: Objects) -> None:
    objects.put(KEY, b"", media_type="text/plain")
    assert objects.get(KEY, bytes_max=0) == b""


def test_only_the_first_of_two_writers_writes(objects: Objects) -> None:
    assert objects.put_first(KEY, b"first", media_type="text/plain") is True
    assert objects.put_first(KEY, b"second", media_type="text/plain") is False
    assert objects.get(KEY) == b"first"


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024 - 1, 8 * 1024 * 1024, 17 * 1024 * 1024 + 3])
def test_a_stream_becomes_one_object(objects: Objects, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with objects.stream(KEY, media_type="application/zip") as sink:
        for start in range(0, size, 3_000_001):
            piece = data[start : start + 3_000_001]
            assert sink.write(piece) == len(piece)
        assert objects.head(KEY) is None, "nothing is visible before the end"
    assert objects.get(KEY) == data


@pytest.mark.parametrize("size", [10, 9 * 1024 * 1024])
def test_a_stream_that_fails_leaves_nothing(objects: Objects, size: int) -> None:
    def write_and_fail() -> None:
        with objects.stream(KEY, media_type="application/zip") as sink:
            sink.write(b"x" * size)
            raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_and_fail()
    assert objects.head(KEY) is None


def test_a_deleted_object_is_missing_and_may_be_deleted_again(objects: Bucket) -> None:
    objects.put(KEY, b"data", media_type="image/png")
    objects.put(KEY + "2", b"data", media_type="image/png")
    for _ in range(2):
        objects.delete(KEY)
        assert objects.head(KEY) is None
    assert objects.head(KEY + "2") is not None


def test_a_prefix_is_cleared_and_its_neighbours_stay(objects: Bucket) -> None:
    names = [f"t/a/px/1/{name}" for name in ("normal.png", "variants/ä +%.png", "variants/2.json")]
    others = ["t/a/px/10/normal.png", "t/a/px/1", "t/ab/px/1/normal.png"]
    for name in (*names, *others):
        objects.put(name, b"x", media_type="image/png")
    for _ in range(2):
        assert objects.delete_some("t/a/px/1/") is False
        assert [objects.head(name) for name in names] == [None] * 3
    assert all(objects.head(name) for name in others)


def test_more_than_a_page_of_objects_goes_in_several_calls(cloud: Cloud) -> None:
    objects = cloud.bucket(page_max=3)
    for number in range(7):
        objects.put(f"many/{number}", b"x", media_type="text/plain")
    assert [objects.delete_some("many/") for _ in range(3)] == [True, True, False]
    assert not any(objects.head(f"many/{number}") for number in range(7))
