"""Picture files with faults of every kind, each a function of a seed and a number; it knows no decoder."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache

from tests.hostile.pictures.accepted import ACCEPTED
from tests.hostile.pictures.hidden import HIDDEN

SEED_BYTES_MAX = 12_000
_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
_PNG = b"\x89PNG\r\n\x1a\n"

Parts = list[bytes]
Mutator = Callable[[bytes, random.Random], bytes]


@cache
def seeds() -> tuple[bytes, ...]:
    """The small files of the corpus that are accepted: every format, in all its ways."""
    built = [row.build() for row in ACCEPTED.values()] + [build() for _, build in HIDDEN.values()]
    return tuple(data for data in dict.fromkeys(built) if len(data) <= SEED_BYTES_MAX)


def mutant(seed: int, number: int) -> bytes:
    """The mutant of that number: one to three faults in one of the seeds."""
    draw = random.Random(f"{seed}/{number}")
    data = draw.choice(seeds())
    for _ in range(draw.choice((1, 1, 2, 3))):
        data = draw.choice(MUTATORS)(data, draw)
    return _with_right_checksums(data) if draw.random() < 0.7 else data


def flip(data: bytes, draw: random.Random) -> bytes:
    if not data:
        return data
    flipped = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 8, 32))):
        at = draw.randrange(len(flipped))
        flipped[at] = draw.choice((draw.randrange(256), flipped[at] ^ 1 << draw.randrange(8), 0, 255, 127, 128))
    return bytes(flipped)


def flip_head(data: bytes, draw: random.Random) -> bytes:
    """Headers stand in front, and decide most."""
    return flip(data[:64], draw) + data[64:]


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def splice(data: bytes, draw: random.Random) -> bytes:
    """The beginning of one file and the end of another."""
    other = draw.choice(seeds())
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other)) :]


def move(data: bytes, draw: random.Random) -> bytes:
    """A block is doubled, dropped, or filled with one byte."""
    start = draw.randrange(len(data) + 1)
    end = min(len(data), start + draw.choice((1, 2, 4, 16, 64, 512)))
    block = draw.choice((b"", data[start:end] * draw.choice((2, 3, 50)), bytes([draw.randrange(256)]) * (end - start)))
    return data[:start] + block + data[end:]


def lie(data: bytes, draw: random.Random) -> bytes:
    """A number of two or four bytes says something else, wherever one may stand."""
    if len(data) < 8:
        return data
    order, kind = draw.choice("<>"), draw.choice("HI")
    at = draw.randrange(min(len(data) - 4, draw.choice((64, 256, len(data)))))
    value = draw.choice(_NUMBERS) % (65_536 if kind == "H" else 2**32)
    packed = struct.pack(order + kind, value)
    return data[:at] + packed + data[at + len(packed) :]


def shuffle(data: bytes, draw: random.Random) -> bytes:
    """Chunks, segments or directory entries change places, are doubled, or are lost."""
    head, parts, tail = parts_of(data)
    if len(parts) > 1:
        one, other = draw.randrange(len(parts)), draw.randrange(len(parts))
        deed = draw.randrange(4)
        if deed == 0:
            parts[one], parts[other] = parts[other], parts[one]
        elif deed == 1:
            parts.insert(other, parts[one])
        elif deed == 2:
            del parts[one]
        else:
            parts[one] = parts[other][:4] + parts[one][4:]
    return head + b"".join(parts) + tail


def rewrite_rows(data: bytes, draw: random.Random) -> bytes:
    """A PNG whose rows are changed under the compression, so that the decoder's own part sees it."""
    if not data.startswith(_PNG):
        return flip(data, draw)
    head, parts, tail = parts_of(data)
    for index, part in enumerate(parts):
        if part[4:8] == b"IDAT":
            try:
                rows = zlib.decompress(part[8:-4])
            except zlib.error:
                return data
            if len(rows) < 200_000:
                packed = zlib.compress(draw.choice((flip, cut, move))(rows, draw), draw.choice((0, 1, 9)))
                parts[index] = struct.pack(">I", len(packed)) + b"IDAT" + packed + part[-4:]
    return head + b"".join(parts) + tail


MUTATORS: tuple[Mutator, ...] = (flip, flip, flip_head, cut, splice, move, lie, lie, shuffle, rewrite_rows)


def parts_of(data: bytes) -> tuple[bytes, Parts, bytes]:
    """A file as its beginning, its parts, and the rest that is none."""
    if data.startswith(_PNG):
        return _parted(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))
    if data[:4] == b"RIFF":
        return _parted(data, 12, lambda at: 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1 & ~1))
    if data[:2] == b"\xff\xd8":
        return _parted(data, 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4], "big") if data[at] == 255 else 0)
    if data[:2] == b"II" and len(data) > 10:
        at = min(int.from_bytes(data[4:8], "little"), len(data)) + 2
        entries = [data[start : start + 12] for start in range(at, min(len(data), at + 12 * 40), 12)]
        return data[:at], entries, data[at + 12 * 40 :]
    return data, [], b""


def _parted(data: bytes, at: int, length_at: Callable[[int], int]) -> tuple[bytes, Parts, bytes]:
    head, parts = data[:at], []
    while at + 4 <= len(data) and len(parts) < 64:
        length = length_at(at)
        if length < 4:
            break
        parts.append(data[at : at + length])
        at += length
    return head, parts, data[at:]


def _with_right_checksums(data: bytes) -> bytes:
    """A PNG's chunks with the checksums that they would have, or else every mutant ends at the first of them."""
    if not data.startswith(_PNG):
        return data
    head, parts, tail = parts_of(data)
    right = [
        part[:-4] + struct.pack(">I", zlib.crc32(part[4:-4])) if len(part) >= 12 else part for part in parts
    ]  # fmt: skip
    return head + b"".join(right) + tail
