"""Drawn scenes with known objects: shapes with textures, clutter, occlusion and noise; they know no model.

A scene is a pure function of its seed and size. It is drawn at twice its size and averaged down, so that edges are as
soft as a camera's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Bitmap = npt.NDArray[np.bool_]

OBJECTS_MIN, OBJECTS_MAX = 2, 6
AREA_MIN = 0.012  # of the scene: the visible part of an object that may be asked for
_SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Pixels (height, width, 3) in RGB order, and the visible part (height, width) of each object that is large enough."""

    pixels: Pixels
    objects: tuple[Bitmap, ...]


def draw_scene(seed: int, *, height: int = 256, width: int = 256) -> Scene:
    """The scene of a seed."""
    rng = np.random.default_rng(seed)
    tall, wide = height * _SUPERSAMPLING, width * _SUPERSAMPLING
    colours: list[npt.NDArray[np.float32]] = []
    canvas = _textured(rng, _colour(rng, colours), tall, wide, is_calm=rng.random() < 0.6)
    owner = np.zeros((tall, wide), np.uint8)
    unit = min(tall, wide)
    for _ in range(rng.integers(0, 6)):  # clutter: small things that nobody asks for
        _paint(rng, canvas, owner, unit * rng.uniform(0.01, 0.035), rng.random(3).astype(np.float32), 0)
    count = int(rng.integers(OBJECTS_MIN, OBJECTS_MAX + 1))
    for number in range(1, count + 1):
        _paint(rng, canvas, owner, unit * rng.uniform(0.11, 0.30), _colour(rng, colours), number)
    pixels = _photographed(rng, canvas, height, width)
    masks = (_visible(owner, number, height, width) for number in range(1, count + 1))
    return Scene(pixels, tuple(mask for mask in masks if mask.mean() >= AREA_MIN))


def _colour(rng: np.random.Generator, taken: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """A colour in [0, 1] that differs from those that the scene has."""
    best, best_distance = np.zeros(3, np.float32), -1.0
    for _ in range(6):
        colour = rng.random(3).astype(np.float32)
        distance = min((float(np.abs(colour - other).sum()) for other in taken), default=9.0)
        if distance > best_distance:
            best, best_distance = colour, distance
        if distance > 0.6:
            break
    taken.append(best)
    return best


def _textured(
    rng: np.random.Generator, colour: npt.NDArray[np.float32], height: int, width: int, *, is_calm: bool
) -> npt.NDArray[np.float32]:
    """A surface (height, width, 3): a colour under a slope of light, and unless it is calm a pattern."""
    across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = rng.normal(0, 0.08) * across + rng.normal(0, 0.08) * down
    if not is_calm:
        light = light + rng.uniform(0.04, 0.13) * _pattern(rng, height, width)
    tint = rng.normal(1, 0.25, 3).astype(np.float32)
    surface: npt.NDArray[np.float32] = colour + light[:, :, None].astype(np.float32) * tint
    return surface


def _pattern(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float32]:
    """A pattern in [-1, 1]: stripes, a chessboard or blotches."""
    kind = rng.integers(3)
    if kind == 2:
        cells = int(rng.integers(8, 40))
        coarse = rng.uniform(-1, 1, (max(2, height // cells), max(2, width // cells))).astype(np.float32)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    angle, period = rng.uniform(0, np.pi), rng.uniform(14, 56)
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)
    along = (np.cos(angle) * columns + np.sin(angle) * rows) * np.float32(2 * np.pi / period)
    if kind == 0:
        return np.sign(np.sin(along))
    across = (np.cos(angle) * rows - np.sin(angle) * columns) * np.float32(2 * np.pi / period)
    return np.sign(np.sin(along) * np.sin(across))


def _outline(rng: np.random.Generator, radius: float) -> npt.NDArray[np.float64]:
    """The corners (N, 2), x first, of a shape around the origin: an ellipse, a rectangle, a polygon, a star or a blob."""
    turn, squeeze = rng.uniform(0, 2 * np.pi), rng.uniform(0.55, 1.0)
    kind = rng.integers(5)
    corners = (64, 4, int(rng.integers(3, 7)), 2 * int(rng.integers(4, 8)), 96)[kind]
    angles = np.arange(corners) * 2 * np.pi / corners + (np.pi / 4 if kind == 1 else 0.0)
    radii = np.ones(corners)
    if kind == 3:
        radii[0::2], radii[1::2] = 1.15, rng.uniform(0.5, 0.75)
    if kind == 4:
        radii += sum(rng.normal(0, 0.28 / wave) * np.cos(wave * angles + rng.uniform(0, 7)) for wave in (2, 3, 4, 5))
    local = np.stack([np.cos(angles) * radii, np.sin(angles) * radii * squeeze], axis=1) * radius
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned: npt.NDArray[np.float64] = local @ rotation
    return turned


def _paint(
    rng: np.random.Generator,
    canvas: npt.NDArray[np.float32],
    owner: npt.NDArray[np.uint8],
    radius: float,
    colour: npt.NDArray[np.float32],
    number: int,
) -> None:
    """Paint a shape over what is there, somewhere, and write its number into `owner`."""
    height, width = owner.shape
    centre = np.array([rng.uniform(0.08, 0.92) * width, rng.uniform(0.08, 0.92) * height])
    corners = np.round(_outline(rng, radius) + centre).astype(np.int32)
    left, top = np.maximum(corners.min(axis=0), 0)
    right, bottom = np.minimum(corners.max(axis=0) + 1, (width, height))
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [corners - np.array([left, top], np.int32)], 1)
    is_inside = mask.astype(np.bool_)
    fill = _textured(rng, colour, *mask.shape, is_calm=number == 0 or rng.random() < 0.5)
    canvas[top:bottom, left:right][is_inside] = fill[is_inside]
    owner[top:bottom, left:right][is_inside] = number


def _photographed(rng: np.random.Generator, canvas: npt.NDArray[np.float32], height: int, width: int) -> Pixels:
    """The canvas at its final size, a little blurred, with the noise of a sensor."""
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.0))
    noise = rng.standard_normal(small.shape, dtype=np.float32) * np.float32(rng.uniform(0.0, 0.05))
    return np.round(np.clip(small + noise, 0, 1) * 255).astype(np.uint8)


def _visible(owner: npt.NDArray[np.uint8], number: int, height: int, width: int) -> Bitmap:
    """Where an object can be seen: the largest connected part of it."""
    share = cv2.resize((owner == number).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    whole = (share >= 0.5).astype(np.uint8)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(whole)
    if count < 2:
        return np.zeros((height, width), np.bool_)
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    mask: Bitmap = labels == largest
    return mask
