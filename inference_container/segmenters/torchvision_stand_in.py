"""The four names of torchvision that segment_anything imports, for machines without it; it knows no model.

torchvision exists only with compiled operators that ask for CUDA builds of torch. segment_anything uses it for
resizing a picture and for non-maximum suppression alone, so these are written here with the same results, and
`ensure_torchvision` puts them in its place while segment_anything is imported, only where the real one cannot be.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from inference_container.segmenter import Pixels


def ensure_torchvision() -> None:
    """Make `import segment_anything` work without torchvision; does nothing where it works already."""
    if "segment_anything" in sys.modules:
        return
    try:
        importlib.import_module("torchvision.ops.boxes")
        importlib.import_module("torchvision.transforms.functional")
    except (ImportError, RuntimeError):  # RuntimeError: installed, but its operators do not fit this torch
        _install()


def to_pil_image(pic: Pixels) -> Image.Image:
    """A uint8 array (height, width, 3) as a picture."""
    return Image.fromarray(np.ascontiguousarray(pic))


def resize(img: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture at `size`, which is (height, width), with Pillow's antialiased bilinear filter."""
    height, width = size
    return img.resize((width, height), Image.Resampling.BILINEAR)


def box_area(boxes: torch.Tensor) -> torch.Tensor:
    """The areas (N,) of boxes (N, 4) given as x1, y1, x2, y2."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def batched_nms(boxes: torch.Tensor, scores: torch.Tensor, idxs: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Indices (K,) of the boxes (N, 4) that survive greedy suppression within each category, best scores first."""
    order = torch.argsort(scores, descending=True, stable=True)
    areas = box_area(boxes)
    is_alive = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    kept: list[int] = []
    for index in order.tolist():
        if not is_alive[index]:
            continue
        kept.append(index)
        corner = torch.maximum(boxes[index, :2], boxes[:, :2])
        opposite = torch.minimum(boxes[index, 2:], boxes[:, 2:])
        overlaps = (opposite - corner).clamp(min=0).prod(dim=1)
        ious = overlaps / (areas[index] + areas - overlaps)
        is_alive &= ~((ious > iou_threshold) & (idxs == idxs[index]))
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def _install() -> None:
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]  # what a failed import has left
    names = ("torchvision", "torchvision.ops", "torchvision.ops.boxes", "torchvision.transforms")
    modules = {name: ModuleType(name) for name in (*names, "torchvision.transforms.functional")}
    vars(modules["torchvision.ops.boxes"]).update(batched_nms=batched_nms, box_area=box_area)
    vars(modules["torchvision.transforms.functional"]).update(resize=resize, to_pil_image=to_pil_image)
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    sys.modules.update(modules)
    try:
        importlib.import_module("segment_anything")
    finally:
        for name in modules:  # other libraries ask whether torchvision is there, and it is not
            sys.modules.pop(name, None)
