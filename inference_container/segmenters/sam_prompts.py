"""Prompts as the arrays that SAM's prompt encoder takes; it knows no torch and no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference_container.segmenters.framing import Framing
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FramedPrompts:
    """P prompts with N points each, in pixels of a model's frame, x first.

    Points (P, N, 2) with labels (P, N), 1 for the object and 0 for what is not; boxes (P, 4) as left, top, right,
    bottom; `previous` (1, 1, low, low), logits of a previous mask, is of a single prompt.
    """

    points: Numbers | None
    labels: Numbers | None
    boxes: Numbers | None
    previous: Numbers | None


def alike(prompts: Sequence[Prompt]) -> Iterator[list[int]]:
    """Which prompts can be answered together: those of equally many points and boxes.

    Filling up with points that mean nothing would change the answer. A prompt with a previous mask stands alone.
    """
    kinds: dict[tuple[int, bool, int | None], list[int]] = {}
    for index, prompt in enumerate(prompts):
        alone = None if prompt.previous is None else index
        kinds.setdefault((len(prompt.points), prompt.box is not None, alone), []).append(index)
    yield from kinds.values()


def framed(prompts: Sequence[Prompt], framing: Framing, size: Size) -> FramedPrompts:
    """Prompts of one kind on an image of `size`; raises ModelFailure for a previous mask that does not fit it."""
    first = prompts[0]
    points = labels = boxes = previous = None
    if first.points:
        pixels = [pixel_of(point, size) for prompt in prompts for point in prompt.points]
        points = framing.coordinates([(pixel.column, pixel.row) for pixel in pixels], size)
        points = points.reshape(len(prompts), -1, 2)
        labels = np.array([[point.positive for point in prompt.points] for prompt in prompts], np.float32)
    if first.box is not None:
        found = [pixel_box_of(prompt.box, size) for prompt in prompts if prompt.box is not None]
        corners = [corner for box in found for corner in ((box.left, box.top), (box.right, box.bottom))]
        boxes = framing.coordinates(corners, size).reshape(len(prompts), 4)
    if first.previous is not None:
        previous = framing.previous(first.previous, size)[None, None]
    return FramedPrompts(points, labels, boxes, previous)
