"""Masks between pixels and COCO's run-length text; it knows no segmenter.

COCO runs over columns first. The runs are found from the patch that was drawn, row by row, and then moved to where they
lie in the image: no bitmap of the image's size is made, and none is turned. Decoding is written here rather than taken
from pycocotools, because the text of a previous mask comes from outside and the C code trusts it.
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
    size = [patch.size.height_px, patch.size.width_px]
    counts = coco.frPyObjects({"size": size, "counts": _runs_of(patch).tolist()}, *size)["counts"].decode("ascii")
    if len(counts) > MASK_RLE_CHARS_MAX:
        raise ModelFailure(Code.INVALID_MASK, detail=f"{len(counts)} characters of run lengths")
    return Mask(rle=Rle(size=patch.size, counts=counts), score=min(1.0, max(0.0, float(score))))


def _runs_of(patch: Patch) -> npt.NDArray[np.int64]:
    """The run lengths of the whole image, the first one of background."""
    changes = _changes(patch)
    is_pair = changes[1:] == changes[:-1]  # at the foot of one column and the head of the next the mask goes on
    is_real = np.ones(len(changes), np.bool_)
    is_real[1:] &= ~is_pair
    is_real[:-1] &= ~is_pair
    changes = changes[is_real]
    if len(changes) == 0 or changes[-1] < patch.size.pixels:
        changes = np.append(changes, patch.size.pixels)
    return np.diff(changes, prepend=0)


def _changes(patch: Patch) -> npt.NDArray[np.int64]:
    """Where the mask begins and ends in each column, as places of the image counted over columns, in order."""
    height, width = patch.bitmap.shape
    if patch.bitmap.size == 0:
        return np.zeros(0, np.int64)
    bits = patch.bitmap.view(np.uint8)
    inner = (height - 1) * width
    differs = np.zeros(-(-inner // 8) * 8, np.uint8)
    np.bitwise_xor(bits[1:], bits[:-1], out=differs[:inner].reshape(height - 1, width))
    words = np.flatnonzero(differs.view(np.uint64) != 0)  # eight pixels at a time: most of them are alike
    found = np.flatnonzero(differs.reshape(-1, 8)[words].view(np.bool_))
    if len(found) > MASK_RLE_CHARS_MAX:  # each is the end of a run, which takes a character at least
        raise ModelFailure(Code.INVALID_MASK, detail=f"more than {len(found)} run lengths")
    rows, columns = np.divmod(words[found // 8] * 8 + found % 8, width)
    first, last = np.flatnonzero(bits[0]), np.flatnonzero(bits[-1])
    row = np.concatenate((np.zeros(len(first), np.int64), rows + 1, np.full(len(last), height, np.int64)))
    column = np.concatenate((first, columns, last))
    return np.sort((patch.left + column) * patch.size.height_px + patch.top + row)


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
