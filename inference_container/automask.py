"""Everything in a picture: a grid of clicks, of whose answers the sure, stable and distinct ones are kept.

The search is that of segment_anything's `SamAutomaticMaskGenerator` (Kirillov et al., 2023, arXiv:2304.02643, appendix
B), over the segmenter port, so any engine can do it. It knows no engine, no storage and no wire.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.masks import decode_rle, encode_mask
from inference_container.segmenter import Bitmap, Candidate, Patch, Picture, Segmenter
from maskmill.core.automask import Automask, FoundMask
from maskmill.core.errors import ModelFailure
from maskmill.core.geometry import PixelBox, Point, Size
from maskmill.core.limits import AUTOMASK_FOUND_MAX
from maskmill.core.mask import Mask
from maskmill.core.prompt import Prompt

_CLICKS_AT_ONCE = 64
_CROP_OVERLAP = 512 / 1500  # of the shorter side, between the crops of the first layer
_CROP_EDGE_PX = 20  # a mask that ends so near to the edge of a crop is cut off by it
_CHARS_MAX = 64 * 1024 * 1024  # of run lengths, that are kept before duplicates are removed

_Boxes = npt.NDArray[np.float64]  # (N, 4): left, top, and the last column and row


@dataclass(frozen=True, slots=True)
class Found:
    """A mask of the whole picture, the box around it (its last row and column included) and how it was found."""

    mask: Mask
    score: float
    stability: float
    point: Point
    box: tuple[int, int, int, int]
    crop: PixelBox


def find_everything(
    segmenter: Segmenter[Any],
    picture: Picture,
    request: Automask,
    check: Callable[[], None],
    *,
    embedding: Any | None = None,
) -> tuple[FoundMask, ...]:
    """What was found in a picture, the best by score first; at most AUTOMASK_FOUND_MAX masks.

    `embedding` is that of the whole picture, where it is known. `check` is called again and again and may raise to end
    the search. Raises ValueError when closer looks are asked for and the picture is not at its full size.
    """
    is_whole = picture.pixels.shape[:2] == (picture.size.height_px, picture.size.width_px)
    if request.crop_layers and not is_whole:
        raise ValueError("a closer look needs the picture at its full size")
    crops = list(crops_of(picture.size, request.crop_layers))
    found: list[Found] = []
    for crop in crops:
        check()
        known = embedding if crop == crops[0] else None
        found = within_memory(found + _search(segmenter, picture, crop, request, check, known))
    if len(crops) > 1:
        found = _distinct(found, [1 / (one.crop.width * one.crop.height) for one in found], request.overlap_max)
    if request.area_min > 0:
        found = _tidied(found, picture.size, request, check)
    found.sort(key=lambda one: one.score, reverse=True)
    return tuple(
        FoundMask(mask=one.mask, stability=one.stability, point=one.point) for one in found[:AUTOMASK_FOUND_MAX]
    )


def crops_of(size: Size, layers: int) -> Iterator[PixelBox]:
    """The whole picture, and in each layer 2 × 2, 4 × 4, … crops of it that overlap."""
    yield PixelBox(0, 0, size.height_px, size.width_px)
    for layer in range(1, layers + 1):
        count = 2**layer
        overlap = int(_CROP_OVERLAP * min(size.height_px, size.width_px) * (2 / count))
        height, width = (math.ceil((overlap * (count - 1) + side) / count) for side in (size.height_px, size.width_px))
        for column, row in product(range(count), repeat=2):
            top, left = (height - overlap) * row, (width - overlap) * column
            yield PixelBox(top, left, min(top + height, size.height_px), min(left + width, size.width_px))


def _search(
    segmenter: Segmenter[Any],
    picture: Picture,
    crop: PixelBox,
    request: Automask,
    check: Callable[[], None],
    embedding: Any | None,
) -> list[Found]:
    """What a grid of clicks finds in one crop, without duplicates."""
    if embedding is None:
        embedding = segmenter.embed(_cropped(picture, crop))
    found: list[Found] = []
    grid = list(_grid(request.points_per_side))
    for start in range(0, len(grid), _CLICKS_AT_ONCE):
        check()
        clicks = grid[start : start + _CLICKS_AT_ONCE]
        answers = segmenter.segment(embedding, [Prompt(points=(click,)) for click in clicks])
        for click, candidates in zip(clicks, answers, strict=True):
            for candidate in candidates:
                one = _judged(candidate, request, crop, picture.size, click)
                if one is not None:
                    found.append(one)
        found = within_memory(found)
    return _distinct(found, [one.score for one in found], request.overlap_max)


def _judged(candidate: Candidate, request: Automask, crop: PixelBox, size: Size, click: Point) -> Found | None:
    """A candidate as a mask of the whole picture, or None where it is unsure, unstable, empty or cut off."""
    if candidate.score <= request.score_min and request.score_min > 0:
        return None
    stability = 1.0 if candidate.stability is None else candidate.stability()
    if stability < request.stability_min:
        return None
    drawn = candidate.draw()
    patch = Patch(drawn.bitmap, size, top=drawn.top + crop.top, left=drawn.left + crop.left)
    box = _box_of(patch)
    if box is None or _is_cut_off(box, crop, size):
        return None
    try:
        mask = encode_mask(patch, candidate.score)
    except ModelFailure:  # an outline too long to be stored
        return None
    point = Point(
        x=(crop.left + click.x * crop.width) / size.width_px, y=(crop.top + click.y * crop.height) / size.height_px
    )
    return Found(mask, candidate.score, stability, point, box, crop)


def _grid(side: int) -> Iterator[Point]:
    """The middles of side × side cells, row by row."""
    for row, column in product(range(side), repeat=2):
        yield Point(x=(column + 0.5) / side, y=(row + 0.5) / side)


def _cropped(picture: Picture, crop: PixelBox) -> Picture:
    if (crop.height, crop.width) == (picture.size.height_px, picture.size.width_px):
        return picture
    return Picture.whole(np.ascontiguousarray(picture.pixels[crop.top : crop.bottom, crop.left : crop.right]))


def _box_of(patch: Patch) -> tuple[int, int, int, int] | None:
    """Left, top, last column and last row of a mask in its image; None when it is empty."""
    rows = np.flatnonzero(patch.bitmap.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(patch.bitmap[rows[0] : rows[-1] + 1].any(axis=0))
    left, right = (patch.left + int(columns[index]) for index in (0, -1))
    top, bottom = (patch.top + int(rows[index]) for index in (0, -1))
    return left, top, right, bottom


def _is_cut_off(box: tuple[int, int, int, int], crop: PixelBox, size: Size) -> bool:
    """Whether a mask ends at an edge of its crop that is no edge of the picture."""
    edges = zip(
        box,
        (crop.left, crop.top, crop.right, crop.bottom),
        (0, 0, size.width_px, size.height_px),
        strict=True,
    )
    return any(abs(end - near) <= _CROP_EDGE_PX < abs(end - far) for end, near, far in edges)


def within_memory(found: list[Found]) -> list[Found]:
    """The same masks, or the best half of them when they are too much to be kept."""
    if sum(len(one.mask.rle.counts) for one in found) <= _CHARS_MAX:
        return found
    best = sorted(found, key=lambda one: one.score, reverse=True)
    return within_memory(best[: len(best) // 2])


def _distinct(found: list[Found], ranks: Sequence[float], overlap_max: float) -> list[Found]:
    """Greedy non-maximum suppression by boxes: of each pair that overlaps more, the one of the higher rank."""
    boxes = np.array([one.box for one in found], np.float64).reshape(-1, 4)
    return [found[index] for index in suppressed(boxes, np.array(ranks, np.float64), overlap_max)]


def suppressed(boxes: _Boxes, ranks: npt.NDArray[np.float64], overlap_max: float) -> list[int]:
    """The indices of the boxes that survive, the highest rank first, and among equals the first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.argsort(-ranks, kind="stable")
    kept: list[int] = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        sides = np.minimum(boxes[best, 2:], boxes[left, 2:]) - np.maximum(boxes[best, :2], boxes[left, :2])
        shared = np.clip(sides, 0, None).prod(axis=1)
        left = left[shared <= overlap_max * (areas[best] + areas[left] - shared)]
    return kept


def _tidied(found: list[Found], size: Size, request: Automask, check: Callable[[], None]) -> list[Found]:
    """Masks without their small holes and islands, and without those that are themselves too small.

    Of masks that have become alike, one that was not changed is preferred.
    """
    area_min = request.area_min * size.pixels
    tidy: list[Found] = []
    is_same: list[float] = []
    for one in found:
        check()
        box = _room_around(one.box, size, area_min)
        bitmap = decode_rle(one.mask.rle, size)[box.top : box.bottom, box.left : box.right]
        clean = without_small_regions(bitmap, area_min)
        if int(clean.sum()) < area_min:
            continue
        is_same.append(float(np.array_equal(clean, bitmap)))
        if is_same[-1]:
            tidy.append(one)
            continue
        patch = Patch(clean, size, top=box.top, left=box.left)
        tidy.append(replace(one, mask=encode_mask(patch, one.score), box=_box_of(patch) or one.box))
    return _distinct(tidy, is_same, request.overlap_max)


def _room_around(box: tuple[int, int, int, int], size: Size, area_min: float) -> PixelBox:
    """A part of the picture in which small regions are those of the whole picture.

    It ends at the edges of the picture, or beyond so much background that what lies there is no small region.
    """
    left, top, right, bottom = box
    rows, columns = math.ceil(area_min / (right - left + 1)), math.ceil(area_min / (bottom - top + 1))
    return PixelBox(
        top=max(0, top - rows),
        left=max(0, left - columns),
        bottom=min(size.height_px, bottom + 1 + rows),
        right=min(size.width_px, right + 1 + columns),
    )


def without_small_regions(bitmap: Bitmap, area_min: float) -> Bitmap:
    """A mask without its holes, and then without its islands, of fewer than `area_min` pixels; one island stays."""
    filled = ~_large_regions(~bitmap, area_min)
    large = _large_regions(filled, area_min)
    return large if large.any() else _large_regions(filled, 0, largest=True)


def _large_regions(bitmap: Bitmap, area_min: float, *, largest: bool = False) -> Bitmap:
    """The connected regions of `area_min` pixels or more, or the largest one; pixels touch at their corners, too."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(bitmap.astype(np.uint8), connectivity=8)
    areas = np.asarray(statistics)[:, cv2.CC_STAT_AREA].copy()
    areas[0] = -1  # all that is not in the bitmap
    is_kept = np.arange(len(areas)) == areas.argmax() if largest else areas >= area_min
    is_kept[0] = False
    kept: Bitmap = is_kept[labels]
    return kept
