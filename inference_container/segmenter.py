"""The segmenter port in two beats: embed an image once, prompt it many times. It knows no engine and no storage.

Images are uint8 arrays (height, width, 3) in sRGB order; masks are boolean arrays (height, width), rows first. An
embedding is a value: it belongs to one image, is never shared with another, and a segmenter keeps no state of its own
between calls, so that two images can never mix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from maskmill.core.prompt import MaskChoice, Prompt

Pixels = npt.NDArray[np.uint8]
Bitmap = npt.NDArray[np.bool_]
Embedding = TypeVar("Embedding")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer to a prompt: its score in [0, 1] and how to draw it at the image's full size.

    Drawing is a call because it is the costly half for large images, and only one candidate of each prompt is kept.
    """

    score: float
    draw: Callable[[], Bitmap]


class Segmenter(Protocol[Embedding]):
    """What every engine offers; `version` is known once `setup` has returned."""

    @property
    def version(self) -> str: ...

    def setup(self) -> None:
        """Load everything that takes time; raises ModelFailure or Unavailable when the model cannot be used."""

    def embed(self, image: Pixels) -> Embedding:
        """The first beat: everything about an image that does not depend on a prompt."""

    def segment(self, embedding: Embedding, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """The second beat: the candidates of each prompt, in the order of the prompts."""


def chosen(candidates: Sequence[Candidate], choice: MaskChoice) -> Candidate:
    """The candidate that a template asks for: the best by score (the first among equals), or one by its index."""
    if choice is MaskChoice.BEST:
        return max(candidates, key=lambda candidate: candidate.score)
    return candidates[int(choice)]
