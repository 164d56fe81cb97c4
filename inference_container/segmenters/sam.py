"""Segment Anything (Kirillov et al., 2023, arXiv:2304.02643) behind the segmenter port. It knows no HTTP, no storage.

Written against the parts of the model rather than its predictor, whose hidden state would let two images mix: the
image encoder makes an embedding, and the prompt encoder with the mask decoder answers prompts on it. The masks are
those of `SamPredictor`, bit for bit on the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from inference_container.masks import decode_rle
from inference_container.segmenter import Candidate, Patch, Picture
from inference_container.segmenters.architectures import ARCHITECTURES, SamArchitecture, build_sam
from inference_container.segmenters.checkpoint import fill, open_weights
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, ModelFailure, Unavailable
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.mask import Rle
from maskmill.core.prompt import Prompt

_PREVIOUS_LOGIT = 10.0  # how sure a previous mask is; SAM's own logits of clear regions are of this order


@dataclass(frozen=True, slots=True)
class SamEmbedding:
    """One image as SAM sees it: features (1, 256, 64, 64), its own size, and its size in the encoder's frame."""

    features: torch.Tensor
    size: Size
    input_size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _EncodedPrompt:
    """A prompt in the encoder's frame, as the prompt encoder takes it."""

    points: tuple[torch.Tensor, torch.Tensor] | None
    boxes: torch.Tensor | None
    masks: torch.Tensor | None


class SamSegmenter:
    """One of the three sizes of SAM, from a checkpoint file."""

    def __init__(
        self,
        engine: Engine,
        checkpoint: Path,
        *,
        device: str = "auto",
        threads: int | None = None,
        architecture: SamArchitecture | None = None,
    ) -> None:
        """`architecture` replaces that of the engine."""
        self._engine = engine
        self._checkpoint = checkpoint
        self._device = device
        self._threads = threads
        self._architecture = architecture or ARCHITECTURES[engine]
        self._version: str | None = None
        self._model: Any = None
        self._transform: Any = None

    @property
    def version(self) -> str:
        if self._version is None:
            raise Unavailable(Code.MODEL_UNAVAILABLE, detail="the version is known once the checkpoint is read")
        return self._version

    def setup(self) -> None:
        """Read and check the weights; raises Unavailable with the reason when they cannot be used."""
        weights = open_weights(self._engine, self._checkpoint)
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        ensure_torchvision()
        from segment_anything.utils.transforms import ResizeLongestSide

        model = build_sam(self._architecture)
        fill(model, weights)
        self._model = model.eval().to(_device(self._device))
        self._transform = ResizeLongestSide(model.image_encoder.img_size)
        self._version = weights.version

    def working_size(self, size: Size) -> Size:
        return size

    @torch.inference_mode()
    def embed(self, picture: Picture) -> SamEmbedding:
        """Run the image encoder."""
        resized = self._transform.apply_image(picture.pixels)
        tensor = torch.as_tensor(resized, device=self._model.device).permute(2, 0, 1).contiguous()[None]
        features = self._model.image_encoder(self._model.preprocess(tensor))
        return SamEmbedding(features=features, size=picture.size, input_size=(resized.shape[0], resized.shape[1]))

    def segment(self, embedding: SamEmbedding, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        """Three candidates for each prompt, in the decoder's own order.

        One prompt at a time: on a CPU a batch through the reference decoder is not faster.
        """
        return [self._candidates(embedding, prompt) for prompt in prompts]

    def pack(self, embedding: SamEmbedding) -> bytes | None:
        return None

    def unpack(self, data: bytes, size: Size) -> SamEmbedding:
        raise ModelFailure(Code.MODEL_FAILED)

    @torch.inference_mode()
    def _candidates(self, embedding: SamEmbedding, prompt: Prompt) -> tuple[Candidate, ...]:
        encoded = self._encoded(embedding, prompt)
        sparse, dense = self._model.prompt_encoder(points=encoded.points, boxes=encoded.boxes, masks=encoded.masks)
        logits, scores = self._model.mask_decoder(
            image_embeddings=embedding.features,
            image_pe=self._model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )
        return tuple(
            Candidate(
                score=min(1.0, max(0.0, score)), draw=partial(self._drawn, embedding, logits[:, index : index + 1])
            )
            for index, score in enumerate(scores[0].tolist())
        )

    @torch.inference_mode()
    def _drawn(self, embedding: SamEmbedding, logits: torch.Tensor) -> Patch:
        """One low-resolution answer (1, 1, 256, 256) as a mask of the image's size."""
        size = (embedding.size.height_px, embedding.size.width_px)
        upsampled = self._model.postprocess_masks(logits, embedding.input_size, size)
        return Patch.whole((upsampled[0, 0] > self._model.mask_threshold).cpu().numpy())

    def _encoded(self, embedding: SamEmbedding, prompt: Prompt) -> _EncodedPrompt:
        size = embedding.size
        points = boxes = masks = None
        if prompt.points:
            pixels = [pixel_of(point, size) for point in prompt.points]
            labels = [int(point.positive) for point in prompt.points]
            coordinates = self._in_frame([[pixel.column, pixel.row] for pixel in pixels], size)
            points = (coordinates[None], torch.as_tensor([labels], dtype=torch.int, device=self._model.device))
        if prompt.box is not None:
            box = pixel_box_of(prompt.box, size)
            boxes = self._in_frame([[box.left, box.top], [box.right, box.bottom]], size).reshape(1, 4)
        if prompt.previous is not None:
            masks = self._previous(prompt.previous, embedding)
        return _EncodedPrompt(points, boxes, masks)

    def _in_frame(self, coordinates: list[list[int]], size: Size) -> torch.Tensor:
        """Pixel coordinates (N, 2), x first, in the frame of the image encoder."""
        scaled = self._transform.apply_coords(np.array(coordinates), (size.height_px, size.width_px))
        return torch.as_tensor(scaled, dtype=torch.float, device=self._model.device)

    def _previous(self, rle: Rle, embedding: SamEmbedding) -> torch.Tensor:
        """A previous mask as logits (1, 1, 256, 256): its coverage of each cell, ±10 where it is certain."""
        height, width = self._model.prompt_encoder.mask_input_size
        side = self._model.image_encoder.img_size
        mask = decode_rle(rle, embedding.size).astype(np.float32)
        inner_height = max(1, round(embedding.input_size[0] * height / side))
        inner_width = max(1, round(embedding.input_size[1] * width / side))
        coverage = np.zeros((height, width), np.float32)  # the encoder's padding is background
        coverage[:inner_height, :inner_width] = cv2.resize(
            mask, (inner_width, inner_height), interpolation=cv2.INTER_AREA
        )
        logits = (2.0 * coverage - 1.0) * _PREVIOUS_LOGIT
        return torch.as_tensor(logits, device=self._model.device)[None, None]


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        message = f"The device {name!r} is not available on this machine."
        raise Unavailable(Code.MODEL_UNAVAILABLE, message=message, detail=str(error)) from error
    return device
