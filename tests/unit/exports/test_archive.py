"""The archive: what unzip reads from it, its sameness and its bounds; what it refuses is in tests/hostile."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from maskmill.exports.archive import Member, write_archive


class Pipe:
    """A writer that can only be written to, and remembers its largest piece."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.largest = 0

    def write(self, data: bytes, /) -> int:
        self.data += data
        self.largest = max(self.largest, len(data))
        return len(data)


def member(name: str, *chunks: bytes) -> Member:
    return Member(name, lambda: chunks)


def test_what_goes_in_comes_out() -> None:
    pipe = Pipe()
    size = write_archive([member("a/b.txt", b"one", b"two"), member("ü.bin", b"\0" * 9), member("empty")], pipe)
    assert size == len(pipe.data)
    with zipfile.ZipFile(io.BytesIO(bytes(pipe.data))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a/b.txt": b"onetwo", "ü.bin": b"\0" * 9, "empty": b"",
        }  # fmt: skip
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_same_members_give_the_same_bytes() -> None:
    first, second = Pipe(), Pipe()
    for pipe in (first, second):
        write_archive([member("a", b"1"), member("b", b"2")], pipe)
    assert first.data == second.data


def test_members_are_read_one_after_the_other_and_in_pieces() -> None:
    log: list[str] = []

    def chunks(name: str) -> Iterator[bytes]:
        for _ in range(3):
            log.append(name)
            yield bytes(1000)

    pipe = Pipe()
    members = (Member(name, lambda name=name: chunks(name)) for name in ("a", "b"))  # type: ignore[misc]
    write_archive(members, pipe)
    assert log == ["a"] * 3 + ["b"] * 3
    assert pipe.largest <= 1000
