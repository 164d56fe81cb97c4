"""SAM 2 and SAM-HQ in sizes for tests, with random weights, and what `transformers` itself answers with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from inference_container.segmenter import Pixels
from inference_container.segmenters.architectures import SamArchitecture
from inference_container.segmenters.sam2 import Sam2Architecture
from maskmill.core.geometry import Size

SAM2 = Sam2Architecture(
    width=16,
    heads=1,
    depths=(1, 1, 2, 1),
    global_blocks=(3,),
    windows=(4, 4, 4, 4),
    background=4,
    side_px=128,
    channels=32,
    decoder_width=64,
    decoder_heads=2,
)
HQ = SamArchitecture(
    width=32,
    depth=2,
    heads=2,
    global_blocks=(0, 1),
    side_px=128,
    window=4,
    channels=32,
    decoder_width=64,
    decoder_heads=2,
)
SIZES = [Size(height_px=60, width_px=90), Size(height_px=301, width_px=150), Size(height_px=128, width_px=128)]
PROMPTS: list[dict[str, Any]] = [
    {"points": [{"x": 0.5, "y": 0.5}]},
    {"points": [{"x": 0.2, "y": 0.7}, {"x": 0.8, "y": 0.3, "positive": False}]},
    {"points": [{"x": 0.2, "y": 0.7}, {"x": 0.8, "y": 0.3}]},
    {"box": {"left": 0.2, "top": 0.1, "right": 0.7, "bottom": 0.9}},
    {"points": [{"x": 1.0, "y": 1.0}], "box": {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}},
    {"points": [{"x": (i * 37 % 64) / 64, "y": i / 64, "positive": i % 3 > 0} for i in range(64)]},
]


_TABLES = ("_embed.weight", "_token.weight", "_tokens.weight", "point_embeddings.0.weight", "point_embeddings.1.weight")


def with_random_weights(model: Any, seed: int) -> Any:
    """Weights with which masks and scores differ from prompt to prompt; the library's own start is almost flat."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1:
                weight.copy_(0.1 * noise + _middle(name))
            elif ("embed" in name and "mask_embed" not in name) or ("token" in name and "attn" not in name):
                weight.copy_(noise)
            else:
                weight.copy_(noise * (_gain(name) / weight[0].numel() ** 0.5))
        positions = [value for name, value in model.state_dict().items() if name.endswith("positional_embedding")]
        for other in positions[1:]:
            other.copy_(positions[0])  # as in every published file
    return model.eval()


def _middle(name: str) -> float:
    """Of a vector: the weights of a norm, the bias of the scores (they stay inside [0, 1]), or any other bias."""
    is_score = "iou_prediction_head.proj_out" in name or "iou_prediction_head.layers.2" in name
    return 1.0 if name.endswith("weight") else 0.5 * is_score


def _gain(name: str) -> float:
    if "iou_prediction_head" in name:
        return 0.5
    return 0.1 if "conv_s0" in name else 1.4  # the finest level of SAM 2 leaves something to the prompt


def save(model: Any, path: Path, **more: torch.Tensor) -> Path:
    """The model's weights as its publisher would give them away, and `more`."""
    tensors = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    save_file({**tensors, **more}, path, metadata={"format": "pt"})
    return path


def in_frame(image: Pixels, side_px: int) -> torch.Tensor:
    """What `Sam2ImageProcessor` makes of an image, (1, 3, side, side).

    The processor itself needs torchvision. Compared with it (torchvision 0.28), Pillow's pixels are equal where an image
    grows, and differ by one level of 255 at most where it shrinks.
    """
    pixels = np.asarray(Image.fromarray(image).resize((side_px, side_px), Image.Resampling.BILINEAR), np.float64)
    values = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.tensor(values, dtype=torch.float32).permute(2, 0, 1)[None]


def iou(one: Any, other: Any) -> float:
    union = np.logical_or(one, other).sum()
    return 1.0 if union == 0 else float(np.logical_and(one, other).sum() / union)
