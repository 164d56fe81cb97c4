"""Brightness, contrast and gamma as one table; it knows no picture."""

from __future__ import annotations

import math

import numpy as np

from maskmill.core.edit import Edits
from maskmill.imaging.picture import Bytes, Floats


def tone_table(edits: Edits) -> Floats:
    """The sRGB value in [0, 1] that each byte becomes: float32 (256,), computed in float64 and rounded once.

    x + brightness, then (x − 0.5)(1 + contrast) + 0.5, clipped to [0, 1], then x^(1 / (1 + gamma)).
    """
    return np.array([_toned(byte / 255.0, edits) for byte in range(256)], np.float32)


class Tone:
    """A tone table that is looked up for two neighbouring bytes at once."""

    def __init__(self, table: Floats) -> None:
        self._one = table
        self._two = table.take(np.arange(1 << 16, dtype=np.uint16).view(np.uint8)).view(np.uint64)

    def of(self, values: Bytes) -> Floats:
        """The table's values for bytes of any shape: float32 of the same shape, C order."""
        flat = np.ascontiguousarray(values).reshape(-1)
        if flat.size % 2:
            return self._one.take(flat, mode="clip").reshape(values.shape)
        return self._two.take(flat.view(np.uint16), mode="clip").view(np.float32).reshape(values.shape)


def _toned(value: float, edits: Edits) -> float:
    if edits.brightness:
        value += edits.brightness
    if edits.contrast:
        value = (value - 0.5) * (1.0 + edits.contrast) + 0.5
    value = min(max(value, 0.0), 1.0)
    return math.pow(value, 1.0 / (1.0 + edits.gamma)) if edits.gamma else value
