"""How well a segmenter finds the objects of unseen scenes with one click and with two; it knows no engine.

python -m tests.sam_test.judge --scenes 200
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference_container.segmenter import Bitmap, Picture, chosen
from maskmill.core.geometry import PixelPoint, Size, point_of
from maskmill.core.prompt import MaskChoice, Prompt
from tests.sam_test.scenes import draw_scene

WEIGHTS = Path(__file__).with_name("sam-test.safetensors")
SIZES = (
    (256, 256),
    (384, 512),
    (512, 320),
    (300, 400),
    (200, 256),
)  # height, width: also larger than the frame, not square
AREA_MIN = 0.03  # of the picture: the frame has 256 pixels, so the outline of a smaller object is most of it


@dataclass(frozen=True, slots=True)
class Verdict:
    """Mean IoU over the objects that are not small, of the candidate with the best score, after one click and after two."""

    objects: int
    one_click: float
    two_clicks: float


def judge(segmenter: Any, seeds: Iterable[int], *, area_min: float = AREA_MIN) -> Verdict:
    """One click where an object is deepest, then a second where the first answer was most wrong."""
    one: list[float] = []
    two: list[float] = []
    for seed in seeds:
        height, width = SIZES[seed % len(SIZES)]
        scene = draw_scene(seed, height=height, width=width)
        embedding = segmenter.embed(Picture.whole(scene.pixels))
        for truth in scene.objects:
            if truth.mean() < area_min:
                continue
            prompt = clicked(Prompt.model_construct(points=()), truth, positive=True)
            found = answer(segmenter, embedding, prompt)
            one.append(iou(found, truth))
            missing, surplus = truth & ~found, found & ~truth
            is_missing = bool(missing.sum() >= surplus.sum())
            prompt = clicked(prompt, missing if is_missing else surplus, positive=is_missing)
            two.append(iou(answer(segmenter, embedding, prompt), truth))
    return Verdict(len(one), float(np.mean(one)), float(np.mean(two)))


def answer(segmenter: Any, embedding: Any, prompt: Prompt) -> Bitmap:
    """The mask of the candidate with the best score."""
    [candidates] = segmenter.segment(embedding, [prompt])
    return chosen(candidates, MaskChoice.BEST).bitmap()


def clicked(prompt: Prompt, where: Bitmap, *, positive: bool) -> Prompt:
    """The prompt with a further point at the deepest place of a mask; an empty mask adds none."""
    depth = np.asarray(cv2.distanceTransform(np.pad(where.astype(np.uint8), 1), cv2.DIST_L2, 5))[1:-1, 1:-1]
    if not depth.max():
        return prompt
    row, column = np.unravel_index(int(depth.argmax()), where.shape)
    size = Size(height_px=where.shape[0], width_px=where.shape[1])
    return Prompt(points=(*prompt.points, point_of(PixelPoint(int(row), int(column)), size, positive=positive)))


def iou(one: Bitmap, other: Bitmap) -> float:
    """Intersection over union of two masks; two empty ones agree."""
    union = int((one | other).sum())
    return 1.0 if union == 0 else int((one & other).sum()) / union


def main() -> None:
    from inference_container.segmenters.sam import SamSegmenter
    from maskmill.core.engines import Engine

    parser = argparse.ArgumentParser(description="Judge the small SAM of the tests on unseen scenes.")
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    segmenter = SamSegmenter(Engine.SAM_TEST, options.weights, device="cpu")
    segmenter.setup()
    for area_min in (AREA_MIN, 0.0):
        verdict = judge(segmenter, range(options.scenes), area_min=area_min)
        print(
            f"{verdict.objects} objects of at least {area_min:.0%} of the picture: "
            f"one click {verdict.one_click:.3f}, two clicks {verdict.two_clicks:.3f}"
        )


if __name__ == "__main__":
    main()
