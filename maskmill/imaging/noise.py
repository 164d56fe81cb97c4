"""Noise that depends on nothing but (seed, row, column, channel); it knows no picture.

A counter-based generator: integer hashes give eight bytes per value, and their sum (Irwin and Hall) is nearly normal.
Any part of the noise can be made alone, in any order, with the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from maskmill.imaging.picture import Floats

_MASK_64 = (1 << 64) - 1
_MEAN = np.float32(8 * 255 / 2)
_DEVIATION = math.sqrt(8 * (256 * 256 - 1) / 12)  # of a sum of eight independent bytes, exactly
_BYTES = np.uint32(0x00FF00FF)
_GOLDEN = np.uint32(0x9E3779B9)
_HALVES = np.uint32(0x00010001)  # a word times this has the sum of its halves in its upper half
_EIGHT, _SIXTEEN = np.uint32(8), np.uint32(16)

Words = NDArray[np.uint32]
LongWords = NDArray[np.uint64]


def noise(rows: range, columns: range, *, seed: int, channel: int, deviation: float) -> Floats:
    """Noise of mean 0 and the given standard deviation: float32 (len(rows), len(columns)), within ±4.88 deviations.

    `rows` and `columns` are positions in the whole picture; `seed` is a number of 64 bits.
    """
    keys = _split_mix(np.uint64(seed & _MASK_64) ^ _split_mix(np.arange(rows.start, rows.stop, dtype=np.uint64)))[
        :, None
    ]
    counters = np.arange(columns.start, columns.stop, dtype=np.uint32) * np.uint32(4) + np.uint32(channel)
    counters *= _GOLDEN
    sums = _byte_pairs(_mixed((keys >> np.uint64(32)).astype(np.uint32) + counters))
    sums += _byte_pairs(_mixed(keys.astype(np.uint32) ^ counters))
    sums *= _HALVES
    sums >>= _SIXTEEN
    total = sums.view(np.int32).astype(np.float32)
    total -= _MEAN
    total *= np.float32(deviation / _DEVIATION)
    return total


def _byte_pairs(words: Words) -> Words:
    """Two sums of two bytes each, in the halves of a word; changes its input."""
    pairs = words & _BYTES
    words >>= _EIGHT
    words &= _BYTES
    pairs += words
    return pairs


def _mixed(words: Words) -> Words:
    """A bijective mix of 32 bits with low bias (Wellons, "Prospecting for hash functions", 2018); changes its input."""
    shifted = words >> _SIXTEEN
    words ^= shifted
    words *= np.uint32(0x7FEB352D)
    words ^= np.right_shift(words, np.uint32(15), out=shifted)
    words *= np.uint32(0x846CA68B)
    words ^= np.right_shift(words, _SIXTEEN, out=shifted)
    return words


def _split_mix(values: LongWords) -> LongWords:
    """SplitMix64 (Steele, Lea and Flood, 2014): well mixed numbers of 64 bits from others."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
