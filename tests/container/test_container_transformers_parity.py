"""segment_anything and `transformers` on the same weights: two readings of one paper, the same masks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the engines on transformers need requirements/transformers.txt")
if find_spec("segment_anything") is None:
    pytest.skip("SAM needs requirements/sam.txt", allow_module_level=True)

import torch
from transformers import SamConfig, SamModel, SamProcessor
from transformers.models.sam.configuration_sam import SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from inference_container.segmenter import Pixels
from inference_container.segmenters.architectures import ARCHITECTURES, SamArchitecture, build_sam
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision
from inference_container.segmenters.transformers_models import build_empty
from maskmill.core.engines import Engine
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt
from tests.container.pictures import blob, size_of
from tests.container.small_transformers import HQ, PROMPTS, SIZES, iou, with_random_weights

NAMES = (  # from segment_anything to transformers, each applied once, in this order
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.blocks\.", ".layers."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"neck\.0\.", "neck.conv1."),
    (r"neck\.1\.", "neck.layer_norm1."),
    (r"neck\.2\.", "neck.conv2."),
    (r"neck\.3\.", "neck.layer_norm2."),
    (r"\.norm", ".layer_norm"),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"point_embeddings\.", "point_embed."),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"((?:iou_prediction_head|output_hypernetworks_mlps\.\d))\.layers\.0\.", r"\1.proj_in."),
    (r"((?:iou_prediction_head|output_hypernetworks_mlps\.\d))\.layers\.1\.", r"\1.layers.0."),
    (r"((?:iou_prediction_head|output_hypernetworks_mlps\.\d))\.layers\.2\.", r"\1.proj_out."),
)


def converted(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state of a `Sam` by the names of a `SamModel`."""
    renamed = {}
    for name, tensor in state.items():
        for pattern, words in NAMES:
            name = re.sub(pattern, words, name)
        renamed[name] = tensor
    positions = renamed["prompt_encoder.shared_embedding.positional_embedding"]
    return {**renamed, "shared_image_embedding.positional_embedding": positions}


def sam_config(architecture: SamArchitecture) -> SamConfig:
    return SamConfig(
        vision_config=SamVisionConfig(
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
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=architecture.channels, image_size=architecture.side_px, patch_size=architecture.patch_px
        ),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=architecture.channels,
            mlp_dim=architecture.decoder_width,
            num_attention_heads=architecture.decoder_heads,
            iou_head_hidden_dim=architecture.channels,
        ),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Features (1, channels, grid, grid), masks (3, height, width) and scores of one prompt."""

    features: torch.Tensor
    masks: np.ndarray
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Pair:
    """One set of random weights in both libraries."""

    sam: Any
    twin: Any
    processor: Any

    @classmethod
    def of(cls, architecture: SamArchitecture) -> Pair:
        ensure_torchvision()
        sam = with_random_weights(build_sam(architecture), 2)
        twin = build_empty(SamModel, sam_config(architecture))
        twin.load_state_dict(converted(sam.state_dict()))
        side = {"height": architecture.side_px, "width": architecture.side_px}
        processor = SamImageProcessorPil(size={"longest_edge": architecture.side_px}, pad_size=side)
        return cls(sam, twin, SamProcessor(processor))

    def by_segment_anything(self, image: Pixels, prompt: Prompt) -> Answer:
        from segment_anything import SamPredictor

        size, predictor = size_of(image), SamPredictor(self.sam)
        predictor.set_image(image)
        pixels = [pixel_of(point, size) for point in prompt.points]
        box = pixel_box_of(prompt.box, size) if prompt.box else None
        masks, scores, _ = predictor.predict(
            point_coords=np.array([[pixel.column, pixel.row] for pixel in pixels]) if pixels else None,
            point_labels=np.array([int(point.positive) for point in prompt.points]) if pixels else None,
            box=np.array([box.left, box.top, box.right, box.bottom]) if box else None,
        )
        return Answer(predictor.get_image_embedding(), masks, scores.tolist())

    def by_transformers(self, image: Pixels, prompt: Prompt) -> Answer:
        size = size_of(image)
        asked: dict[str, Any] = {}
        if prompt.points:
            pixels = [pixel_of(point, size) for point in prompt.points]
            asked["input_points"] = [[[[float(pixel.column), float(pixel.row)] for pixel in pixels]]]
            asked["input_labels"] = [[[int(point.positive) for point in prompt.points]]]
        if prompt.box is not None:
            box = pixel_box_of(prompt.box, size)
            asked["input_boxes"] = [[[float(value) for value in (box.left, box.top, box.right, box.bottom)]]]
        inputs = self.processor(images=image, return_tensors="pt", **asked)
        whole, reshaped = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        inputs = {name: value.float() if value.is_floating_point() else value for name, value in inputs.items()}
        with torch.inference_mode():
            features = self.twin.get_image_embeddings(inputs.pop("pixel_values"))
            found = self.twin(image_embeddings=features, **inputs)
        [masks] = self.processor.post_process_masks(found.pred_masks, whole, reshaped)
        return Answer(features, masks[0].numpy(), found.iou_scores[0, 0].tolist())


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Pair.of(HQ)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("size", SIZES)
def test_both_libraries_give_the_same_masks(pair: Pair, size: Size, prompt: dict[str, Any]) -> None:
    image, asked = blob(size)[0], Prompt.model_validate(prompt)
    one, other = pair.by_segment_anything(image, asked), pair.by_transformers(image, asked)
    assert float((one.features - other.features).abs().max()) < 1e-4
    assert one.scores == pytest.approx(other.scores, abs=1e-4)
    assert all(0.01 < mask.mean() < 0.99 for mask in one.masks)  # else the comparison would say nothing
    assert all(iou(a, b) > 0.999 for a, b in zip(one.masks, other.masks, strict=True))


@pytest.mark.slow
def test_a_real_vit_b_gives_the_same_masks_in_both_libraries() -> None:
    threads = torch.get_num_threads()
    pair = Pair.of(ARCHITECTURES[Engine.SAM_VIT_B])
    image, asked = blob(Size(height_px=300, width_px=200))[0], Prompt.model_validate(PROMPTS[1])
    one, other = pair.by_segment_anything(image, asked), pair.by_transformers(image, asked)
    difference = float((one.features - other.features).abs().max())
    print(f"features differ by {difference:.1e} at most, of {float(one.features.std()):.2f}; {threads} threads")
    assert difference < 1e-3
    assert all(iou(a, b) >= 0.99 for a, b in zip(one.masks, other.masks, strict=True))
