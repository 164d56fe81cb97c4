"""Image encoding on a GPU, ours against the reference as it comes, where there is one; it knows no CPU.

    python -m benchmarks.sam_gpu

Seconds here are of the clock, after warming up, with the device waited for.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sam_decode import photo_like
from benchmarks.sam_encode import PROMPTS, SIZE, make_weights
from inference_container.segmenter import Picture, chosen
from maskmill.core.engines import Engine
from maskmill.core.geometry import pixel_of
from maskmill.core.prompt import MaskChoice

_ROUNDS = 10


def gpu_lines() -> list[str]:
    """A line for each engine and way of running it, or one that says that there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        return ["GPU: none at hand, its figures are left out"]
    told = [f"GPU: {torch.cuda.get_device_name()}"]
    for engine in (Engine.SAM_VIT_B, Engine.SAM_VIT_H):
        with tempfile.TemporaryDirectory(prefix="sam-gpu-") as folder:
            path = Path(folder) / "random.pth"
            make_weights(engine, path)
            told += _compared(engine, path)
    return told


def _compared(engine: Engine, path: Path) -> list[str]:
    import numpy as np

    from inference_container.segmenters.sam import SamSegmenter
    from inference_container.segmenters.torchvision_stand_in import ensure_torchvision

    ensure_torchvision()
    from segment_anything import SamPredictor, sam_model_registry

    kind = engine.value.removeprefix("sam-").replace("-", "_")
    predictor = SamPredictor(sam_model_registry[kind](checkpoint=str(path)).eval().cuda())
    picture = Picture.whole(photo_like(SIZE))
    pixels = [pixel_of(prompt.points[0], SIZE) for prompt in PROMPTS[:4]]

    def answer_as_reference() -> None:
        predictor.set_image(picture.pixels)
        for pixel in pixels:
            predictor.predict(point_coords=np.array([[pixel.column, pixel.row]]), point_labels=np.array([1]))

    encode_s, whole_s = _seconds(lambda: predictor.set_image(picture.pixels)), _seconds(answer_as_reference)
    told = [f"GPU, {engine}, reference fp32: {1 / encode_s:.1f} encoded/s, {1 / whole_s:.1f} with 4 prompts/s"]
    features = predictor.features.cpu().numpy().ravel()
    for is_compiled in (False, True):
        segmenter = SamSegmenter(engine, path, device="cuda", compile=is_compiled)
        segmenter.setup()
        found = segmenter.embed(picture).features.astype(np.float32).ravel()
        cosine = float(found @ features / np.linalg.norm(found) / np.linalg.norm(features))
        ours_s = _seconds(partial(segmenter.embed, picture))
        ours_whole_s = _seconds(partial(_answered, segmenter, picture))
        told.append(
            f"GPU, {engine}, {dict(segmenter.notes())}, compiled {is_compiled}: {1 / ours_s:.1f} encoded/s "
            f"({encode_s / ours_s:.1f} x), {1 / ours_whole_s:.1f} with 4 prompts/s ({whole_s / ours_whole_s:.1f} x), "
            f"cosine {cosine:.6f}"
        )
    return told


def _answered(segmenter: Any, picture: Picture) -> None:
    for found in segmenter.segment(segmenter.embed(picture), PROMPTS[:4]):
        chosen(found, MaskChoice.BEST).draw()


def _seconds(work: Callable[[], object]) -> float:
    import torch

    work()
    times = []
    for _ in range(_ROUNDS):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return median(times)


if __name__ == "__main__":
    print("\n".join(gpu_lines()))
