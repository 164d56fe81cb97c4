"""The segmenter port in two beats: embed an image once, prompt it many times. It knows no engine and no storage.

Pixels are uint8 arrays (height, width, 3) in sRGB order; masks are boolean arrays (height, width), rows first. An
embedding is a value: it belongs to one image, is never shared with another, and a segmenter keeps no state of its own
between calls, so that two images can never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from maskmill.core.geometry import Size
from maskmill.core.prompt import MaskChoice, Prompt

Pixels = npt.NDArray[np.uint8]
Bitmap = npt.NDArray[np.bool_]
Embedding = TypeVar("Embedding")


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright image of `size`, its pixels at that size or at the working size of the engine that asked for it."""

    pixels: Pixels
    size: Size

    @classmethod
    def whole(cls, pixels: Pixels) -> Self:
        """A picture at its full size."""
        return cls(pixels, Size(height_px=pixels.shape[0], width_px=pixels.shape[1]))


@dataclass(frozen=True, slots=True)
class Patch:
    """The part of a mask that may hold anything: `bitmap` lies at (`top`, `left`) of an image of `size`.

    Outside the bitmap there is background; an empty mask is a patch of no pixels.
    """

    bitmap: Bitmap
    size: Size
    top: int = 0
    left: int = 0

    @classmethod
    def whole(cls, bitmap: Bitmap) -> Self:
        """A mask that is given at the size of its image."""
        return cls(bitmap, Size(height_px=bitmap.shape[0], width_px=bitmap.shape[1]))

    def full(self) -> Bitmap:
        """The mask at the size of its image."""
        height, width = self.bitmap.shape
        if (height, width) == (self.size.height_px, self.size.width_px):
            return self.bitmap
        mask = np.zeros((self.size.height_px, self.size.width_px), np.bool_)
        mask[self.top : self.top + height, self.left : self.left + width] = self.bitmap
        return mask


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer to a prompt: its score, about [0, 1], and how to draw it at the image's full size.

    A score is what the model itself says, which may lie a little outside: the best of three is told before it is cut.

    Drawing is a call because it is the costly half for large images, and only one candidate of each prompt is kept.
    `stability` tells how little the mask depends on its threshold, in [0, 1]; an engine without one leaves it out.
    """

    score: float
    draw: Callable[[], Patch]
    stability: Callable[[], float] | None = None

    def bitmap(self) -> Bitmap:
        """The mask at the size of its image."""
        return self.draw().full()


class Segmenter(Protocol[Embedding]):
    """What every engine offers; `version` is known once `setup` has returned."""

    @property
    def version(self) -> str: ...

    def setup(self) -> None:
        """Load everything that takes time; raises ModelFailure or Unavailable when the model cannot be used."""

    def working_size(self, size: Size) -> Size:
        """The size at which this engine looks at an image of `size`.

        A picture may be handed over at this size already (images.read_picture reduces it while decoding).
        """

    def embed(self, picture: Picture) -> Embedding:
        """The first beat: everything about an image that does not depend on a prompt."""

    def segment(self, embedding: Embedding, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """The second beat: the candidates of each prompt, in the order of the prompts.

        A prompt's candidates do not depend on the prompts beside it.
        """

    def pack(self, embedding: Embedding) -> bytes | None:
        """An embedding as bytes worth keeping; None where making it again is as cheap."""

    def unpack(self, data: bytes, size: Size) -> Embedding:
        """What `pack` made of an image of `size`, by the same version; raises ModelFailure for anything else."""


def chosen(candidates: Sequence[Candidate], choice: MaskChoice) -> Candidate:
    """The candidate that a template asks for: the best by score (the first among equals), or one by its index."""
    if choice is MaskChoice.BEST:
        return max(candidates, key=lambda candidate: candidate.score)
    return candidates[int(choice)]
