"""What the engines on `transformers` share: weights, frames, prompts and embeddings. It knows no architecture.

A model is used by its parts (image encoder, prompt encoder, mask decoder) and keeps nothing between calls. An embedding
is rounded to half precision as it is made, so that one that was kept answers like one that is fresh, bit for bit.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from transformers.initialization import no_init_weights

from inference_container.checkpoints import Checkpoint
from inference_container.segmenter import Candidate, Picture
from inference_container.segmenters.architectures import PIXEL_MEAN, PIXEL_STD
from inference_container.segmenters.checkpoint import fill, open_weights
from inference_container.segmenters.framing import Fit, Framing
from inference_container.segmenters.precision import encoder_dtype, torch_device
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, ModelFailure, Unavailable
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt

_LOG = logging.getLogger(__name__)
_PROMPTS_AT_ONCE_MAX = 64  # on a GPU
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
        self._framing = Framing(side_px=side_px, low_px=side_px // _LOW_PX, fit=self.fit)
        self._at_once_max = 1
        self._version: str | None = None

    @abstractmethod
    def _build(self) -> Any:
        """The model without its weights."""

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
        """Read and check the weights; raises Unavailable with the reason when they cannot be used."""
        device = torch_device(self._device_name)
        dtype = encoder_dtype(self._precision, device)
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        model = self._build()
        weights = open_weights(self._engine, self._checkpoint)
        fill(model, replace(weights, tensors=self._needed(weights.tensors)), as_stored=True)
        self._model, self._device, self._dtype = _cast(model.to(device), dtype), device, dtype
        with torch.inference_mode():
            self._positions = self._model.get_image_wide_positional_embeddings()
        self._mean = torch.tensor(PIXEL_MEAN, device=device).view(3, 1, 1)
        self._std = torch.tensor(PIXEL_STD, device=device).view(3, 1, 1)
        self._at_once_max = 1 if device.type == "cpu" else _PROMPTS_AT_ONCE_MAX
        self._version = weights.version

    def working_size(self, size: Size) -> Size:
        return self._framing.inner(size)

    @torch.inference_mode()
    def embed(self, picture: Picture) -> Features:
        """Run the image encoder."""
        pixels = torch.tensor(self._framing.pixels(picture), device=self._device).permute(2, 0, 1)
        values = (pixels - self._mean) / self._std
        side = self._framing.side_px
        framed = torch.nn.functional.pad(values, (0, side - values.shape[2], 0, side - values.shape[1]))[None]
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype is not torch.float32):
            levels = self._encode(framed)
        return Features(tuple(level.half().contiguous() for level in levels), picture.size)

    def segment(self, embedding: Features, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """Three candidates for each prompt: one prompt at a time on a CPU, those of one kind together on a GPU."""
        levels = [level.float() for level in embedding.levels]
        answers: dict[int, tuple[Candidate, ...]] = {}
        for indices in _alike(prompts):
            found = self._answered(levels, embedding.size, [prompts[index] for index in indices])
            answers.update(zip(indices, found, strict=True))
        return [answers[index] for index in range(len(prompts))]

    def pack(self, embedding: Features) -> bytes:
        """The levels one after the other: half precision, little-endian, channels before rows before columns."""
        return b"".join(level.cpu().numpy().astype("<f2", copy=False).tobytes() for level in embedding.levels)

    def unpack(self, data: bytes, size: Size) -> Features:
        lengths = [math.prod(shape) for shape in self._shapes]
        if len(data) != 2 * sum(lengths):
            raise ModelFailure(Code.MODEL_FAILED, detail=f"an embedding of {len(data)} bytes, not {2 * sum(lengths)}")
        values = torch.from_numpy(np.frombuffer(data, "<f2").astype(np.float16)).to(self._device)
        parts = zip(torch.split(values, lengths), self._shapes, strict=True)
        return Features(tuple(part.view(1, *shape) for part, shape in parts), size)

    def _needed(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The weights that images need; the published files hold one of the two equal positions, or both."""
        needed = {name: tensor for name, tensor in tensors.items() if not name.startswith(self.spare_weights)}
        for name, twin in (_SHARED, _SHARED[::-1]):
            if name in needed:
                needed.setdefault(twin, needed[name])
        return needed

    def _answered(
        self, levels: Sequence[torch.Tensor], size: Size, prompts: Sequence[Prompt]
    ) -> list[tuple[Candidate, ...]]:
        """The candidates of prompts of one kind, in batches that the device's memory holds."""
        found: list[tuple[Candidate, ...]] = []
        while len(found) < len(prompts):
            batch = prompts[len(found) : len(found) + self._at_once_max]
            try:
                found += self._batch(levels, size, batch)
            except torch.cuda.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise ModelFailure(Code.MODEL_FAILED, detail=str(error)) from error
                torch.cuda.empty_cache()
                self._at_once_max = len(batch) // 2
                _LOG.warning("%d prompts do not fit the GPU's memory; from now on %d", len(batch), self._at_once_max)
        return found

    @torch.inference_mode()
    def _batch(
        self, levels: Sequence[torch.Tensor], size: Size, prompts: Sequence[Prompt]
    ) -> list[tuple[Candidate, ...]]:
        logits, scores = self._decode(levels, *self._model.prompt_encoder(**self._in_frame(prompts, size)))
        masks = logits.float().cpu().numpy()
        return [
            tuple(
                Candidate(
                    score=min(1.0, max(0.0, score)),
                    draw=partial(self._framing.draw, mask, size),
                    stability=partial(self._framing.stability, mask, size),
                )
                for score, mask in zip(row, three, strict=True)
            )
            for row, three in zip(scores.tolist(), masks, strict=True)
        ]

    def _in_frame(self, prompts: Sequence[Prompt], size: Size) -> dict[str, torch.Tensor | None]:
        """P prompts of one kind, with N points each, as a prompt encoder takes them.

        Points (1, P, N, 2), x first; labels (1, P, N), 1 for the object, 0 for what is not, -1 for none; boxes
        (1, P, 4), left, top, right, bottom; masks (1, 1, side / 4, side / 4), logits, for a single prompt only.
        """
        first = prompts[0]
        points = labels = boxes = masks = None
        if first.points:
            pixels = [pixel_of(point, size) for prompt in prompts for point in prompt.points]
            points = self._coordinates([(pixel.column, pixel.row) for pixel in pixels], size)
            points = points.view(1, len(prompts), -1, 2)
            signs = [[int(point.positive) for point in prompt.points] for prompt in prompts]
            labels = torch.tensor([signs], dtype=torch.int, device=self._device)
        if first.box is not None:
            found = [pixel_box_of(prompt.box, size) for prompt in prompts if prompt.box is not None]
            corners = [corner for box in found for corner in ((box.left, box.top), (box.right, box.bottom))]
            boxes = self._coordinates(corners, size).view(1, len(prompts), 4)
        if first.previous is not None:
            masks = torch.from_numpy(self._framing.previous(first.previous, size)).to(self._device)[None, None]
        if points is None and boxes is None and self.completes_masks:
            points = torch.zeros((1, 1, 1, 2), device=self._device)
            labels = torch.full((1, 1, 1), -1, dtype=torch.int, device=self._device)
        return {"input_points": points, "input_labels": labels, "input_boxes": boxes, "input_masks": masks}

    def _coordinates(self, pixels: Sequence[tuple[int, int]], size: Size) -> torch.Tensor:
        return torch.from_numpy(self._framing.coordinates(pixels, size)).to(self._device)


def _alike(prompts: Sequence[Prompt]) -> Iterator[list[int]]:
    """Which prompts can be answered together: those with as many points and boxes; one with a previous mask, alone."""
    kinds: dict[tuple[int, bool, int | None], list[int]] = {}
    for index, prompt in enumerate(prompts):
        alone = None if prompt.previous is None else index
        kinds.setdefault((len(prompt.points), prompt.box is not None, alone), []).append(index)
    yield from kinds.values()


def _cast(model: Any, dtype: torch.dtype) -> Any:
    """Give the encoder's layers of matrix products the weights that autocast would make of them for each image."""
    encoder = set(model.vision_encoder.modules())
    for module in model.modules():
        multiplies = module in encoder and isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))
        for tensor in chain(module.parameters(recurse=False), module.buffers(recurse=False)):
            tensor.data = tensor.data.to(dtype if multiplies else torch.float32)
    return model
