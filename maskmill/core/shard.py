"""The wire between Maskmill and its model server: shards in, COCO RLE out, never pixels; it knows no transport.

A shard is many images × many prompts. Images are named by their S3 address; the server reads them with its own role.
One image's failure is an entry of the answer and never fails the shard; the order of the answer is free.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from maskmill.core.automask import Automask, FoundMask
from maskmill.core.geometry import Size
from maskmill.core.image import Refusal
from maskmill.core.limits import CANDIDATES_MAX, SHARD_ITEMS_MAX, TEMPLATES_PER_RECIPE_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Count, Model
from maskmill.core.prompt import MaskChoice, Prompt

S3Address = Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.\-]+/.+$", max_length=1200)]


class PromptTask(Model):
    """One mask to compute; `mask_key` names the answer. `top_k` above one asks for the next best candidates, too."""

    mask_key: str
    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST
    top_k: Annotated[int, Field(strict=True, ge=1, le=CANDIDATES_MAX)] = 1


class ImageTask(Model):
    """One image of a shard with all that is asked of it; `size` is that of the normal image.

    `embedding` is where the server may keep what it knows of the image for later prompts; the caller names it by the
    picture and the segmenter's version. An image of which nothing is asked is only embedded, ahead of its prompts.
    """

    image_key: str
    address: S3Address
    size: Size
    embedding: S3Address | None = None
    prompts: Annotated[tuple[PromptTask, ...], Field(max_length=TEMPLATES_PER_RECIPE_MAX)] = ()
    everything: Automask | None = None


class ShardRequest(Model):
    """The body of one invocation; `segmenter` is the version that the caller keyed the masks by."""

    version: Literal[1] = 1
    segmenter: str
    images: Annotated[tuple[ImageTask, ...], Field(min_length=1, max_length=SHARD_ITEMS_MAX)]


class MaskAnswer(Model):
    """A mask by its key; an empty mask is an honest answer. `others` are further candidates, the best first.

    `choices` tell by which choice each of them, the mask first, is kept. They are left out where nobody can choose, so
    that an answer of one mask reads as it always did.
    """

    mask_key: str
    mask: Mask
    others: tuple[Mask, ...] = ()
    choices: Annotated[tuple[MaskChoice, ...], Field(exclude_if=lambda choices: not choices)] = ()


class ImageAnswer(Model):
    """What was asked of one image (a mask per prompt, everything found in it), or the reason why there is nothing."""

    image_key: str
    masks: tuple[MaskAnswer, ...] = ()
    found: tuple[FoundMask, ...] = ()
    error: Refusal | None = None


class ShardAnswer(Model):
    """The answer to a ShardRequest; `worked_ms` is for how long the server was at it, where it says so."""

    version: Literal[1] = 1
    segmenter: str
    images: tuple[ImageAnswer, ...]
    worked_ms: Count | None = None


class ServerProblem(Model):
    """The body of a model server's refusal of a whole request (4xx, 5xx) and of a `/ping` that is not ready."""

    code: str
    message: str
