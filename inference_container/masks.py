"""Masks between pixels and COCO's run-length text; it knows no segmenter.

COCO runs over columns first, so a Fortran-ordered array is encoded without a copy. Decoding is written here rather
than taken from pycocotools, because the text of a previous mask comes from outside and the C code trusts it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

from inference_container.segmenter import Bitmap, Patch
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.limits import MASK_RLE_CHARS_MAX
from maskmill.core.mask import Mask, Rle

_DIGIT_FIRST = 48  # COCO writes 6-bit digits as the characters from "0" on: 5 bits of value and one that says "more"
_DIGITS_MAX = 7  # of one run: 35 bits, more than any image needs


def encode_mask(patch: Patch, score: float) -> Mask:
    """A drawn mask as a mask; raises ModelFailure when its outline is too long to be stored."""
    bitmap = patch.full()
    runs = coco.encode(np.asfortranarray(bitmap.view(np.uint8)))
    counts = runs["counts"].decode("ascii")
    if len(counts) > MASK_RLE_CHARS_MAX:
        raise ModelFailure(Code.INVALID_MASK, detail=f"{len(counts)} characters of run lengths")
    return Mask(rle=Rle(size=patch.size, counts=counts), score=min(1.0, max(0.0, float(score))))


def decode_rle(rle: Rle, size: Size) -> Bitmap:
    """A run-length text as a boolean array (height, width); raises ModelFailure when it does not fit `size`."""
    if rle.size != size:
        raise ModelFailure(Code.INVALID_MASK, detail=f"a mask of {rle.size} for an image of {size}")
    runs = _runs(rle.counts)
    if runs is None or int(runs.sum()) != size.pixels:
        raise ModelFailure(Code.INVALID_MASK, detail="the run lengths do not fill the image")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((size.height_px, size.width_px), order="F")


def _runs(counts: str) -> npt.NDArray[np.int64] | None:
    """The run lengths of COCO's compressed text, or None when the text is not one."""
    digits = np.frombuffer(counts.encode("utf-8"), np.uint8).astype(np.int64) - _DIGIT_FIRST
    if digits.size == 0 or digits.min() < 0 or digits.max() > 63 or digits[-1] & 0x20:
        return None
    ends = np.flatnonzero(digits & 0x20 == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) >= _DIGITS_MAX:
        return None
    places = np.arange(digits.size) - np.repeat(starts, ends - starts + 1)
    runs = np.add.reduceat((digits & 0x1F) << (5 * places), starts)
    runs[digits[ends] & 0x10 != 0] -= 1 << (5 * (places[ends][digits[ends] & 0x10 != 0] + 1))
    runs[1::2] = np.cumsum(runs[1::2])  # each run from the fourth on is written as its difference to the last but one
    runs[2::2] = np.cumsum(runs[2::2])
    return None if runs.min() < 0 else runs
