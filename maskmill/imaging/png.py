"""What a PNG's compressed stream holds, held against its header; it knows no pixel.

Where a stream ends early or names a filter that does not exist, Pillow shows black rows; where the stream's own
checksum is wrong, it loses the last ones: a picture that looks accepted and is not the one that was sent.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
_WHOLE = ((0, 1, 0, 1),)  # top, down, left, across
_FILTER_MAX = 4
_BLOCK_BYTES = 1024 * 1024


def check_stream(data: bytes) -> None:
    """Raises ValueError or zlib.error unless every row of a PNG is there, under a filter that exists.

    The chunks are known to be sound. What follows the last row is left alone.
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    bits = depth * _CHANNELS[colour]
    passes = iter(_passes(width, height, bits, _ADAM7 if interlaced else _WHOLE))
    start = 0  # of the pass, in the stream
    size, stride = next(passes)
    position = 0
    blocks = _inflated(data)
    for block in blocks:
        end = position + len(block)
        while True:
            first = position + (start - position) % stride  # where the next row begins, or the pass
            if max(block[max(first, start) - position : start + size - position : stride], default=0) > _FILTER_MAX:
                raise ValueError("a row has a filter that does not exist")
            if end < start + size:
                break
            start += size
            following = next(passes, None)
            if following is None:
                next(blocks, None)  # the stream's checksum, where it ends here
                return
            size, stride = following
        position = end
    raise ValueError(f"the stream ends after {position} bytes, before the last row")


def _passes(
    width: int, height: int, bits: int, grid: tuple[tuple[int, int, int, int], ...]
) -> Iterator[tuple[int, int]]:
    """Bytes of each pass and of each of its rows, the filter's number included; a pass without pixels has no rows."""
    for top, down, left, across in grid:
        rows, columns = -(-(height - top) // down), -(-(width - left) // across)
        if rows > 0 and columns > 0:
            stride = 1 + (columns * bits + 7) // 8
            yield rows * stride, stride


def _inflated(data: bytes) -> Iterator[bytes]:
    """The stream in blocks; its checksum is compared when it ends."""
    inflater = zlib.decompressobj()
    for piece in _pieces(data):
        yield (block := inflater.decompress(piece, _BLOCK_BYTES))
        while inflater.unconsumed_tail or len(block) == _BLOCK_BYTES:
            yield (block := inflater.decompress(inflater.unconsumed_tail, _BLOCK_BYTES))


def _pieces(data: bytes) -> Iterator[memoryview]:
    view, position = memoryview(data), 8
    while position + 12 <= len(data):
        length, kind = int.from_bytes(view[position : position + 4], "big"), bytes(view[position + 4 : position + 8])
        if kind == b"IEND":
            return
        if kind == b"IDAT":
            yield view[position + 8 : position + 8 + length]
        position += 12 + length
