"""The shapes of Segment Anything that this server knows, and how to build one of them; it knows no file and no image.

`sam-test` is a small model of the same classes that the project trains itself (tests/sam_test): it makes every road of
the real one walkable without the publishers' weights. It is a test model and finds little in a photograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from inference_container.segmenters.torchvision_stand_in import ensure_torchvision
from maskmill.core.engines import Engine

PIXEL_MEAN = (123.675, 116.28, 103.53)  # of each colour in [0, 255]: red, green, blue
PIXEL_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamArchitecture:
    """The sizes of one model: a square frame of `side_px`, in patches, through `depth` blocks of `width` channels.

    Blocks attend within windows of `window` × `window` patches, except the `global_blocks`. The decoder works on
    `channels` channels.
    """

    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]
    side_px: int = 1024
    patch_px: int = 16
    window: int = 14
    channels: int = 256
    decoder_width: int = 2048
    decoder_heads: int = 8

    @property
    def grid(self) -> int:
        """Patches along one side of the frame."""
        return self.side_px // self.patch_px


ARCHITECTURES = {
    Engine.SAM_VIT_B: SamArchitecture(width=768, depth=12, heads=12, global_blocks=(2, 5, 8, 11)),
    Engine.SAM_VIT_L: SamArchitecture(width=1024, depth=24, heads=16, global_blocks=(5, 11, 17, 23)),
    Engine.SAM_VIT_H: SamArchitecture(width=1280, depth=32, heads=16, global_blocks=(7, 15, 23, 31)),
    Engine.SAM_TEST: SamArchitecture(
        width=160,
        depth=6,
        heads=5,
        global_blocks=(1, 3, 5),
        side_px=256,
        window=8,
        channels=128,
        decoder_width=512,
    ),
}


def build_sam(architecture: SamArchitecture) -> Any:
    """A `segment_anything.modeling.Sam` of this architecture, with the weights that its constructors give it."""
    ensure_torchvision()
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    grid = architecture.grid
    return Sam(
        image_encoder=ImageEncoderViT(
            img_size=architecture.side_px,
            patch_size=architecture.patch_px,
            embed_dim=architecture.width,
            depth=architecture.depth,
            num_heads=architecture.heads,
            mlp_ratio=4,
            out_chans=architecture.channels,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=architecture.window,
            global_attn_indexes=architecture.global_blocks,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=architecture.channels,
            image_embedding_size=(grid, grid),
            input_image_size=(architecture.side_px, architecture.side_px),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(
                depth=2,
                embedding_dim=architecture.channels,
                mlp_dim=architecture.decoder_width,
                num_heads=architecture.decoder_heads,
            ),
            transformer_dim=architecture.channels,
            iou_head_depth=3,
            iou_head_hidden_dim=architecture.channels,
        ),
        pixel_mean=list(PIXEL_MEAN),
        pixel_std=list(PIXEL_STD),
    ).eval()
