"""Between an image and the square frame that a model looks at: pixels, clicks and masks, both ways. It knows no torch.

SAM and SAM-HQ scale the longer side to the frame and pad the rest; SAM 2 stretches both sides. Pixels and clicks are
those of segment_anything's `ResizeLongestSide`, masks those of its `Sam.postprocess_masks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from inference_container.masks import decode_rle
from inference_container.segmenter import Candidate, Patch, Picture, Pixels
from inference_container.segmenters.raster import Grid, Logits
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Size
from maskmill.core.mask import Rle

_PREVIOUS_LOGIT = 10.0  # how sure a previous mask is; SAM's own logits of clear regions are of this order


class Fit(StrEnum):
    """How an image is brought into the frame."""

    PADDED = "padded"  # the longer side fills the frame, padding lies to the right and below
    STRETCHED = "stretched"  # both sides fill the frame


@dataclass(frozen=True, slots=True)
class Framing:
    """A model's frame of `side_px` × `side_px`, whose decoder answers in `low_px` × `low_px` logits.

    `side_px` is a multiple of `low_px`.
    """

    side_px: int
    low_px: int
    fit: Fit = Fit.PADDED

    def __post_init__(self) -> None:
        if self.side_px % self.low_px:
            raise ValueError(f"a frame of {self.side_px} px is no multiple of {self.low_px} px")

    def inner(self, size: Size) -> Size:
        """The size of an image inside the frame."""
        if self.fit is Fit.STRETCHED:
            return Size(height_px=self.side_px, width_px=self.side_px)
        scale = self.side_px * 1.0 / max(size.height_px, size.width_px)
        height, width = int(size.height_px * scale + 0.5), int(size.width_px * scale + 0.5)
        return Size(height_px=max(1, height), width_px=max(1, width))

    def pixels(self, picture: Picture) -> Pixels:
        """The picture at its size inside the frame, uint8 (height, width, 3), by Pillow's antialiased bilinear filter.

        A picture that was handed over at that size is taken as it is.
        """
        inner = self.inner(picture.size)
        if picture.pixels.shape[:2] == (inner.height_px, inner.width_px):
            return picture.pixels
        image = Image.fromarray(np.ascontiguousarray(picture.pixels))
        return np.asarray(image.resize((inner.width_px, inner.height_px), Image.Resampling.BILINEAR))

    def coordinates(self, points: Sequence[Sequence[float]] | npt.NDArray[np.generic], size: Size) -> Logits:
        """Points (N, 2) of an image of `size` in its pixels, x first, as points of the frame: float32 (N, 2)."""
        inner = self.inner(size)
        scale = (inner.width_px / size.width_px, inner.height_px / size.height_px)
        return (np.asarray(points, np.float64).reshape(-1, 2) * scale).astype(np.float32)

    def previous(self, rle: Rle, size: Size) -> Logits:
        """A previous mask of an image of `size` as logits (low_px, low_px): its coverage of each, ±10 where certain.

        Raises ModelFailure when the mask does not fit the image.
        """
        inner = self.inner(size)
        shape = [max(1, round(side * self.low_px / self.side_px)) for side in (inner.width_px, inner.height_px)]
        mask = decode_rle(rle, size).astype(np.float32)
        coverage = np.zeros((self.low_px, self.low_px), np.float32)  # the padding is background
        coverage[: shape[1], : shape[0]] = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA)
        return (2.0 * coverage - 1.0) * _PREVIOUS_LOGIT

    def draw(self, logits: Logits, size: Size, threshold: float = 0.0) -> Patch:
        """Logits (low_px, low_px) as a mask of an image of `size`: what exceeds the threshold when interpolated.

        The pixels are those of interpolating to the frame, cutting the padding off and interpolating to `size`
        (PADDED), or of interpolating to `size` at once (STRETCHED).
        """
        region = self._grid(logits, size).above(threshold)
        return Patch(np.zeros((0, 0), np.bool_), size) if region is None else region.draw()

    def stability(self, logits: Logits, size: Size, threshold: float = 0.0, offset: float = 1.0) -> float:
        """How little a mask depends on its threshold: the overlap, in [0, 1], of those `offset` above and below it.

        The score of segment_anything's `calculate_stability_score`; 0.0 where there is no mask at all.
        """
        grid = self._grid(logits, size)
        wide = grid.above(threshold - offset)
        narrow = grid.above(threshold + offset)
        area = 0 if wide is None else wide.area()
        return 0.0 if narrow is None or area == 0 else narrow.area() / area

    def candidates(self, logits: Logits, scores: Sequence[Sequence[float]], size: Size) -> list[tuple[Candidate, ...]]:
        """The answers to prompts as candidates: logits (prompts, masks, low_px, low_px), scores (prompts, masks)."""
        return [
            tuple(
                Candidate(score, partial(self.draw, mask, size), partial(self.stability, mask, size))
                for mask, score in zip(masks, row, strict=True)
            )
            for masks, row in zip(logits, scores, strict=True)
        ]

    def _grid(self, logits: Logits, size: Size) -> Grid:
        if logits.shape != (self.low_px, self.low_px):
            raise ModelFailure(Code.MODEL_FAILED, detail=f"logits of {logits.shape}, not of {self.low_px} px")
        logits = np.asarray(logits, np.float32)
        if self.fit is Fit.STRETCHED:
            return Grid(logits, 1, Size(height_px=self.low_px, width_px=self.low_px), size)
        return Grid(logits, self.side_px // self.low_px, self.inner(size), size)
