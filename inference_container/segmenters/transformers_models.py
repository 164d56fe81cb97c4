"""What the engines on `transformers` share: weights, frames, prompts and embeddings. It knows no architecture.

A model is used by its parts (image encoder, prompt encoder, mask decoder) and keeps nothing between calls. An embedding
is rounded to half precision as it is made, so that one that was kept answers like one that is fresh, bit for bit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers.initialization import no_init_weights

from inference_container.checkpoints import Checkpoint
from inference_container.segmenter import Candidate, Picture
from inference_container.segmenters.architectures import PIXEL_MEAN, PIXEL_STD
from inference_container.segmenters.checkpoint import fill, open_weights
from inference_container.segmenters.framing import Fit, Framing
from inference_container.segmenters.precision import encoder_dtype, torch_device
from inference_container.segmenters.prompt_batches import PromptBatches
from inference_container.segmenters.sam_embedding import SamEmbedding, packed, unpacked
from inference_container.segmenters.sam_prompts import framed
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, Unavailable
from maskmill.core.geometry import Size
from maskmill.core.prompt import Prompt

_LOW_PX = 4  # pixels of the frame for one logit of the decoder, each way
_SHARED = ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding")

Shape = tuple[int, int, int]


def build_empty(model: Callable[[Any], Any], config: Any) -> Any:
    """A model whose weights are memory as it was found, because a checkpoint replaces all of them."""
    with no_init_weights():
        return model(config).eval()


@dataclass(frozen=True, slots=True)
class Features:
    """One image as a model sees it: half-precision tensors (1, channels, height, width), and the image's own size."""

    levels: tuple[torch.Tensor, ...]
    size: Size


class TransformersSegmenter(ABC):
    """A segmenter on a model of `transformers`; its engines say how to build it and how to run its two halves."""

    fit: ClassVar[Fit]
    spare_weights: ClassVar[tuple[str, ...]] = ()  # how the names of weights begin that images do not need
    completes_masks: ClassVar[bool] = False  # a prompt that is only a previous mask gets a point that stands for none

    def __init__(
        self,
        engine: Engine,
        checkpoint: Path | Checkpoint,
        *,
        side_px: int,
        shapes: tuple[Shape, ...],
        device: str = "auto",
        threads: int | None = None,
        precision: str = "auto",
    ) -> None:
        """`shapes` are those of the levels of an image, (channels, height, width)."""
        self._engine = engine
        self._checkpoint = checkpoint
        self._device_name = device
        self._threads = threads
        self._precision = precision
        self._shapes = shapes
        self._packed_shape = (1, 1, sum(math.prod(shape) for shape in shapes))
        self._framing = Framing(side_px=side_px, low_px=side_px // _LOW_PX, fit=self.fit)
        self._version: str | None = None

    @abstractmethod
    def _build(self) -> Any:
        """The model without its weights."""

    @abstractmethod
    def _quicken(self) -> None:
        """Make the filled model ready: its encoder for `_dtype`, everything else in single precision."""

    @abstractmethod
    def _encode(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The levels of one image (1, 3, side, side), normalised."""

    @abstractmethod
    def _decode(
        self, levels: Sequence[torch.Tensor], sparse: torch.Tensor | None, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (P, 3, side / 4, side / 4) and scores (P, 3) of P prompts, as the prompt encoder has encoded them.

        `sparse` (1, P, tokens, channels) stands for points and boxes, `dense` (1, channels, grid, grid) for a mask.
        """

    @property
    def version(self) -> str:
        if self._version is None:
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail="the version is known once the checkpoint is read")
        return self._version

    def setup(self) -> None:
        """Map and check the weights; raises Unavailable with the reason when they cannot be used."""
        self._device = torch_device(self._device_name)
        self._dtype = encoder_dtype(self._precision, self._device)
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        model = self._build()
        weights = open_weights(self._engine, self._checkpoint)
        fill(model, replace(weights, tensors=self._needed(weights.tensors)), as_stored=True)
        self._model = model.to(self._device)
        self._quicken()
        with torch.inference_mode():
            self._positions = self._model.get_image_wide_positional_embeddings()
        self._mean = torch.tensor(PIXEL_MEAN, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(PIXEL_STD, device=self._device).view(3, 1, 1)
        self._batches = PromptBatches(self._device)
        self._version = weights.version

    def working_size(self, size: Size) -> Size:
        return self._framing.inner(size)

    @torch.inference_mode()
    def embed(self, picture: Picture) -> Features:
        """Run the image encoder."""
        pixels = torch.tensor(self._framing.pixels(picture), device=self._device).permute(2, 0, 1)
        values = (pixels - self._mean) / self._std
        side = self._framing.side_px
        frame = torch.nn.functional.pad(values, (0, side - values.shape[2], 0, side - values.shape[1]))
        levels = self._encode(frame[None])
        return Features(tuple(level.half().contiguous() for level in levels), picture.size)

    def segment(self, embedding: Features, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """Three candidates for each prompt, in the decoder's own order."""
        levels = [level.float() for level in embedding.levels]
        return self._batches.answers(prompts, partial(self._answered, levels, embedding.size))

    def pack(self, embedding: Features) -> bytes:
        """The levels one after the other, under the header of all embeddings (sam_embedding.py)."""
        numbers = torch.cat([level.flatten() for level in embedding.levels]).cpu().numpy()
        return packed(SamEmbedding(numbers.reshape(self._packed_shape), embedding.size), self.version)

    def unpack(self, data: bytes, size: Size) -> Features:
        numbers = unpacked(data, self.version, self._packed_shape, size).features
        values = torch.from_numpy(numbers.copy()).flatten().to(self._device)
        parts = zip(torch.split(values, [math.prod(shape) for shape in self._shapes]), self._shapes, strict=True)
        return Features(tuple(part.view(1, *shape) for part, shape in parts), size)

    def notes(self) -> Mapping[str, str | int | float]:
        """How this segmenter runs, and how often a batch of prompts had to be halved for want of memory."""
        return {
            "runtime": "torch",
            "precision": str(self._dtype).removeprefix("torch."),
            "device": str(self._device),
            "prompts_at_once": self._batches.at_once_max,
            "memory_shortages": self._batches.shortages,
        }

    def _needed(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The weights that images need; the published files hold one of the two equal positions, or both."""
        needed = {name: tensor for name, tensor in tensors.items() if not name.startswith(self.spare_weights)}
        for name, twin in (_SHARED, _SHARED[::-1]):
            if name in needed:
                needed.setdefault(twin, needed[name])
        return needed

    @torch.inference_mode()
    def _answered(
        self, levels: Sequence[torch.Tensor], size: Size, prompts: Sequence[Prompt]
    ) -> list[tuple[Candidate, ...]]:
        """The candidates of prompts of one kind."""
        logits, scores = self._decode(levels, *self._encoded(prompts, size))
        return self._framing.candidates(logits.float().cpu().numpy(), scores.tolist(), size)

    def _encoded(self, prompts: Sequence[Prompt], size: Size) -> tuple[torch.Tensor | None, torch.Tensor]:
        """P prompts of one kind by the model's prompt encoder, sparse and dense."""
        some = framed(prompts, self._framing, size)
        points, labels, boxes, previous = (
            None if numbers is None else torch.from_numpy(numbers).to(self._device)
            for numbers in (some.points, some.labels, some.boxes, some.previous)
        )
        if points is None and boxes is None and self.completes_masks:
            points, labels = torch.zeros((1, 1, 2), device=self._device), -torch.ones((1, 1), device=self._device)
        sparse, dense = self._model.prompt_encoder(
            input_points=None if points is None else points[None],
            input_labels=None if labels is None else labels[None].int(),
            input_boxes=None if boxes is None else boxes[None],
            input_masks=previous,
        )
        return sparse, dense


def cast(model: Any, dtype: torch.dtype) -> None:
    """Keep the weights of the encoder's matrix products in `dtype`, and everything else in single precision.

    The weights are then what autocast would make of them again for each image.
    """
    encoder = set(model.vision_encoder.modules())
    for module in model.modules():
        multiplies = module in encoder and isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))
        for tensor in chain(module.parameters(recurse=False), module.buffers(recurse=False)):
            tensor.data = tensor.data.to(dtype if multiplies else torch.float32)
