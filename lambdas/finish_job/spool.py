"""Text that goes by once and is wanted again, kept in bounded memory; it knows no format and no store."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

KEPT_BYTES_MAX = 256 * 1024 * 1024  # compressed; the function has ten times as much memory
_PIECE_BYTES = 1024 * 1024


class Spool:
    """Keeps what goes through it compressed, unless that grows past `bytes_max`: then it keeps nothing."""

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._packed: tuple[bytes, ...] | None = None

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks as they come; what they hold can be had again when all have gone by."""
        packed, packed_bytes, packer = list[bytes](), 0, zlib.compressobj(1)
        for chunk in chunks:
            if packed_bytes <= self._bytes_max:
                packed.append(packer.compress(chunk))
                packed_bytes += len(packed[-1])
            else:
                packed.clear()
            yield chunk
        packed.append(packer.flush())
        if packed_bytes + len(packed[-1]) <= self._bytes_max:
            self._packed = tuple(packed)

    @property
    def is_full(self) -> bool:
        """Whether everything that went through is here."""
        return self._packed is not None

    def again(self) -> Iterator[bytes]:
        """What went through, in pieces of bounded size; raises ValueError where it is not here."""
        if self._packed is None:
            raise ValueError("nothing is kept")
        unpacker = zlib.decompressobj()
        for part in self._packed:
            rest = part
            while rest:
                yield unpacker.decompress(rest, _PIECE_BYTES)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
