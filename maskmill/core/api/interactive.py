"""The bodies of what is answered at once: candidates for a prompt, everything in an image, its embedding."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskmill.core.automask import Automask, FoundMask
from maskmill.core.limits import CANDIDATES_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model
from maskmill.core.prompt import MaskChoice, Prompt


class SegmentImage(Model):
    """Find one object in an image, now; `top_k` above one asks for the next best candidates, too."""

    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST
    top_k: Annotated[int, Field(strict=True, ge=1, le=CANDIDATES_MAX)] = 1


class Segmentation(Model):
    """The candidates for a prompt, at the size of the upright image, the chosen one first; a mask may be empty."""

    segmenter: str
    candidates: Annotated[tuple[Mask, ...], Field(min_length=1)]


class Everything(Model):
    """Everything that a search found in an image, the best first; `search` is what was searched for."""

    segmenter: str
    search: Automask
    masks: tuple[FoundMask, ...]


class EmbeddingView(Model):
    """What a segmenter knows of an image before a prompt; `url` is signed, and absent while it is being made."""

    segmenter: str
    url: str | None = None
