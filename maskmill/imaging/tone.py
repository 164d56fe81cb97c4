"""Brightness, contrast and gamma as one table; it knows no picture."""

from __future__ import annotations

import math

import numpy as np

from maskmill.core.edit import Edits
from maskmill.imaging.picture import Floats


def tone_table(edits: Edits) -> Floats:
    """The sRGB value in [0, 1] that each byte becomes: float32 (256,), computed in float64 and rounded once.

    x + brightness, then (x − 0.5)(1 + contrast) + 0.5, clipped to [0, 1], then x^(1 / (1 + gamma)).
    """
    return np.array([_toned(byte / 255.0, edits) for byte in range(256)], np.float32)


def _toned(value: float, edits: Edits) -> float:
    if edits.brightness:
        value += edits.brightness
    if edits.contrast:
        value = (value - 0.5) * (1.0 + edits.contrast) + 0.5
    value = min(max(value, 0.0), 1.0)
    return math.pow(value, 1.0 / (1.0 + edits.gamma)) if edits.gamma else value
