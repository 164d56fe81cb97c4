"""How fast pictures are rendered and how many bytes they take, by format: the figures of `maskmill/core/rates.py`.

    python -m benchmarks.rates

Seconds are of one processor and for each megapixel, so that a busy machine does not change them. It knows no segmenter.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

from local.photos import demo_photos
from maskmill.core.edit import Edits
from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.core.prompt import Refinement
from maskmill.core.recipe import Effort, Output, OutputFormat
from maskmill.imaging.encode import encode, thumbnail_of
from maskmill.imaging.masks import mask_png, rle_of
from maskmill.imaging.normal import normal_png, normalise, read_normal, resized
from maskmill.imaging.picture import Bools, Picture
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import alpha_of
from maskmill.imaging.render import DrawnLayer, render

RESULTS = Path(__file__).parent / "results" / "rates.json"
EDITS = Edits(hue=40, saturation=0.3, contrast=0.2, noise=0.02)
REFINEMENT = Refinement(island_area_min=0.001, hole_area_min=0.001, grow_px=2)
LARGE_MEGAPIXELS = 12.0
SHARE = 0.25  # of the picture that the region covers

Result = TypeVar("Result")


def main() -> int:
    photos = [normalise(path.read_bytes()).picture for path in sorted(demo_photos(Path("build/photos")).iterdir())]
    found = {"decode": _median(_decoding(photo) for photo in photos)}
    found |= {"label": _median(_labelling(photo) for photo in photos)}
    found |= {"edit": _median(_editing(photo) for photo in photos)}
    found |= {"thumbnail": _median(_thumbnailing(photo) for photo in photos)}
    formats = {kind.value: {effort.value: _format(photos, kind, effort) for effort in Effort} for kind in OutputFormat}
    told = {"per_megapixel": found, "formats": formats, "photos": len(photos)}
    RESULTS.write_text(json.dumps(told, indent=2) + "\n")
    print(RESULTS.read_text())
    return 0


def _format(photos: list[Picture], kind: OutputFormat, effort: Effort) -> dict[str, float]:
    made = [_encoding(photo, Output(format=kind, effort=effort)) for photo in photos]
    return {
        "seconds": round(median(seconds for seconds, _ in made), 4),
        "bytes": round(median(size for _, size in made)),
    }


def _median(values: Iterable[float]) -> float:
    return round(median(values), 4)


def _seconds(act: Callable[[], Result], photo: Picture) -> tuple[float, Result]:
    """The seconds of one processor for each megapixel, the best of nine, and what came of it."""
    spent = []
    for _ in range(9):
        began = time.process_time()
        result = act()
        spent.append(time.process_time() - began)
    return min(spent) / _megapixels(photo), result


def _megapixels(photo: Picture) -> float:
    return photo.size.pixels / 1e6


def _disc(photo: Picture) -> Bools:
    rows, columns = np.mgrid[: photo.size.height_px, : photo.size.width_px]
    away = (rows - photo.size.height_px / 2) ** 2 + (columns - photo.size.width_px / 2) ** 2
    return np.asarray(away * np.pi < SHARE * photo.size.pixels)


def _decoding(photo: Picture) -> float:
    data = normal_png(photo)
    return _seconds(lambda: read_normal(data), photo)[0]


def _labelling(photo: Picture) -> float:
    mask = _disc(photo)

    def label() -> None:
        refined = refine(mask, REFINEMENT)
        rle_of(refined)
        mask_png(refined)

    return _seconds(label, photo)[0]


def _editing(photo: Picture) -> float:
    layer = DrawnLayer(EDITS, alpha_of(_disc(photo), feather_px=3.0))
    return _seconds(lambda: render(photo, [layer], seed=1), photo)[0]


def _thumbnailing(photo: Picture) -> float:
    """Of the photo as a large one: a small one's thumbnail takes a few milliseconds, whatever its size."""
    scale = (LARGE_MEGAPIXELS / _megapixels(photo)) ** 0.5
    size = photo.size
    large = resized(photo, height_px=round(size.height_px * scale), width_px=round(size.width_px * scale))
    return _seconds(lambda: thumbnail_of(large, VARIANT_THUMBNAIL_SIDE_PX), large)[0]


def _encoding(photo: Picture, output: Output) -> tuple[float, float]:
    seconds, data = _seconds(lambda: encode(photo, output), photo)
    return seconds, len(data) / _megapixels(photo)


if __name__ == "__main__":
    sys.exit(main())
