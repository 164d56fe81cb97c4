"""SAM's embedding as a value and as bytes; it knows no model.

The bytes are a line of text, padded to 128 bytes, that says whose embedding this is and of how large an image, and then
the features: half precision, little-endian, channels before rows before columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Size

HEADER_BYTES = 128
_LITTLE = np.dtype("<f2")


@dataclass(frozen=True, slots=True)
class SamEmbedding:
    """One image of `size` as SAM sees it: features (channels, grid, grid).

    They are rounded to half precision as they are made, so that one that was kept answers like one that is fresh.
    """

    features: npt.NDArray[np.float16]
    size: Size


def packed(embedding: SamEmbedding, version: str) -> bytes:
    """An embedding of a segmenter of this version as bytes."""
    features = np.ascontiguousarray(embedding.features, _LITTLE)
    return _header(version, features.shape, embedding.size) + features.tobytes()


def unpacked(data: bytes, version: str, shape: tuple[int, int, int], size: Size) -> SamEmbedding:
    """What `packed` made by the same version of an image of `size`; raises ModelFailure for anything else."""
    header = _header(version, shape, size)
    expected = len(header) + _LITTLE.itemsize * int(np.prod(shape))
    if len(data) != expected or data[: len(header)] != header:
        found = bytes(data[:HEADER_BYTES]).rstrip()
        raise ModelFailure(Code.MODEL_FAILED, detail=f"{len(data)} bytes that begin with {found!r}, not {header!r}")
    features = np.frombuffer(data, _LITTLE, offset=len(header)).reshape(shape).astype(np.float16, copy=False)
    return SamEmbedding(features, size)


def _header(version: str, shape: tuple[int, ...], size: Size) -> bytes:
    dimensions = "x".join(map(str, shape))
    text = f"maskmill embedding {version} float16 {dimensions} of {size.height_px}x{size.width_px}"
    return text.encode("ascii").ljust(HEADER_BYTES - 1) + b"\n"
