"""The bodies of what is answered at once: candidates for a prompt, everything in an image, its embedding."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from maskmill.core.automask import Automask, FoundMask
from maskmill.core.geometry import Point
from maskmill.core.limits import CANDIDATES_MAX, PARTS_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model
from maskmill.core.parts import Part
from maskmill.core.prompt import MaskChoice, Prompt


class SegmentImage(Model):
    """Find one object in an image, now.

    `top_k` above one asks for the next best candidates, too, and `parts_max` above zero for the connected parts of the
    first candidate, the largest first: each can be a template's mask (placement `mask`).
    """

    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST
    top_k: Annotated[int, Field(strict=True, ge=1, le=CANDIDATES_MAX)] = 1
    parts_max: Annotated[int, Field(strict=True, ge=0, le=PARTS_MAX)] = 0


class Segmentation(Model):
    """The candidates for a prompt, at the size of the upright image, the chosen one first; a mask may be empty.

    `choices` tell of each candidate, in the same order, the `choice` by which a template keeps it: its index among all
    that the segmenter made of the prompt. Where only one candidate was asked for, or made, that is `null`.
    """

    segmenter: str
    candidates: Annotated[tuple[Mask, ...], Field(min_length=1)]
    choices: tuple[MaskChoice | None, ...] = ()
    parts: tuple[Part, ...] = ()  # of the first candidate, where they were asked for


class FindEverything(Automask):
    """A search for everything in an image; with `at`, only what lies under that point, the smallest first.

    A search is made once and kept: asking again, or for another point, costs a read.
    """

    at: Point | None = None

    def search(self) -> Automask:
        """What to search for, whatever is picked of it; what was left unset stays so."""
        return Automask.model_validate(self.model_dump(exclude={"at"}, exclude_unset=True))


class Everything(Model):
    """What a search found in an image, the best first, or what of it lies under a point, the smallest first.

    `search` is what was searched for.
    """

    segmenter: str
    search: Automask
    masks: tuple[FoundMask, ...]


class EmbeddingView(Model):
    """What a segmenter knows of an image before a prompt; `url` takes a media session, and is absent while it is made.

    Where a browser can decode it, `decoder_url` is the decoder's path on the page's own origin, with the segmenter's
    version in it, and `frame_px` the side of the square that both count in. Where the stage was deployed with weights
    that were not packaged there is no file at that path.
    """

    segmenter: str
    url: str | None = None
    decoder_url: str | None = None
    frame_px: int | None = None
