"""COCO's compressed run-length text as numbers and back, without numpy; it knows no image and no segmenter.

Runs go down the columns first and begin with background. In the text each run is a number of five-bit digits, the
lowest first, and from the fourth run on the difference to the run before the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle

_SHIFT_MAX = 30


def runs_of(rle: Rle) -> Iterator[int]:
    """The run lengths in turn; raises ModelFailure invalid_mask, at the end also when they do not fill the image."""
    last_but_one = last = index = value = shift = filled = 0
    for character in rle.counts:
        digit = ord(character) - 48
        if not 0 <= digit < 64 or shift > _SHIFT_MAX:
            raise ModelFailure(Code.INVALID_MASK, detail="this is no run-length text")
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        run = value - (1 << shift) if digit & 16 else value
        if index > 2:
            run += last_but_one
        if run < 0:
            raise ModelFailure(Code.INVALID_MASK, detail="this is no run-length text")
        yield run
        filled += run
        last_but_one, last, index, value, shift = last, run, index + 1, 0, 0
    if shift:
        raise ModelFailure(Code.INVALID_MASK, detail="the run-length text is cut off")
    if filled != rle.size.pixels:
        raise ModelFailure(Code.INVALID_MASK, detail="the run lengths do not fill the image")


def rle_of_runs(runs: Iterable[int], size: Size) -> Rle:
    """The mask of these run lengths, background first."""
    characters: list[str] = []
    before: list[int] = []
    for index, run in enumerate(runs):
        value = run - before[-2] if index > 2 else run
        characters += _digits(value)
        before = [*before[-1:], run]
    return Rle(size=size, counts="".join(characters))


def _digits(value: int) -> Iterator[str]:
    while True:
        digit, value = value & 31, value >> 5
        is_last = value == (-1 if digit & 16 else 0)
        yield chr(48 + digit + (0 if is_last else 32))
        if is_last:
            return
