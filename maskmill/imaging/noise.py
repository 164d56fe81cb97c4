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
_MEAN = np.int32(8 * 255 // 2)
_DEVIATION = math.sqrt(8 * (256 * 256 - 1) / 12)  # of a sum of eight independent bytes, exactly
_BYTES = np.uint32(0x00FF00FF)
_GOLDEN = np.uint32(0x9E3779B9)

Words = NDArray[np.uint32]


def noise(rows: range, columns: range, *, seed: int, channel: int, deviation: float) -> Floats:
    """Noise of mean 0 and the given standard deviation: float32 (len(rows), len(columns)), within ±4.88 deviations.

    `rows` and `columns` are positions in the whole picture; `seed` is a number of 64 bits.
    """
    keys = [_split_mix(seed ^ _split_mix(row)) for row in rows]
    high = np.array([key >> 32 for key in keys], np.uint32)[:, None]
    low = np.array([key & 0xFFFFFFFF for key in keys], np.uint32)[:, None]
    counters = np.arange(columns.start, columns.stop, dtype=np.uint32) * np.uint32(4) + np.uint32(channel)
    counters *= _GOLDEN
    sums = _byte_pairs(_mixed(high + counters)) + _byte_pairs(_mixed(low ^ counters))
    total = ((sums & np.uint32(0xFFFF)) + (sums >> np.uint32(16))).astype(np.int32) - _MEAN
    return total.astype(np.float32) * np.float32(deviation / _DEVIATION)


def _byte_pairs(words: Words) -> Words:
    """Two sums of two bytes each, in the halves of a word."""
    return (words & _BYTES) + (words >> np.uint32(8) & _BYTES)


def _mixed(words: Words) -> Words:
    """A bijective mix of 32 bits with low bias (Wellons, "Prospecting for hash functions", 2018); changes its input."""
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x7FEB352D)
    words ^= words >> np.uint32(15)
    words *= np.uint32(0x846CA68B)
    words ^= words >> np.uint32(16)
    return words


def _split_mix(value: int) -> int:
    """SplitMix64 (Steele, Lea and Flood, 2014): one well mixed number of 64 bits from another."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK_64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return value ^ (value >> 31)
