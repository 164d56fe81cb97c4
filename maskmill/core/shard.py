"""The wire between Maskmill and its model server: shards in, COCO RLE out, never pixels; it knows no transport.

A shard is many images × many prompts. Images are named by their S3 address; the server reads them with its own role.
One image's failure is an entry of the answer and never fails the shard; the order of the answer is free.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from maskmill.core.geometry import Size
from maskmill.core.image import Refusal
from maskmill.core.limits import SHARD_ITEMS_MAX, TEMPLATES_PER_RECIPE_MAX
from maskmill.core.mask import Mask
from maskmill.core.model import Model
from maskmill.core.prompt import MaskChoice, Prompt

S3Address = Annotated[str, StringConstraints(pattern=r"^s3://[a-z0-9][a-z0-9.\-]+/.+$", max_length=1200)]


class PromptTask(Model):
    """One mask to compute; `mask_key` names the answer."""

    mask_key: str
    prompt: Prompt
    choice: MaskChoice = MaskChoice.BEST


class ImageTask(Model):
    """One image of a shard with all prompts on it; `size` is that of the normal image."""

    image_key: str
    address: S3Address
    size: Size
    prompts: Annotated[tuple[PromptTask, ...], Field(min_length=1, max_length=TEMPLATES_PER_RECIPE_MAX)]


class ShardRequest(Model):
    """The body of one invocation; `segmenter` is the version that the caller keyed the masks by."""

    version: Literal[1] = 1
    segmenter: str
    images: Annotated[tuple[ImageTask, ...], Field(min_length=1, max_length=SHARD_ITEMS_MAX)]


class MaskAnswer(Model):
    """A mask by its key; an empty mask is an honest answer."""

    mask_key: str
    mask: Mask


class ImageAnswer(Model):
    """Either the masks of one image, one per prompt, or the reason why there are none."""

    image_key: str
    masks: tuple[MaskAnswer, ...] = ()
    error: Refusal | None = None


class ShardAnswer(Model):
    """The answer to a ShardRequest."""

    version: Literal[1] = 1
    segmenter: str
    images: tuple[ImageAnswer, ...]


class ServerProblem(Model):
    """The body of a model server's refusal of a whole request (4xx, 5xx) and of a `/ping` that is not ready."""

    code: str
    message: str
