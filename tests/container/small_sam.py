"""Small SAMs with random weights for tests, and what segment_anything itself answers with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from inference_container.segmenter import Bitmap, Pixels
from inference_container.segmenters.architectures import SamArchitecture, build_sam
from maskmill.core.geometry import pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt
from tests.container.pictures import size_of

SMALL = SamArchitecture(
    width=32,
    depth=2,
    heads=2,
    global_blocks=(1,),
    side_px=256,
    window=6,  # does not divide the 16 patches of a side, so that windows are padded
    channels=64,
    decoder_width=64,
    decoder_heads=4,
)
PROMPTS: list[dict[str, Any]] = [
    {"points": [{"x": 0.5, "y": 0.5}]},
    {"points": [{"x": 0.2, "y": 0.7}, {"x": 0.8, "y": 0.3, "positive": False}]},
    {"points": [{"x": 0.4, "y": 0.6}]},
    {"box": {"left": 0.2, "top": 0.1, "right": 0.7, "bottom": 0.9}},
    {"points": [{"x": 1.0, "y": 1.0}], "box": {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}},
    {"points": [{"x": (i * 37 % 64) / 64, "y": i / 64, "positive": i % 3 > 0} for i in range(64)]},
]


def sam_of(architecture: SamArchitecture, seed: int = 1) -> Any:
    """SAM by its own code, with weights for which masks and scores differ from prompt to prompt."""
    model = build_sam(architecture)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "rel_pos" in name or "pos_embed" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)  # they start at zero
            elif weight.dim() > 1 and "norm" not in name:
                gain = 0.3 if "iou_prediction_head" in name else 1.0  # scores stay inside [0, 1]
                weight.copy_(torch.randn(weight.shape, generator=generator) * (gain / weight[0].numel() ** 0.5))
            elif weight.dim() == 1 and name.endswith("bias"):
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.1)
            if name.endswith("iou_prediction_head.layers.2.bias"):
                weight.fill_(0.5)
        frequencies = model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
        frequencies.copy_(torch.randn(frequencies.shape, generator=generator))
    return model


def by_predictor(model: Any, image: Pixels, prompt: Prompt) -> tuple[Bitmap, np.ndarray]:
    """The three masks and scores of segment_anything's own predictor."""
    from segment_anything import SamPredictor

    predictor = SamPredictor(model)
    predictor.set_image(image)
    pixels = [pixel_of(point, size_of(image)) for point in prompt.points]
    box = pixel_box_of(prompt.box, size_of(image)) if prompt.box else None
    masks, scores, _ = predictor.predict(
        point_coords=np.array([[pixel.column, pixel.row] for pixel in pixels]) if pixels else None,
        point_labels=np.array([int(point.positive) for point in prompt.points]) if pixels else None,
        box=np.array([box.left, box.top, box.right, box.bottom]) if box else None,
    )
    return masks, scores


def overlap(one: Any, other: Any) -> float:
    """The IoU of two boolean arrays; 1 for two empty ones."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def cosine(one: Any, other: Any) -> float:
    one, other = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
