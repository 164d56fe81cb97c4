"""A segmenter without weights: GrabCut from several guesses at a bounded size. It knows no HTTP and no storage.

GrabCut (Rother, Kolmogorov and Blake, 2004) depends on where it starts. So the prompt is turned into several first
guesses at different scales (classic_seeds), each is cut at a small size, and the shape that stands out best from its
surroundings is kept (classic_shapes); the winner alone is cut again in a band along its edge at a larger size and drawn
at the full size along the image's edges (classic_edges). The same image and prompt give the same bytes on any run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from inference_container.masks import decode_rle
from inference_container.segmenter import Bitmap, Candidate, Patch, Picture, Pixels
from inference_container.segmenters.classic_edges import Guide, draw_at_full_size, guide_of
from inference_container.segmenters.classic_seeds import (
    Distances,
    Labels,
    Seeds,
    distances_of,
    first_guesses,
    region_guesses,
    seeds_of,
)
from inference_container.segmenters.classic_shapes import Bins, colour_bins, iou, score_of, tidy, tightness
from inference_container.segmenters.geodesic import StepCosts, step_costs
from maskmill.core.engines import Engine, segmenter_version
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt

_GUESS_SIDE_PX = 224  # of the longer side, where the guesses are cut and compared
_EDGE_SIDE_PX = 448  # of the longer side, where the winner is cut again
_GUESS_ROUNDS = 4
_EDGE_ROUNDS = 2
_BAND_SHARE = 0.012  # half the width of the band that is cut again, of the longer side
_MODEL_PIXELS_MIN = 5  # GrabCut describes the object and the background by five Gaussians each
_LOST_FACTOR = 4  # shapes that are at most so many times the discs around the clicks are no objects
_SAME_IOU = 0.9  # shapes more alike than this are one answer


@dataclass(frozen=True, slots=True)
class _Level:
    """An image at one working size: colours uint8 (height, width, 3) in OpenCV's order."""

    bgr: Pixels

    @property
    def size(self) -> Size:
        return Size(height_px=self.bgr.shape[0], width_px=self.bgr.shape[1])


@dataclass(frozen=True, slots=True)
class ClassicEmbedding:
    """What all prompts on an image share: two working sizes, step costs, colour bins and the guide of the edges."""

    image: Pixels
    coarse: _Level
    fine: _Level
    costs: StepCosts
    bins: Bins
    guide: Guide

    @property
    def size(self) -> Size:
        return Size(height_px=self.image.shape[0], width_px=self.image.shape[1])


class ClassicSegmenter:
    """GrabCut behind the segmenter port; needs no checkpoint."""

    @property
    def version(self) -> str:
        return segmenter_version(Engine.CLASSIC)

    def setup(self) -> None:
        """One thread, because the order in which threads add up would show in the bytes."""
        cv2.setNumThreads(1)

    def working_size(self, size: Size) -> Size:
        return size  # the last step follows the edges at the full size

    def embed(self, picture: Picture) -> ClassicEmbedding:
        """Reduce and describe an image at its full size."""
        image = picture.pixels
        fine = _Level(np.ascontiguousarray(_reduced(image, _EDGE_SIDE_PX)[..., ::-1]))
        coarse = _Level(_reduced(fine.bgr, _GUESS_SIDE_PX))
        smooth = cv2.bilateralFilter(coarse.bgr, 7, 30, 5)
        lab = np.asarray(cv2.cvtColor(smooth.astype(np.float32) / np.float32(255), cv2.COLOR_BGR2LAB), np.float32)
        guide = guide_of(np.ascontiguousarray(fine.bgr[..., ::-1]))
        return ClassicEmbedding(image, coarse, fine, step_costs(lab), colour_bins(lab), guide)

    def segment(self, embedding: ClassicEmbedding, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """Three candidates for each prompt, from the smallest to the largest; the best may be any of them."""
        return [_candidates(embedding, prompt) for prompt in prompts]

    def pack(self, embedding: ClassicEmbedding) -> bytes | None:
        return None

    def unpack(self, data: bytes, size: Size) -> ClassicEmbedding:
        raise ModelFailure(Code.MODEL_FAILED, detail="this engine keeps no embeddings")


def _candidates(embedding: ClassicEmbedding, prompt: Prompt) -> tuple[Candidate, ...]:
    previous = None if prompt.previous is None else decode_rle(prompt.previous, embedding.size)
    seeds = seeds_of(prompt, embedding.coarse.size, previous)
    distances = distances_of(seeds, embedding.costs)
    shapes = _shapes(embedding, seeds, distances)
    scores = [
        score_of(shape, [*shapes[:index], *shapes[index + 1 :]], embedding.bins, distances.opposition)
        * tightness(shape, seeds)
        for index, shape in enumerate(shapes)
    ]
    return tuple(
        Candidate(score=scores[index], draw=partial(_drawn, embedding, prompt, shapes[index], previous))
        for index in _three_scales(shapes, scores)
    )


def _shapes(embedding: ClassicEmbedding, seeds: Seeds, distances: Distances) -> list[Bitmap]:
    """The shapes of all first guesses; of regions, too, when nothing but the clicks themselves stood out."""
    shapes = _shapes_of(first_guesses(seeds, distances), embedding, seeds)
    is_lost = max(int(shape.sum()) for shape in shapes) <= _LOST_FACTOR * int(seeds.is_object.sum())
    if seeds.positive and is_lost:
        shapes += _shapes_of(region_guesses(seeds, distances), embedding, seeds)
    return shapes


def _shapes_of(guesses: Iterable[Labels], embedding: ClassicEmbedding, seeds: Seeds) -> list[Bitmap]:
    distinct = {labels.tobytes(): labels for labels in guesses}
    return [tidy(_cut(embedding.coarse, labels, _GUESS_ROUNDS), seeds) for labels in distinct.values()]


def _three_scales(shapes: Sequence[Bitmap], scores: Sequence[float]) -> list[int]:
    """The indices of the best shape and of the two best that differ from it, by area; fewer shapes are repeated."""
    ranked = sorted(range(len(shapes)), key=lambda index: -scores[index])
    kept: list[int] = []
    for index in ranked:
        if len(kept) < 3 and all(iou(shapes[index], shapes[other]) < _SAME_IOU for other in kept):
            kept.append(index)
    kept += [kept[0]] * (3 - len(kept))
    return sorted(kept, key=lambda index: int(shapes[index].sum()))


def _cut(level: _Level, labels: Labels, rounds: int) -> Bitmap:
    """GrabCut from a label image; the labels themselves where one side is too small to be described."""
    is_object = (labels & 1) > 0
    if min(int(is_object.sum()), int((~is_object).sum())) < _MODEL_PIXELS_MIN:
        return is_object
    cv2.setRNGSeed(0)  # its k-means draws the first centres at random, from a generator of each thread
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    no_box = (0, 0, 0, 0)
    result = labels.copy()
    cv2.grabCut(level.bgr, result, no_box, background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    cut: Bitmap = (result & 1) > 0
    return cut


def _drawn(embedding: ClassicEmbedding, prompt: Prompt, shape: Bitmap, previous: Bitmap | None) -> Patch:
    """A shape of the coarse size, cut again along its edge and drawn at the full size."""
    seeds = seeds_of(prompt, embedding.fine.size, previous)
    height, width = seeds.is_object.shape
    coverage = cv2.resize(shape.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    labels = seeds.constrained(_banded(np.asarray(coverage) > 0.5))
    fine = tidy(_cut(embedding.fine, labels, _EDGE_ROUNDS), seeds)
    full = draw_at_full_size(fine, embedding.guide, embedding.image)
    return Patch.whole(_respecting(prompt, full))


def _banded(shape: Bitmap) -> Labels:
    """Labels that leave only a band along the edge of a shape to the cut."""
    radius = max(1, round(_BAND_SHARE * max(shape.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner = cv2.erode(shape.astype(np.uint8), kernel)
    outer = cv2.dilate(shape.astype(np.uint8), kernel)
    labels = np.where(shape, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[np.asarray(inner) > 0] = cv2.GC_FGD
    labels[np.asarray(outer) == 0] = cv2.GC_BGD
    return labels


def _respecting(prompt: Prompt, mask: Bitmap) -> Bitmap:
    """The last word of the points and the box at the full size."""
    size = Size(height_px=mask.shape[0], width_px=mask.shape[1])
    if prompt.box is not None:
        box = pixel_box_of(prompt.box, size)
        mask[: box.top] = mask[box.bottom :] = False
        mask[:, : box.left] = mask[:, box.right :] = False
    for point in prompt.points:
        mask[pixel_of(point, size)] = point.positive
    return mask


def _reduced(image: Pixels, side_px: int) -> Pixels:
    """An image whose longer side is at most `side_px`; smaller ones stay as they are."""
    height, width = image.shape[:2]
    scale = min(1.0, side_px / max(height, width))
    if scale == 1.0:
        return image
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
