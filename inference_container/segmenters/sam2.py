"""SAM 2.1 (Ravi et al., 2024, arXiv:2408.00714) on single images, through `transformers`. It knows no video.

Masks and scores are those of `Sam2Processor` and `Sam2Model`. The published checkpoints are those of `Sam2VideoModel`:
their memory of earlier frames is left aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.models.sam2.configuration_sam2 import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
)
from transformers.models.sam2.modeling_sam2 import Sam2Model

from inference_container.checkpoints import Checkpoint
from inference_container.segmenters.framing import Fit
from inference_container.segmenters.transformers_models import TransformersSegmenter, build_empty, cast
from maskmill.core.engines import Engine

_STAGES = (1, 2, 4, 8)  # how many times wider each stage is than the first, in channels and in heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Sam2Architecture:
    """The sizes of one model: an image encoder (Hiera) of four stages, each half as fine as the one before.

    Blocks attend within windows of `windows` × `windows` patches, by stage, except the `global_blocks`.
    `background` is the side of the coarse position embedding. The decoder works on `channels` channels.
    """

    width: int
    heads: int
    depths: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int] = (8, 4, 14, 7)
    background: int = 7
    side_px: int = 1024
    channels: int = 256
    decoder_width: int = 2048
    decoder_heads: int = 8

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """The levels of an image: for the outline, fine and less fine, and for everything else."""
        sides = [self.side_px // stride for stride in (4, 8, 16)]
        channels = (self.channels // 8, self.channels // 4, self.channels)
        return tuple((count, side, side) for count, side in zip(channels, sides, strict=True))


ARCHITECTURES = {
    Engine.SAM2_TINY: Sam2Architecture(width=96, heads=1, depths=(1, 2, 7, 2), global_blocks=(5, 7, 9)),
    Engine.SAM2_SMALL: Sam2Architecture(width=96, heads=1, depths=(1, 2, 11, 2), global_blocks=(7, 10, 13)),
    Engine.SAM2_BASE_PLUS: Sam2Architecture(
        width=112, heads=2, depths=(2, 3, 16, 3), global_blocks=(12, 16, 20), background=14
    ),
    Engine.SAM2_LARGE: Sam2Architecture(
        width=144, heads=2, depths=(2, 6, 36, 4), global_blocks=(23, 33, 43), windows=(8, 4, 16, 8)
    ),
}


def vision_config(architecture: Sam2Architecture) -> Any:
    """The `Sam2VisionConfig` of an image encoder."""
    widths = [architecture.width * factor for factor in _STAGES]
    return Sam2VisionConfig(
        backbone_config=Sam2HieraDetConfig(
            image_size=[architecture.side_px, architecture.side_px],
            hidden_size=architecture.width,
            num_attention_heads=architecture.heads,
            embed_dim_per_stage=widths,
            num_attention_heads_per_stage=[architecture.heads * factor for factor in _STAGES],
            blocks_per_stage=list(architecture.depths),
            window_size_per_stage=list(architecture.windows),
            global_attention_blocks=list(architecture.global_blocks),
            window_positional_embedding_background_size=[architecture.background] * 2,
        ),
        backbone_channel_list=widths[::-1],
        backbone_feature_sizes=[[height, width] for _, height, width in architecture.shapes],
        fpn_hidden_size=architecture.channels,
    )


def sam2_config(architecture: Sam2Architecture) -> Any:
    """The `Sam2Config` of an architecture."""
    return Sam2Config(
        vision_config=vision_config(architecture),
        prompt_encoder_config=Sam2PromptEncoderConfig(
            hidden_size=architecture.channels, image_size=architecture.side_px
        ),
        mask_decoder_config=Sam2MaskDecoderConfig(
            hidden_size=architecture.channels,
            mlp_dim=architecture.decoder_width,
            num_attention_heads=architecture.decoder_heads,
            iou_head_hidden_dim=architecture.channels,
        ),
    )


class Sam2Segmenter(TransformersSegmenter):
    """One of the four sizes of SAM 2.1, from the published `model.safetensors`.

    A prompt of nothing but a previous mask is completed by a point that stands for none, as `Sam2Model` does.
    """

    fit = Fit.STRETCHED
    completes_masks = True
    spare_weights = (
        "mask_downsample.",
        "memory_attention.",
        "memory_encoder.",
        "memory_temporal_positional_encoding",
        "no_memory_positional_encoding",
        "no_object_pointer",
        "object_pointer_proj.",
        "occlusion_spatial_embedding_parameter",
        "temporal_positional_encoding_projection_layer.",
    )

    def __init__(
        self,
        engine: Engine,
        checkpoint: Path | Checkpoint,
        *,
        architecture: Sam2Architecture | None = None,
        **options: Any,
    ) -> None:
        """`architecture` replaces that of the engine; the `options` are those of TransformersSegmenter."""
        self._architecture = architecture or ARCHITECTURES[engine]
        super().__init__(
            engine, checkpoint, side_px=self._architecture.side_px, shapes=self._architecture.shapes, **options
        )

    def _build(self) -> Any:
        return build_empty(Sam2Model, sam2_config(self._architecture))

    def _quicken(self) -> None:
        cast(self._model, self._dtype)

    def _encode(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype is not torch.float32):
            return tuple(self._model.get_image_embeddings(pixels))

    def _decode(
        self, levels: Sequence[torch.Tensor], sparse: torch.Tensor | None, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, scores, _, _ = self._model.mask_decoder(
            image_embeddings=levels[-1],
            image_positional_embeddings=self._positions,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
            high_resolution_features=list(levels[:-1]),
        )
        return logits[0], scores[0]
