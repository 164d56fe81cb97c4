"""How the page's golden vectors are written: small arrays as text; it knows no edit and no mask."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent


def packed(values: NDArray[Any]) -> str:
    """The bytes of an array in C order, little-endian, as base64."""
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode("ascii")


def drawn(mask: NDArray[np.bool_]) -> list[str]:
    """A mask as rows of text, so that a reader sees it."""
    return ["".join("#" if inside else "." for inside in row) for row in mask]


def text_of(vectors: dict[str, Any]) -> str:
    """The file of some vectors: lists have one entry a line, so that a change is seen where it is."""
    parts = [f"{json.dumps(name)}: {_entries(value)}" for name, value in vectors.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _entries(value: Any) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
    return json.dumps(value)
