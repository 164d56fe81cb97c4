"""Masks as arrays: COCO run-length text, PNG and measurements; it knows no segmenter and no template.

A mask array is bool (H, W), rows first. COCO's runs go down the columns first; only this file knows that.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import PixelBox, PixelPoint, Size
from maskmill.core.mask import Rle
from maskmill.core.result import BoxPx
from maskmill.imaging import fast_png
from maskmill.imaging.decode import guarded
from maskmill.imaging.picture import Bools

Runs = NDArray[np.int64]

_RUN_CHARS_MAX = 7  # 35 bits: more than any picture's pixels


def rle_of(mask: Bools) -> Rle:
    """The compressed COCO RLE of a bool (H, W) mask."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    size = Size(height_px=int(mask.shape[0]), width_px=int(mask.shape[1]))
    return Rle(size=size, counts=encoded["counts"].decode("ascii"))


def mask_of(rle: Rle, *, size: Size | None = None) -> Bools:
    """The bool (H, W) mask of an RLE; `size` is that of the image when the RLE comes from elsewhere.

    Raises ModelFailure invalid_mask when the text does not parse, does not cover its size exactly or has another size.
    The text is parsed here, since the C decoder trusts it.
    """
    if size is not None and rle.size != size:
        raise ModelFailure(Code.INVALID_MASK, detail=f"size {rle.size}, not {size}")
    return _drawn(_whole_runs_of(rle), rle.size.height_px)


def window_of(rle: Rle) -> tuple[Bools, PixelBox]:
    """What a mask holds within its tight box, of the box's height and width, and the box; nothing around it is drawn.

    Raises ModelFailure invalid_mask as `mask_of` does.
    """
    runs, height = _whole_runs_of(rle), rle.size.height_px
    stops = np.cumsum(runs[: len(runs) // 2 * 2])[1::2]
    starts = stops - runs[1::2]
    starts, stops = starts[starts < stops], stops[starts < stops]
    if len(starts) == 0:
        return np.zeros((0, 0), np.bool_), PixelBox(top=0, left=0, bottom=0, right=0)
    first, last = starts % height, (stops - 1) % height
    crosses = bool(
        (starts // height != (stops - 1) // height).any()
    )  # from the foot of a column to the next one's head
    box = PixelBox(
        top=0 if crosses else int(first.min()),
        left=int(starts[0]) // height,
        bottom=height if crosses else int(last.max()) + 1,
        right=(int(stops[-1]) - 1) // height + 1,
    )
    ends = np.stack((starts, stops), axis=1).ravel() - box.left * height
    columns = np.diff(ends, prepend=0, append=(box.right - box.left) * height)
    return np.ascontiguousarray(_drawn(columns, height)[box.top : box.bottom]), box


def _drawn(runs: Runs, height_px: int) -> Bools:
    """Whole columns by their runs, background first."""
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(-1, height_px).T)


def _whole_runs_of(rle: Rle) -> Runs:
    """The run lengths, which cover the mask's size exactly; raises ModelFailure invalid_mask."""
    runs = _runs_of(rle)
    if int(runs.sum()) != rle.size.pixels:
        raise ModelFailure(Code.INVALID_MASK, detail=f"runs cover {int(runs.sum())} of {rle.size.pixels} pixels")
    return runs


def area_of(rle: Rle) -> int:
    """How many pixels a mask holds, without drawing it; raises ModelFailure invalid_mask."""
    return int(_runs_of(rle)[1::2].sum())


def holds(rle: Rle, pixel: PixelPoint) -> bool:
    """Whether a mask holds a pixel, without drawing it; raises ModelFailure invalid_mask."""
    place = pixel.column * rle.size.height_px + pixel.row
    return int(np.searchsorted(np.cumsum(_runs_of(rle)), place, side="right")) % 2 == 1


def _runs_of(rle: Rle) -> Runs:
    """The run lengths, background first: six-bit characters, five bits of value each, differences from the third on."""
    try:
        characters = np.frombuffer(rle.counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError as exc:
        raise ModelFailure(Code.INVALID_MASK, detail="counts are not ASCII") from exc
    if characters.size == 0 or characters.min() < 0 or characters.max() > 63 or characters[-1] & 0x20:
        raise ModelFailure(Code.INVALID_MASK, detail="counts are not COCO's compressed text")
    ends = np.flatnonzero((characters & 0x20) == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if int(lengths.max()) > _RUN_CHARS_MAX:
        raise ModelFailure(Code.INVALID_MASK, detail="a run is longer than any picture")
    places = np.arange(characters.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((characters & 0x1F) << (5 * places), starts)
    values -= np.where(characters[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    if int(runs.min()) < 0 or int(runs.max()) > rle.size.pixels:
        raise ModelFailure(Code.INVALID_MASK, detail="a run is negative or longer than the picture")
    return runs


def area_px(mask: Bools) -> int:
    """How many pixels the mask holds."""
    return int(np.count_nonzero(mask))


def pixel_box(mask: Bools) -> PixelBox:
    """The tight box of a mask; all zero for an empty one."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return PixelBox(top=0, left=0, bottom=0, right=0)
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return PixelBox(top=top, left=int(columns[0]), bottom=bottom, right=int(columns[-1]) + 1)


def box_px(mask: Bools) -> BoxPx:
    """The tight box of a mask as annotations carry it; all 0 for an empty mask."""
    box = pixel_box(mask)
    return BoxPx(x=box.left, y=box.top, width=box.width, height=box.height)


def mask_png(mask: Bools) -> bytes:
    """The mask as a PNG of one 8-bit channel, 0 and 255, which every labelling tool reads; the same bytes each time."""
    return fast_png.written(np.where(mask, np.uint8(255), np.uint8(0)), level=fast_png.SMALL)


def read_mask_png(data: bytes) -> Bools:
    """The mask in a PNG that `mask_png` wrote; raises InvalidInput corrupt_image when it does not decode."""

    def read() -> Bools:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.asarray(image.convert("L")) >= 128

    return guarded(read)
