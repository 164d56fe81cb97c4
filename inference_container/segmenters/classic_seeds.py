"""What a prompt says about the pixels of one working size, and the first guesses that it allows. It knows no cut.

A label image is uint8 (height, width) with GrabCut's four values: sure or probable, object or background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inference_container.segmenter import Bitmap
from inference_container.segmenters.geodesic import Floats, StepCosts, geodesic_distance
from maskmill.core.geometry import PixelBox, PixelPoint, Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt

Labels = npt.NDArray[np.uint8]

_DISC_SHARE = 0.02  # radius of the disc around a point that surely belongs to it, as a share of the shorter side
_BALL_SHARES = (0.12, 0.3, 0.45)  # radii of the guesses "everything this near to a click", of the shorter side
_ELLIPSE_SHARES = (1.0, 0.75, 0.5)  # guesses "an ellipse in the box", of the box's sides
_GEODESIC_SHARES = (0.2, 0.35, 0.5)  # guesses by the ratio of the geodesic distances to background and to click
_FAR_SHARES = (0.6, 0.75)  # guesses "the part of the picture that is farthest, geodesically, from the background"
_NEAR_SHARES = (0.08, 0.2, 0.4)  # guesses "the part of the picture that is nearest, geodesically, to the click"
_OPPOSED = 0.9  # nine times nearer to a negative point than to a positive one: surely background
_REACH_SHARE = 0.15  # how far a negative point speaks for its surroundings, of the geodesic width of the picture
_FARTHEST = 0.95  # the quantile of distances that stands for that width
_TINY = np.float32(1e-6)
_PREVIOUS_STEPS = (0.0, -0.02, 0.03)  # a previous mask as it is, shrunk and grown, of the shorter side


@dataclass(frozen=True, slots=True)
class Seeds:
    """A prompt on a grid: exact pixels and the discs around them, the box as an allowed area, the previous mask."""

    positive: tuple[PixelPoint, ...]
    negative: tuple[PixelPoint, ...]
    is_object: Bitmap
    is_background: Bitmap
    allowed: Bitmap
    previous: Bitmap | None

    @property
    def side(self) -> int:
        """The shorter side of the grid in pixels."""
        return int(min(self.is_object.shape))

    def constrained(self, labels: Labels) -> Labels:
        """Labels with everything that the prompt says for sure."""
        labels[~self.allowed] = cv2.GC_BGD
        labels[self.is_background] = cv2.GC_BGD
        labels[self.is_object] = cv2.GC_FGD
        return labels


@dataclass(frozen=True, slots=True)
class Distances:
    """Geodesic distances (height, width) of a prompt: from the background taken for granted, and from the clicks.

    `border` is that background. `opposition` is 0 at a positive point, 1 at a negative one and 0.5 half-way between
    them, geodesically; it is 0 beyond the reach of the negative points, and everywhere when one kind is missing.
    """

    border: Bitmap
    from_background: Floats
    from_object: Floats
    opposition: Floats


def seeds_of(prompt: Prompt, size: Size, previous: Bitmap | None) -> Seeds:
    """The prompt on a grid of `size`; `previous` is the previous mask at any size."""
    shape = (size.height_px, size.width_px)
    positive = tuple(pixel_of(point, size) for point in prompt.points if point.positive)
    negative = tuple(pixel_of(point, size) for point in prompt.points if not point.positive)
    radius = _disc_radius(positive, negative, min(shape))
    is_object, is_background = _discs(positive, radius, shape), _discs(negative, radius, shape)
    for pixel in negative:  # where two discs meet, the exact pixels decide
        is_object[pixel] = False
    is_background &= ~is_object
    allowed = _inside(pixel_box_of(prompt.box, size), shape) if prompt.box else np.ones(shape, np.bool_)
    resized = None if previous is None else _resized(previous, shape)
    return Seeds(positive, negative, is_object, is_background, allowed, resized)


def distances_of(seeds: Seeds, costs: StepCosts) -> Distances:
    """The distances that guesses and scores are made of."""
    border = _border(seeds)
    from_object = geodesic_distance(costs, seeds.is_object)
    opposition = np.zeros_like(from_object)
    if seeds.positive and seeds.negative:
        from_negative = geodesic_distance(costs, seeds.is_background)
        reach = _REACH_SHARE * np.quantile(from_negative, _FARTHEST)
        opposition = np.where(from_negative < reach, from_object / (from_object + from_negative + _TINY), 0)
    return Distances(border, geodesic_distance(costs, border), from_object, opposition)


def first_guesses(seeds: Seeds, distances: Distances) -> Iterator[Labels]:
    """Label images to start a cut from, at several scales; some may be equal."""
    if seeds.previous is not None:
        yield from (_guess(seeds, _stepped(seeds.previous, step * seeds.side)) for step in _PREVIOUS_STEPS)
        return
    excluded = distances.border | (distances.opposition > _OPPOSED)
    if seeds.positive:
        yield from (_guess(seeds, ball, excluded) for ball in _balls(seeds))
        nearness = distances.from_background / (distances.from_background + distances.from_object + _TINY)
        for share in _GEODESIC_SHARES:
            yield _guess(seeds, nearness > share, (nearness < share / 4) | (distances.opposition > _OPPOSED))
    else:
        yield _guess(seeds, seeds.allowed, excluded)
        yield from (_guess(seeds, _ellipse(seeds.allowed, share), excluded) for share in _ELLIPSE_SHARES)
    within = distances.from_background[seeds.allowed]
    for share in _FAR_SHARES:
        yield _guess(seeds, distances.from_background > np.quantile(within, share), excluded)


def region_guesses(seeds: Seeds, distances: Distances) -> Iterator[Labels]:
    """Label images for a click on the background itself: a wall, a road, the sky; the frame may belong to it."""
    within = distances.from_object[seeds.allowed]
    for share in _NEAR_SHARES:
        is_near = distances.from_object <= np.quantile(within, share)
        yield _guess(seeds, is_near, distances.opposition > _OPPOSED)


def _guess(seeds: Seeds, is_probable: Bitmap, is_excluded: Bitmap | None = None) -> Labels:
    """Labels of a first guess; `is_excluded` is sure background but for what the prompt says."""
    labels = np.where(is_probable, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    if is_excluded is not None:
        labels[is_excluded] = cv2.GC_BGD
    return seeds.constrained(labels)


def _balls(seeds: Seeds) -> Iterator[Bitmap]:
    """The surroundings of the positive points, as far as they are nearer to them than to a negative one."""
    near = _distance_to(seeds.positive, seeds.is_object.shape)
    away = _distance_to(seeds.negative, seeds.is_object.shape)
    return ((near < share * seeds.side) & (near < away) for share in _BALL_SHARES)


def _border(seeds: Seeds) -> Bitmap:
    """Where the background is taken for granted: the frame of the image or of the box, and the negative points."""
    border = ~seeds.allowed | seeds.is_background
    if seeds.allowed.all():
        border[[0, -1], :] = True
        border[:, [0, -1]] = True
    return border & ~seeds.is_object


def _disc_radius(positive: tuple[PixelPoint, ...], negative: tuple[PixelPoint, ...], side: int) -> int:
    """As large as the share allows, yet never more than a third of the way to a point of the other kind."""
    gaps = [np.hypot(one.row - other.row, one.column - other.column) for one in positive for other in negative]
    return int(min([_DISC_SHARE * side, *(gap / 3 for gap in gaps)]))


def _discs(pixels: tuple[PixelPoint, ...], radius: int, shape: tuple[int, int]) -> Bitmap:
    image = np.zeros(shape, np.uint8)
    for pixel in pixels:
        cv2.circle(image, (pixel.column, pixel.row), radius, 1, thickness=-1)
        image[pixel] = 1
    return image > 0


def _inside(box: PixelBox, shape: tuple[int, int]) -> Bitmap:
    inside = np.zeros(shape, np.bool_)
    inside[box.top : box.bottom, box.left : box.right] = True
    return inside


def _ellipse(allowed: Bitmap, share: float) -> Bitmap:
    """An ellipse in the middle of a box, `share` of its sides wide and high."""
    rows, columns = np.flatnonzero(allowed.any(axis=1)), np.flatnonzero(allowed.any(axis=0))
    centre = (int(columns.mean()), int(rows.mean()))
    axes = (max(1, int(share * len(columns) / 2)), max(1, int(share * len(rows) / 2)))
    ellipse = np.zeros(allowed.shape, np.uint8)
    cv2.ellipse(ellipse, centre, axes, 0, 0, 360, 1, thickness=-1)
    return ellipse > 0


def _resized(mask: Bitmap, shape: tuple[int, int]) -> Bitmap:
    coverage = cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    resized: Bitmap = np.asarray(coverage) >= 0.5
    return resized


def _stepped(mask: Bitmap, step: float) -> Bitmap:
    """A mask grown by `step` pixels, or shrunk when it is negative."""
    radius = round(abs(step))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    operation = cv2.MORPH_DILATE if step > 0 else cv2.MORPH_ERODE
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), operation, kernel)) > 0


def _distance_to(pixels: tuple[PixelPoint, ...], shape: tuple[int, int]) -> Floats:
    """The distance (height, width) in pixels to the nearest of the points; infinite when there is none."""
    if not pixels:
        return np.full(shape, np.inf, np.float32)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    squares = [(rows - pixel.row) ** 2 + (columns - pixel.column) ** 2 for pixel in pixels]
    nearest: Floats = np.sqrt(np.minimum.reduce(squares)).astype(np.float32)
    return nearest
