"""SAM-HQ (Ke et al., 2023, arXiv:2306.01567) through `transformers`: SAM with outlines from early, finer features.

Masks and scores are those of the authors' model, three of them as `SamHQModel` gives them by default: SAM's masks, the
surest first, and to each is added the mask of the token that SAM-HQ has learnt (`hq_token_only=False`). The decoder's
last steps are written here, because `transformers` from 4.56 on (5.23 still) draws its masks from the image as it was
before the prompt looked at it, with rows and columns exchanged. It knows no video.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.models.sam_hq.configuration_sam_hq import (
    SamHQConfig,
    SamHQMaskDecoderConfig,
    SamHQPromptEncoderConfig,
    SamHQVisionConfig,
)
from transformers.models.sam_hq.modeling_sam_hq import SamHQModel

from inference_container.checkpoints import Checkpoint
from inference_container.segmenters.architectures import ARCHITECTURES as SAM_ARCHITECTURES
from inference_container.segmenters.architectures import SamArchitecture
from inference_container.segmenters.framing import Fit
from inference_container.segmenters.sam_encoder import FastImageEncoder
from inference_container.segmenters.transformers_models import TransformersSegmenter, build_empty
from maskmill.core.engines import Engine

_SCORE, _THREE, _FINE = 0, slice(2, 5), 5  # where the decoder's own tokens lie; at 1 is that of a single mask

_NAMES = (  # of the image encoder's parts, in this order
    ("layers.", "blocks."),
    ("neck.conv1", "neck.0"),
    ("neck.layer_norm1", "neck.1"),
    ("neck.conv2", "neck.2"),
    ("neck.layer_norm2", "neck.3"),
    ("layer_norm", "norm"),
    ("projection", "proj"),
)

ARCHITECTURES = {
    Engine.SAM_HQ_VIT_B: SAM_ARCHITECTURES[Engine.SAM_VIT_B],
    Engine.SAM_HQ_VIT_L: SAM_ARCHITECTURES[Engine.SAM_VIT_L],
    Engine.SAM_HQ_VIT_H: SAM_ARCHITECTURES[Engine.SAM_VIT_H],
}


def sam_hq_config(architecture: SamArchitecture) -> Any:
    """The `SamHQConfig` of an architecture."""
    return SamHQConfig(
        vision_config=SamHQVisionConfig(
            hidden_size=architecture.width,
            output_channels=architecture.channels,
            num_hidden_layers=architecture.depth,
            num_attention_heads=architecture.heads,
            image_size=architecture.side_px,
            patch_size=architecture.patch_px,
            window_size=architecture.window,
            global_attn_indexes=list(architecture.global_blocks),
            num_pos_feats=architecture.channels // 2,
        ),
        prompt_encoder_config=SamHQPromptEncoderConfig(
            hidden_size=architecture.channels, image_size=architecture.side_px, patch_size=architecture.patch_px
        ),
        mask_decoder_config=SamHQMaskDecoderConfig(
            hidden_size=architecture.channels,
            mlp_dim=architecture.decoder_width,
            num_attention_heads=architecture.decoder_heads,
            iou_head_hidden_dim=architecture.channels,
            vit_dim=architecture.width,
        ),
    )


def by_names_of_sam(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a `SamHQVisionEncoder` by their names in the `ImageEncoderViT` that it is a copy of."""
    renamed = {}
    for name, tensor in state.items():
        for theirs, ours in _NAMES:
            name = name.replace(theirs, ours)
        renamed[name] = tensor
    return renamed


class SamHqSegmenter(TransformersSegmenter):
    """One of the three sizes of SAM-HQ, from the published `model.safetensors`.

    What the decoder makes of an image alone (its fine features) is made once, as a second level of the embedding.
    """

    fit = Fit.PADDED

    def __init__(
        self,
        engine: Engine,
        checkpoint: Path | Checkpoint,
        *,
        architecture: SamArchitecture | None = None,
        **options: Any,
    ) -> None:
        """`architecture` replaces that of the engine; the `options` are those of TransformersSegmenter."""
        self._architecture = architecture or ARCHITECTURES[engine]
        grid, channels = self._architecture.grid, self._architecture.channels
        shapes = ((channels, grid, grid), (channels // 8, 4 * grid, 4 * grid))
        super().__init__(engine, checkpoint, side_px=self._architecture.side_px, shapes=shapes, **options)

    def _build(self) -> Any:
        return build_empty(SamHQModel, sam_hq_config(self._architecture))

    def _quicken(self) -> None:
        weights = by_names_of_sam(self._model.vision_encoder.state_dict())
        self._encoder = FastImageEncoder(weights, self._architecture, device=self._device, dtype=self._dtype)
        self._model.vision_encoder = torch.nn.Identity()
        self._model.float()

    def _encode(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features, early = self._encoder.forward_twice(pixels)
        decoder = self._model.mask_decoder
        outline = decoder.activation(decoder.encoder_norm(decoder.encoder_conv1(features)))
        texture = decoder.activation(decoder.compress_vit_norm(decoder.compress_vit_conv1(early)))
        return features, decoder.encoder_conv2(outline) + decoder.compress_vit_conv2(texture)

    def _decode(
        self, levels: Sequence[torch.Tensor], sparse: torch.Tensor | None, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the authors' `MaskDecoderHQ` does, for three masks, except what does not depend on the prompt."""
        features, fine_features = levels
        decoder = self._model.mask_decoder
        count = 1 if sparse is None else sparse.shape[1]
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hq_token.weight])
        queries = own.expand(1, count, -1, -1)
        queries, keys = decoder.transformer(
            point_embeddings=queries if sparse is None else torch.cat([queries, sparse], dim=2),
            image_embeddings=(features + dense).expand(count, -1, -1, -1),
            image_positional_embeddings=self._positions.expand(count, -1, -1, -1),
            attention_similarity=None,
        )
        grid = keys.transpose(2, 3).reshape(count, *features.shape[1:])
        plain = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(grid)))
        plain = decoder.activation(decoder.upscale_conv2(plain))
        fine = decoder.mask_conv2(decoder.activation(decoder.mask_norm(decoder.mask_conv1(plain)))) + fine_features
        three = zip(decoder.output_hypernetworks_mlps[1:], queries[0, :, _THREE].unbind(1), strict=True)
        weights = torch.stack([weigh(token) for weigh, token in three], dim=1)
        fine_weight = decoder.hq_mask_mlp(queries[0, :, _FINE])[:, None]
        scores, order = decoder.iou_prediction_head(queries[0, :, _SCORE])[:, 1:].sort(dim=1, descending=True)
        masks = (weights @ plain.flatten(2)).take_along_dim(order[..., None], dim=1) + fine_weight @ fine.flatten(2)
        return masks.unflatten(2, plain.shape[2:]), scores
