"""Geodesic distances over colour, by raster sweeps; it knows no prompt and no segmenter.

The distance of two pixels is the cheapest path between them, where a step costs the difference of its two colours. The
sweeps are those of Toivanen (1996, "New geodesic distance transforms for gray-scale images") as Criminisi et al. (2008,
"GeoS") use them for segmentation; here each of the four directions treats a whole row or column at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

UNREACHED = 1e6  # finite, so that ratios of distances are always numbers
_STEP_COST = 0.1  # of any step, in units of Lab: among equal colours the nearer pixel is the closer one
_DIAGONAL = float(np.sqrt(2.0))
_ROUNDS = 2  # after two rounds of four sweeps, what still changes is far below the contrast of an edge


@dataclass(frozen=True, slots=True)
class StepCosts:
    """What a step costs between neighbours of an image (height, width).

    `down` (height-1, width) leads straight down; `right_down` and `left_down` (height-1, width-1) lead diagonally, from
    the left and from the right pixel of a pair; `across` (height, width-1) leads to the right. All work both ways.
    """

    down: Floats
    right_down: Floats
    left_down: Floats
    across: Floats

    def turned(self) -> StepCosts:
        """The costs of the transposed image."""
        return StepCosts(
            down=np.ascontiguousarray(self.across.T),
            right_down=np.ascontiguousarray(self.right_down.T),
            left_down=np.ascontiguousarray(self.left_down.T),
            across=np.ascontiguousarray(self.down.T),
        )


def step_costs(lab: Floats) -> StepCosts:
    """The costs of an image in Lab, float32 (height, width, 3)."""
    return StepCosts(
        down=_cost(lab[1:], lab[:-1], 1.0),
        right_down=_cost(lab[1:, 1:], lab[:-1, :-1], _DIAGONAL),
        left_down=_cost(lab[1:, :-1], lab[:-1, 1:], _DIAGONAL),
        across=_cost(lab[:, 1:], lab[:, :-1], 1.0),
    )


def geodesic_distance(costs: StepCosts, sources: Bools) -> Floats:
    """The distance (height, width) of each pixel to the nearest of the `sources`; UNREACHED when there is none."""
    distance: Floats = np.where(sources, 0.0, UNREACHED).astype(np.float32)
    turned = costs.turned()
    for _ in range(_ROUNDS):
        _sweep(distance, costs)
        distance = np.ascontiguousarray(distance.T)
        _sweep(distance, turned)
        distance = np.ascontiguousarray(distance.T)
    return distance


def _cost(one: Floats, other: Floats, length: float) -> Floats:
    difference: Floats = np.sqrt(((one - other) ** 2).sum(axis=-1)) + np.float32(_STEP_COST * length)
    return difference


def _sweep(distance: Floats, costs: StepCosts) -> None:
    """Carry distances down all rows and back up, in place."""
    height = len(distance)
    for row in range(1, height):
        above = row - 1
        _carry(distance[above], distance[row], [costs.down[above], costs.right_down[above], costs.left_down[above]])
    for row in range(height - 2, -1, -1):
        _carry(distance[row + 1], distance[row], [costs.down[row], costs.left_down[row], costs.right_down[row]])


def _carry(source: Floats, target: Floats, costs: Sequence[Floats]) -> None:
    """Lower the distances of a row by those of its neighbour: straight, from the left and from the right."""
    straight, from_left, from_right = costs
    np.minimum(target, source + straight, out=target)
    np.minimum(target[1:], source[:-1] + from_left, out=target[1:])
    np.minimum(target[:-1], source[1:] + from_right, out=target[:-1])
