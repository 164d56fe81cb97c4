"""The connected parts of a mask, from its run lengths alone; it knows no pixels and no segmenter.

Pixels that touch at a corner are connected (8-connectivity), as where small islands are removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.limits import PART_STRIPES_MAX
from maskmill.core.mask import Rle
from maskmill.core.model import Model
from maskmill.core.result import BoxPx
from maskmill.core.runs import rle_of_runs, runs_of


class Part(Model):
    """One connected part of a mask, as a mask of the same size."""

    rle: Rle
    area_px: int
    box: BoxPx


class _Stripe(NamedTuple):
    """Rows [top, bottom) of one column."""

    column: int
    top: int
    bottom: int


def parts_of(rle: Rle, *, most: int) -> tuple[Part, ...]:
    """At most `most` connected parts, the largest first, equal ones from left to right.

    Raises ModelFailure invalid_mask for run lengths that are none, InvalidInput answer_too_large for a mask of dust.
    """
    stripes = list(_stripes(rle))
    members: dict[int, list[_Stripe]] = {}
    for stripe, root in zip(stripes, _roots(stripes), strict=True):
        members.setdefault(root, []).append(stripe)
    areas = {root: sum(stripe.bottom - stripe.top for stripe in part) for root, part in members.items()}
    largest = sorted(members, key=lambda root: (-areas[root], root))[:most]
    return tuple(_part(members[root], areas[root], rle.size) for root in largest)


def _stripes(rle: Rle) -> Iterator[_Stripe]:
    """The runs of the mask, cut where a column ends."""
    height, place, count = rle.size.height_px, 0, 0
    for index, run in enumerate(runs_of(rle)):
        end = place + run
        while index % 2 and place < end:
            column, top = divmod(place, height)
            bottom = min(height, top + end - place)
            count += 1
            if count > PART_STRIPES_MAX:
                raise InvalidInput(Code.ANSWER_TOO_LARGE)
            yield _Stripe(column, top, bottom)
            place += bottom - top
        place = end


def _roots(stripes: list[_Stripe]) -> list[int]:
    """For each stripe the number of the first stripe of its part."""
    forest = _Forest(list(range(len(stripes))))
    low = 0  # the first stripe of the column before that may still touch
    for number, stripe in enumerate(stripes):
        while stripes[low].column < stripe.column - 1 or _ends_above(stripes[low], stripe):
            low += 1
        at = low
        while stripes[at].column == stripe.column - 1 and stripes[at].top <= stripe.bottom:
            forest.join(number, at)
            at += 1
    return [forest.root(number) for number in range(len(stripes))]


def _ends_above(left: _Stripe, stripe: _Stripe) -> bool:
    return left.column == stripe.column - 1 and left.bottom < stripe.top


@dataclass(slots=True)
class _Forest:
    """Sets of numbers, each known by its smallest."""

    parents: list[int]

    def root(self, number: int) -> int:
        while self.parents[number] != number:
            self.parents[number] = self.parents[self.parents[number]]
            number = self.parents[number]
        return number

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self.parents[high] = low


def _part(stripes: list[_Stripe], area_px: int, size: Size) -> Part:
    left, right = stripes[0].column, stripes[-1].column + 1
    top, bottom = min(stripe.top for stripe in stripes), max(stripe.bottom for stripe in stripes)
    box = BoxPx(x=left, y=top, width=right - left, height=bottom - top)
    return Part(rle=rle_of_runs(_runs(stripes, size), size), area_px=area_px, box=box)


def _runs(stripes: list[_Stripe], size: Size) -> Iterator[int]:
    """Background and mask in turn; stripes that follow each other without a gap are one run."""
    background_from, run_from, run_to = 0, 0, 0
    for stripe in stripes:
        start = stripe.column * size.height_px + stripe.top
        if start != run_to and run_to > run_from:
            yield run_from - background_from
            yield run_to - run_from
            background_from = run_to
        run_from = start if start != run_to or run_to == run_from else run_from
        run_to = stripe.column * size.height_px + stripe.bottom
    yield run_from - background_from
    yield run_to - run_from
    if run_to < size.pixels:
        yield size.pixels - run_to
