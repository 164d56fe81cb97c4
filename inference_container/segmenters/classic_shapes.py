"""From the raw result of a cut to a shape, and how well a shape stands out. It knows no cut and no full size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.segmenter import Bitmap
from inference_container.segmenters.classic_seeds import Seeds
from inference_container.segmenters.geodesic import Floats

Bins = npt.NDArray[np.int32]

_OPEN_SHARE = 0.006  # radius that removes whiskers and
_CLOSE_SHARE = 0.012  # radius that closes cracks, of the longer side
_HOLE_SHARE = 0.1  # holes below this share of the object's area are filled
_PART_SHARE = 0.05  # without a click, parts above this share of the largest one are kept
_RING_SHARE = 0.07  # width of the surroundings that a shape is compared with, of the longer side
_BINS = (10, 16, 16)  # of the colour histograms: lightness, green to red, blue to yellow
_CONSENSUS_WEIGHT = 0.4
_AREA_WEIGHT = 0.4
_AREA_DECADES = 8.0  # of e: the bonus falls from 1 for the whole image to 0 for a shape of 0.03 % of it


def tidy(cut: Bitmap, seeds: Seeds) -> Bitmap:
    """The part of a cut that the prompt means: cracks closed, holes filled, whiskers gone, points respected."""
    longer = max(cut.shape)
    closed = _morph(cut, cv2.MORPH_CLOSE, _CLOSE_SHARE * longer)
    filled = _without_holes(closed, seeds)
    opened = _morph(filled, cv2.MORPH_OPEN, _OPEN_SHARE * longer)
    shape = opened if opened.any() else filled
    shape = (shape & seeds.allowed & ~seeds.is_background) | seeds.is_object
    return _meant_parts(shape, seeds)


def colour_bins(lab: Floats) -> Bins:
    """The histogram bin (height, width) of each colour of an image in Lab, float32 (height, width, 3)."""
    counts = np.array(_BINS)
    scaled = (lab + np.array([0, 100, 100])) / np.array([100, 200, 200]) * counts
    light, red, yellow = np.moveaxis(np.clip(scaled, 0, counts - 1).astype(np.int32), -1, 0)
    bins: Bins = (light * _BINS[1] + red) * _BINS[2] + yellow
    return bins


def score_of(shape: Bitmap, others: Sequence[Bitmap], bins: Bins, opposition: Floats) -> float:
    """How good a shape looks, in [0, 1]: it differs from its surroundings, and other guesses agree with it.

    The difference is one minus the Bhattacharyya coefficient of the colours inside and in a ring around the shape
    (centre-surround contrast, as in Liu et al., "Learning to Detect a Salient Object", 2007). Agreement is the mean
    IoU with the shapes of the other guesses. A small bonus for area prefers an object to a patch on it. What lies
    around a negative point and nearer to it than to a positive one counts against a shape.
    """
    area = int(shape.sum())
    if area == 0:
        return 0.0
    ring = _morph(shape, cv2.MORPH_DILATE, _RING_SHARE * max(shape.shape)) & ~shape
    if not ring.any():
        return 0.0
    difference = 1.0 - float(np.sqrt(_histogram(bins[shape]) * _histogram(bins[ring])).sum())
    consensus = float(np.mean([iou(shape, other) for other in others])) if others else 1.0
    size_bonus = 1.0 + max(-1.0, float(np.log(area / shape.size)) / _AREA_DECADES)
    total = difference + _CONSENSUS_WEIGHT * consensus + _AREA_WEIGHT * size_bonus
    doubt = float((opposition[shape] > 0.5).mean())
    return min(1.0, max(0.0, (1.0 - doubt) * total / (1.0 + _CONSENSUS_WEIGHT + _AREA_WEIGHT)))


def iou(one: Bitmap, other: Bitmap) -> float:
    """Intersection over union of two masks of one size; 1.0 for two empty ones."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def tightness(shape: Bitmap, seeds: Seeds) -> float:
    """How well a shape fills the box of the prompt: the IoU of the two rectangles, 1.0 without a box.

    A person draws a box tightly (Lempitsky et al., "Image Segmentation with a Bounding Box Prior", 2009).
    """
    if seeds.allowed.all() or not shape.any():
        return 1.0
    return iou(_rectangle(shape), seeds.allowed)


def _rectangle(shape: Bitmap) -> Bitmap:
    """The bounding rectangle of a shape, filled."""
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    rectangle = np.zeros(shape.shape, np.bool_)
    rectangle[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return rectangle


def _histogram(bins: Bins) -> npt.NDArray[np.float64]:
    return np.bincount(bins, minlength=int(np.prod(_BINS))) / len(bins)


def _morph(mask: Bitmap, operation: int, radius_px: float) -> Bitmap:
    """A morphological operation with a disc; the image goes on as it is beyond its frame."""
    radius = max(1, round(radius_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    border = (radius,) * 4
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), *border, borderType=cv2.BORDER_REPLICATE)
    result: Bitmap = np.asarray(cv2.morphologyEx(padded, operation, kernel)) > 0
    return result[radius:-radius, radius:-radius]


def _without_holes(mask: Bitmap, seeds: Seeds) -> Bitmap:
    """A mask with its small holes filled, but for those that a negative point lies in."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    areas = boxes[:, cv2.CC_STAT_AREA]
    is_hole = areas < _HOLE_SHARE * mask.sum()
    is_hole[0] = False  # the mask itself
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    is_hole[frame] = False
    is_hole[[labels[pixel] for pixel in seeds.negative]] = False
    filled: Bitmap = mask | is_hole[labels]
    return filled


def _meant_parts(mask: Bitmap, seeds: Seeds) -> Bitmap:
    """The connected parts that hold a positive point; without points, those a previous mask touches or large ones."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    is_meant = np.zeros(count, np.bool_)
    if seeds.positive:
        is_meant[[labels[pixel] for pixel in seeds.positive]] = True
    elif seeds.previous is not None:
        is_meant[np.unique(labels[seeds.previous])] = True
    else:
        areas = boxes[1:, cv2.CC_STAT_AREA]
        is_meant[1:] = areas >= _PART_SHARE * max(areas, default=0)
    is_meant[0] = False
    meant: Bitmap = is_meant[labels]
    return meant
