"""Segment Anything (Kirillov et al., 2023, arXiv:2304.02643) behind the segmenter port. It knows no HTTP, no storage.

Written against the parts of the model rather than its predictor, whose hidden state would let two images mix. The image
encoder (sam_encoder.py on torch, sam_openvino.py) makes an embedding, and the prompt encoder with the mask decoder
(sam_decoder.py) answers prompts on it. Masks are those of `SamPredictor` on the same weights, up to rounding.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from inference_container.checkpoints import Checkpoint
from inference_container.segmenter import Candidate, Picture, Pixels
from inference_container.segmenters.architectures import ARCHITECTURES, SamArchitecture, build_sam
from inference_container.segmenters.checkpoint import build_quickly, fill, open_weights
from inference_container.segmenters.framing import Framing
from inference_container.segmenters.precision import encoder_dtype, torch_device
from inference_container.segmenters.prompt_batches import PromptBatches
from inference_container.segmenters.sam_decoder import FastMaskDecoder, ImageSide
from inference_container.segmenters.sam_embedding import SamEmbedding, packed, unpacked
from inference_container.segmenters.sam_encoder import FastImageEncoder
from inference_container.segmenters.sam_prompts import FramedPrompts, framed
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, Unavailable
from maskmill.core.geometry import Size
from maskmill.core.prompt import Prompt

_LOGITS_PER_PATCH = 4  # each way

Features = npt.NDArray[np.float16]


@dataclass(slots=True)
class _Image:
    """An image while its prompts are answered: features (1, channels, grid, grid), and what all prompts share."""

    features: torch.Tensor
    size: Size
    side: ImageSide | None = None


class SamSegmenter:
    """One of the sizes of SAM, from a checkpoint."""

    def __init__(
        self,
        engine: Engine,
        checkpoint: Path | Checkpoint,
        *,
        device: str = "auto",
        threads: int | None = None,
        runtime: str = "auto",
        precision: str = "auto",
        compile: bool = False,  # noqa: A002 - the name of the setting
        architecture: SamArchitecture | None = None,
    ) -> None:
        """`runtime` (auto, torch, openvino) and `precision` (auto, fp32, bf16, fp16) are those of the image encoder.

        The mask decoder is a hundredth of the work and always fp32 on torch. `architecture` replaces the engine's.
        """
        self._engine = engine
        self._checkpoint = checkpoint
        self._device_name = device
        self._threads = threads
        self._runtime_name = runtime
        self._precision = precision
        self._is_compiled = compile
        self._architecture = architecture or ARCHITECTURES[engine]
        grid = self._architecture.grid
        self._framing = Framing(side_px=self._architecture.side_px, low_px=_LOGITS_PER_PATCH * grid)
        self._shape = (self._architecture.channels, grid, grid)
        self._version: str | None = None

    @property
    def version(self) -> str:
        if self._version is None:
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail="the version is known once the checkpoint is read")
        return self._version

    def setup(self) -> None:
        """Map and check the weights; raises Unavailable with the reason when they cannot be used."""
        self._device = torch_device(self._device_name)
        self._dtype = encoder_dtype(self._precision, self._device)
        self._runtime = chosen_runtime(self._runtime_name, self._device, is_compiled=self._is_compiled)
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        weights = open_weights(self._engine, self._checkpoint)
        with build_quickly():
            model = build_sam(self._architecture)
        fill(model, weights, as_stored=True)
        self._encode = self._encoder(model.image_encoder)
        self._prompt_encoder = model.prompt_encoder.float().to(self._device)
        with torch.inference_mode():
            position = self._prompt_encoder.get_dense_pe()
            self._decode = FastMaskDecoder(
                model.mask_decoder.float().to(self._device),
                position,
                upscaled_at_once=256 if self._device.type == "cpu" else None,
            )
        self._batches = PromptBatches(self._device)
        self._version = weights.version

    def notes(self) -> Mapping[str, str | int | float]:
        """How this segmenter runs, and how often a batch of prompts had to be halved for want of memory."""
        return {
            "runtime": self._runtime,
            "precision": str(self._dtype).removeprefix("torch."),
            "device": str(self._device),
            "prompts_at_once": self._batches.at_once_max,
            "memory_shortages": self._batches.shortages,
        }

    def working_size(self, size: Size) -> Size:
        return self._framing.inner(size)

    def embed(self, picture: Picture) -> SamEmbedding:
        """Run the image encoder."""
        return SamEmbedding(self._encode(self._framing.pixels(picture)), picture.size)

    def pack(self, embedding: SamEmbedding) -> bytes:
        return packed(embedding, self.version)

    def unpack(self, data: bytes, size: Size) -> SamEmbedding:
        return unpacked(data, self.version, self._shape, size)

    @torch.inference_mode()
    def segment(self, embedding: SamEmbedding, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """Three candidates for each prompt, in the decoder's own order.

        What the image has to contribute is computed once.
        """
        image = _Image(torch.tensor(embedding.features, dtype=torch.float32, device=self._device)[None], embedding.size)
        return self._batches.answers(prompts, partial(self._answered, image))

    def _encoder(self, encoder: Any) -> Callable[[Pixels], Features]:
        if self._runtime == "openvino":
            from inference_container.segmenters.sam_openvino import OpenvinoImageEncoder

            compiled = OpenvinoImageEncoder(
                encoder.state_dict(), self._architecture, dtype=self._dtype, threads=self._threads
            )
            return lambda pixels: compiled(pixels)[0].astype(np.float16)
        run = FastImageEncoder(
            encoder.state_dict(),
            self._architecture,
            device=self._device,
            dtype=self._dtype,
            is_compiled=self._is_compiled,
        )
        return lambda pixels: run(torch.tensor(pixels))[0].half().cpu().numpy()

    def _answered(self, image: _Image, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """The candidates of prompts of one kind; the decoder's first mask (the one of a single answer) is left out."""
        logits, scores = self._decoded(image, framed(prompts, self._framing, image.size))
        return self._framing.candidates(logits[:, 1:].cpu().numpy(), scores[:, 1:].tolist(), image.size)

    def _decoded(self, image: _Image, some: FramedPrompts) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (P, 4, low, low) and scores (P, 4) of P prompts of one kind."""
        points, labels, boxes, previous = (
            None if numbers is None else torch.from_numpy(numbers).to(self._device)
            for numbers in (some.points, some.labels, some.boxes, some.previous)
        )
        pairs = None if points is None else (points, labels)
        sparse, dense = self._prompt_encoder(points=pairs, boxes=boxes, masks=previous)
        if previous is not None:
            return self._decode(self._decode.image_side(image.features, dense), sparse)
        if image.side is None:
            image.side = self._decode.image_side(image.features, dense[:1])
        return self._decode(image.side, sparse)


def chosen_runtime(name: str, device: torch.device, *, is_compiled: bool) -> str:
    """What runs the image encoder: `torch`, or on a CPU `openvino` where it is installed, because it is faster.

    Raises Unavailable for a combination that does not exist on this machine.
    """
    is_installed = importlib.util.find_spec("openvino") is not None
    is_possible = device.type == "cpu" and not is_compiled
    if name == "auto":
        return "openvino" if is_installed and is_possible else "torch"
    if name == "openvino" and not is_possible:
        message = "RUNTIME=openvino is for CPUs and without COMPILE: leave one of them out."
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(device))
    if name == "openvino" and not is_installed:
        message = "RUNTIME=openvino needs a library that is not installed (requirements/openvino.txt)."
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=name)
    return name
