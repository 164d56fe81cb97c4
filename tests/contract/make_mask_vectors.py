"""Write tests/contract/mask_vectors.json: masks, prompts and logits, and what the service makes of them.

    python -m tests.contract.make_mask_vectors

The page's own code for masks is tested against the same file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap, Patch
from inference_container.segmenters.framing import Framing
from inference_container.segmenters.sam_embedding import SamEmbedding, packed
from inference_container.segmenters.sam_prompts import framed
from maskmill.core.geometry import PixelPoint, Size, pixel_box_of, pixel_of, point_of
from maskmill.core.prompt import Prompt

VECTORS = Path(__file__).with_name("mask_vectors.json")
FRAMING = Framing(side_px=64, low_px=16)
SIZES = ((50, 64), (120, 320), (300, 90), (7, 64), (1, 1), (64, 64), (33, 41))
VERSION = "sam-test-0123456789ab"


def make() -> dict[str, Any]:
    """Everything that the file holds."""
    return {
        "rles": [_rle(bitmap) for bitmap in _bitmaps()],
        "drawn": [_drawn(Size(height_px=height, width_px=width)) for height, width in SIZES],
        "prompts": [_prompt(Size(height_px=height, width_px=width)) for height, width in SIZES],
        "embedding": _embedding(),
    }


def _bitmaps() -> Iterator[Bitmap]:
    rng = np.random.default_rng(5)
    for height, width in ((1, 1), (3, 4), (9, 2), (40, 7), (13, 29)):
        yield np.zeros((height, width), np.bool_)
        yield np.ones((height, width), np.bool_)
        yield rng.random((height, width)) < 0.5
        yield _disc(height, width)


def _disc(height: int, width: int) -> Bitmap:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (width // 2, height // 3), (max(1, width // 3), max(1, height // 4)), 30, 0, 360, 1, -1)
    return canvas > 0


def _rle(bitmap: Bitmap) -> dict[str, Any]:
    rows, columns = np.nonzero(bitmap)
    box = None
    if rows.size:
        box = [int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1]
    return {
        "rle": encode_mask(Patch.whole(bitmap), 1.0).rle.model_dump(),
        "rows": ["".join(map(str, row)) for row in bitmap.astype(int)],
        "area": int(bitmap.sum()),
        "box": box,
    }


def _logits(seed: int) -> npt.NDArray[np.float32]:
    """Smooth in some places and rough in others, on both sides of zero."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.normal(0, 4, (4, 4)).astype(np.float32), (16, 16), interpolation=cv2.INTER_CUBIC)
    return (coarse + rng.normal(0, 1, (16, 16))).astype(np.float32)


def _drawn(size: Size) -> dict[str, Any]:
    logits = _logits(size.pixels)
    return {
        "size": size.model_dump(),
        "inner": FRAMING.inner(size).model_dump(),
        "side_px": FRAMING.side_px,
        "low_px": FRAMING.low_px,
        "logits": _text(logits),
        "rle": encode_mask(FRAMING.draw(logits, size), 1.0).rle.model_dump(),
    }


def _prompt(size: Size) -> dict[str, Any]:
    previous = encode_mask(Patch.whole(_disc(size.height_px, size.width_px)), 1.0).rle
    prompt = Prompt.model_validate(
        {
            "points": [{"x": 0.31, "y": 0.77}, {"x": 1.0, "y": 1.0, "positive": False}, {"x": 0.0, "y": 0.499}],
            "box": {"left": 0.1, "top": 0.2, "right": 0.9, "bottom": 0.777},
            "previous": previous,
        }
    )
    found = framed([prompt], FRAMING, size)
    assert found.points is not None and found.labels is not None and found.boxes is not None
    assert found.previous is not None and prompt.box is not None
    pixels = [pixel_of(point, size) for point in prompt.points]
    centre = point_of(PixelPoint(pixels[0].row, pixels[0].column), size)
    box = pixel_box_of(prompt.box, size)
    return {
        "size": size.model_dump(),
        "side_px": FRAMING.side_px,
        "low_px": FRAMING.low_px,
        "prompt": prompt.model_dump(),
        "pixels": [[pixel.row, pixel.column] for pixel in pixels],
        "centre": [centre.x, centre.y],
        "box": [box.top, box.left, box.bottom, box.right],
        "points": found.points[0].tolist(),
        "labels": found.labels[0].tolist(),
        "corners": found.boxes[0].tolist(),
        "previous": _text(found.previous),
    }


def _embedding() -> dict[str, Any]:
    """Every kind of half-precision number: zeros, the smallest, ordinary ones, the largest."""
    features = np.array([0.0, -0.0, 6e-8, -5.9e-5, 1.0, -0.333, 1024.5, 65504.0], np.float16).reshape(2, 2, 2)
    size = Size(height_px=30, width_px=40)
    return {
        "version": VERSION,
        "size": size.model_dump(),
        "shape": list(features.shape),
        "packed": base64.b64encode(packed(SamEmbedding(features, size), VERSION)).decode("ascii"),
        "features": features.astype(np.float64).ravel().tolist(),
    }


def _text(numbers: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, "<f4").tobytes()).decode("ascii")


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(make(), indent=None, separators=(",", ":")).replace("},{", "},\n{") + "\n", "utf-8")
