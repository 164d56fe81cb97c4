"""How much faster a model's logits become the mask of a photograph, and that mask its text. It knows no model.

    python -m benchmarks.sam_masks

The reference is segment_anything's: all three candidates are interpolated to 12 megapixels and compared with the
threshold, and pycocotools encodes one of them, turned. Both run in turn, several times; a ratio is the median of the
ratios of their CPU seconds. The pixels and the text are the same, which is checked first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import torch
from pycocotools import mask as coco
from torch.nn import functional

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap
from inference_container.segmenters.framing import Framing
from inference_container.segmenters.raster import Logits
from maskmill.core.geometry import Size

SIZE = Size(height_px=3000, width_px=4000)
FRAME = Framing(side_px=1024, low_px=256)
_ROUNDS = 9


def disc() -> Logits:
    """The logits of a round thing of about a fifth of the picture."""
    rows, columns = np.mgrid[:256, :256]
    return np.asarray(12 - 0.22 * np.hypot((rows - 96) * 1.1, columns - 128), np.float32)


def clouds(smoothness: float) -> Logits:
    """The logits of scattered things all over the picture; the smoother, the larger."""
    noise = np.random.default_rng(0).normal(0, 1, (256, 256)).astype(np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), smoothness), np.float32)
    return np.asarray(smooth / np.abs(smooth).max() * 12, np.float32)


def reference_masks(logits: Logits) -> Bitmap:
    """`Sam.postprocess_masks` of three candidates, bool (3, height, width)."""
    inner = FRAME.inner(SIZE)
    tensor = torch.from_numpy(logits).expand(1, 3, -1, -1)
    side = functional.interpolate(tensor, (FRAME.side_px,) * 2, mode="bilinear", align_corners=False)
    side = side[..., : inner.height_px, : inner.width_px]
    shape = (SIZE.height_px, SIZE.width_px)
    masks: Bitmap = (functional.interpolate(side, shape, mode="bilinear", align_corners=False) > 0)[0].numpy()
    return masks


def mask_ratios(logits: Logits) -> dict[str, float]:
    """The ratios of drawing one mask instead of three, and of encoding it from its patch; CPU milliseconds of ours."""
    patch, whole = FRAME.draw(logits, SIZE), reference_masks(logits)[0]

    def turned() -> str:
        text: bytes = coco.encode(np.asfortranarray(whole.view(np.uint8)))["counts"]
        return text.decode()

    if not np.array_equal(patch.full(), whole) or encode_mask(patch, 1.0).rle.counts != turned():
        raise ValueError("the masks differ")
    draw = [
        (_cpu_ms(lambda: reference_masks(logits)), _cpu_ms(lambda: FRAME.draw(logits, SIZE))) for _ in range(_ROUNDS)
    ]
    encode = [(_cpu_ms(turned), _cpu_ms(lambda: encode_mask(patch, 1.0))) for _ in range(_ROUNDS)]
    return {
        "draw_ratio": round(median(theirs / ours for theirs, ours in draw), 1),
        "draw_ms": round(median(ours for _, ours in draw), 2),
        "encode_ratio": round(median(theirs / ours for theirs, ours in encode), 1),
        "encode_ms": round(median(ours for _, ours in encode), 2),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    results = {name: mask_ratios(logits) for name, logits in (("disc", disc()), ("clouds", clouds(8)))}
    for name, result in results.items():
        print(f"{name}:", result)
    disc_ = results["disc"]
    print(f"bench-sam-masks draw_ratio={disc_['draw_ratio']} rle_ratio={disc_['encode_ratio']}")


if __name__ == "__main__":
    main()
