"""Reading many objects in order, several at a time, in bounded memory; it knows no names and no formats."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

STREAMS = 8
AHEAD_BYTES_MAX = 256 * 1024 * 1024  # a single larger object is still read, alone


class Wanted(NamedTuple):
    """An object to read and how many bytes it has, or may have."""

    key: str
    size_bytes: int


def read_ahead(get: Callable[[str], bytes], wanted: Iterable[Wanted]) -> Iterator[bytes]:
    """The bytes of each object in the order given; raises what `get` raises, when its turn comes.

    At most STREAMS objects and AHEAD_BYTES_MAX bytes are on their way at once.
    """
    waiting: deque[tuple[Future[bytes], int]] = deque()
    ahead_bytes = 0
    with ThreadPoolExecutor(STREAMS) as pool:
        for one in wanted:
            while waiting and (len(waiting) >= STREAMS or ahead_bytes + one.size_bytes > AHEAD_BYTES_MAX):
                first, size_bytes = waiting.popleft()
                ahead_bytes -= size_bytes
                yield first.result()
            waiting.append((pool.submit(get, one.key), one.size_bytes))
            ahead_bytes += one.size_bytes
        while waiting:
            yield waiting.popleft()[0].result()
