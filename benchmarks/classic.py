"""How well and how fast the classic segmenter cuts out what one click means. It knows no server and no job.

    python -m benchmarks.classic [FOLDER]

FOLDER holds photos (`NAME.jpg`) with a reference mask beside each (`NAME.mask.png`). Every photo gets one click, at
the deepest point of its reference mask. The same click goes to a plain way of seeding GrabCut at the same bounded size,
as a reference: the frame is background, the click is object, and a large disc around it is probably object. Seconds are
CPU seconds of one thread, which other work on the machine does not change.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
from PIL import Image

from inference_container.segmenter import Bitmap, Picture, Pixels, chosen
from inference_container.segmenters.classic import ClassicSegmenter
from inference_container.segmenters.classic_shapes import iou
from maskmill.core.geometry import PixelPoint, Size, pixel_of, point_of
from maskmill.core.prompt import MaskChoice, Prompt

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_FOLDER = REPOSITORY / "../shared/photos/cutouts"
RESULT = REPOSITORY / "benchmarks/results/classic.json"
_PLAIN_ROUNDS = 5
_PLAIN_SIDE_PX = 448
_PLAIN_DISC_SHARE = 0.45


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """One photo: overlap with the reference and seconds, ours and those of the plain seeding."""

    photo: str
    iou: float
    embed_s: float
    prompt_s: float
    plain_iou: float
    plain_s: float


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark, print it, and write it down when it ran on the default photos; always ends with 0."""
    folder = Path(arguments[0]) if arguments else DEFAULT_FOLDER
    photos = sorted(path for path in folder.glob("*.jpg") if reference_of(path).exists())
    if not photos:
        print(f"no photos with reference masks (NAME.jpg and NAME.mask.png) in {folder}")
        print("bench-classic mean_iou=nan min_iou=nan seconds_per_prompt=nan plain_mean_iou=nan photos=0")
        return 0
    segmenter = ClassicSegmenter()
    segmenter.setup()
    results = []
    for photo in photos:
        results.append(measure(segmenter, photo))
        last = results[-1]
        print(f"{last.photo:12} iou={last.iou:.3f} seconds={last.prompt_s:.2f} embed={last.embed_s:.2f} "
              f"plain_iou={last.plain_iou:.3f} plain_seconds={last.plain_s:.2f}")  # fmt: skip
    summary = summary_of(results)
    if not arguments:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        document = {"summary": summary, "photos": [asdict(result) for result in results]}
        RESULT.write_text(json.dumps(document, indent=2) + "\n")
    print("bench-classic " + " ".join(f"{name}={value}" for name, value in summary.items()))
    return 0


def measure(segmenter: ClassicSegmenter, photo: Path) -> PhotoResult:
    """One photo with one click, both ways."""
    image = np.asarray(Image.open(photo).convert("RGB"))
    reference = np.asarray(Image.open(reference_of(photo)).convert("L")) > 127
    prompt = deepest_click(reference)
    began = time.process_time()
    embedding = segmenter.embed(Picture.whole(image))
    embedded = time.process_time()
    [candidates] = segmenter.segment(embedding, [prompt])
    mask = chosen(candidates, MaskChoice.BEST).bitmap()
    ended = time.process_time()
    plain = plain_grabcut(image, prompt)
    return PhotoResult(
        photo=photo.stem,
        iou=round(iou(mask, reference), 4),
        embed_s=round(embedded - began, 3),
        prompt_s=round(ended - embedded, 3),
        plain_iou=round(iou(plain, reference), 4),
        plain_s=round(time.process_time() - ended, 3),
    )


def summary_of(results: Sequence[PhotoResult]) -> dict[str, float]:
    """The figures of the last line."""
    return {
        "mean_iou": round(fmean(result.iou for result in results), 3),
        "min_iou": round(min(result.iou for result in results), 3),
        "seconds_per_prompt": round(fmean(result.prompt_s for result in results), 2),
        "seconds_per_embed": round(fmean(result.embed_s for result in results), 2),
        "plain_mean_iou": round(fmean(result.plain_iou for result in results), 3),
        "plain_seconds": round(fmean(result.plain_s for result in results), 2),
        "photos": len(results),
    }


def reference_of(photo: Path) -> Path:
    """The reference mask of a photo."""
    return photo.with_suffix(".mask.png")


def deepest_click(reference: Bitmap) -> Prompt:
    """One positive point where a mask (height, width) is deepest: the maximum of its distance transform."""
    depth = np.asarray(cv2.distanceTransform(np.pad(reference.astype(np.uint8), 1), cv2.DIST_L2, 5))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    size = Size(height_px=reference.shape[0], width_px=reference.shape[1])
    return Prompt(points=(point_of(PixelPoint(int(row), int(column)), size),))


def plain_grabcut(image: Pixels, prompt: Prompt) -> Bitmap:
    """One GrabCut from a disc around the click, and of its result the part that holds the click, at the full size."""
    full = (image.shape[1], image.shape[0])
    scale = min(1.0, _PLAIN_SIDE_PX / max(full))
    small = cv2.resize(image[..., ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    pixel = pixel_of(prompt.points[0], Size(height_px=height, width_px=width))
    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    centre = (pixel.column, pixel.row)
    cv2.circle(labels, centre, int(_PLAIN_DISC_SHARE * min(height, width)), cv2.GC_PR_FGD, thickness=-1)
    labels[[0, -1], :] = labels[:, [0, -1]] = cv2.GC_BGD
    cv2.circle(labels, centre, max(3, min(height, width) // 50), cv2.GC_FGD, thickness=-1)
    cv2.setRNGSeed(0)
    models = [np.zeros((1, 65)), np.zeros((1, 65))]
    cv2.grabCut(small, labels, (0, 0, 0, 0), models[0], models[1], _PLAIN_ROUNDS, cv2.GC_INIT_WITH_MASK)
    _, parts = cv2.connectedComponents((labels & 1).astype(np.uint8), connectivity=4)
    part = (np.asarray(parts) == np.asarray(parts)[pixel]).astype(np.float32)
    enlarged: Bitmap = np.asarray(cv2.resize(part, full, interpolation=cv2.INTER_LINEAR)) > 0.5
    return enlarged


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
