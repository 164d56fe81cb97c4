"""SAM 2.1 behind the segmenter port, against `transformers` itself, on a small model with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the engines on transformers need requirements/transformers.txt")

import torch
import transformers
from safetensors.torch import save_file

from inference_container.masks import encode_mask
from inference_container.segmenter import Candidate, Patch, Picture, Pixels
from inference_container.segmenters.sam2 import ARCHITECTURES, Sam2Segmenter, sam2_config, vision_config
from inference_container.segmenters.transformers_models import build_empty
from maskmill.core.catalogue import PUBLISHED
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, Unavailable
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt
from tests.container.pictures import blob, size_of
from tests.container.small_transformers import PROMPTS, SAM2, SIZES, in_frame, iou, save, with_random_weights

MEMORY = {
    "memory_encoder.projection.weight": torch.zeros(2, 2),
    "mask_downsample.bias": torch.zeros(1),
    "no_memory_positional_encoding": torch.zeros(1, 1, 4),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """The library's own road from an image and a prompt to three masks."""

    model: Any

    def answer(
        self, image: Pixels, prompt: Prompt, logits: np.ndarray | None = None, levels: Any = None
    ) -> tuple[np.ndarray, list[float]]:
        """Masks (3, height, width) and scores; from `levels` instead of the pixels, where they are given."""
        size = size_of(image)
        inputs: dict[str, Any] = {"image_embeddings": [level.float() for level in levels]} if levels else {}
        if not levels:
            inputs["pixel_values"] = in_frame(image, SAM2.side_px)
        if prompt.points:
            pixels = [pixel_of(point, size) for point in prompt.points]
            inputs["input_points"] = self._scaled([[[[pixel.column, pixel.row] for pixel in pixels]]], size)
            inputs["input_labels"] = torch.tensor([[[int(point.positive) for point in prompt.points]]])
        if prompt.box is not None:
            box = pixel_box_of(prompt.box, size)
            corners = [[[box.left, box.top, box.right, box.bottom]]]
            inputs["input_boxes"] = self._scaled(corners, size, is_bounding_box=True).view(1, 1, 4)
        if logits is not None:
            inputs["input_masks"] = torch.tensor(logits)[None, None]
        with torch.inference_mode():
            found = self.model(**inputs, multimask_output=True)
            # as Sam2ImageProcessor.post_process_masks, whose module asks for torchvision
            masks = torch.nn.functional.interpolate(
                found.pred_masks[0], (size.height_px, size.width_px), mode="bilinear", align_corners=False
            )
        return (masks[0] > 0).numpy(), found.iou_scores[0, 0].tolist()

    def _scaled(self, values: Any, size: Size, **options: bool) -> torch.Tensor:
        scale = transformers.Sam2Processor._normalize_coordinates
        whole = (size.height_px, size.width_px)
        scaled: torch.Tensor = scale(None, SAM2.side_px, torch.tensor(values), whole, **options)
        return scaled


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(with_random_weights(build_empty(transformers.Sam2Model, sam2_config(SAM2)), 5))


@pytest.fixture(scope="module")
def checkpoint(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(reference.model, tmp_path_factory.mktemp("weights") / "model.safetensors", **MEMORY)


def ready(path: Path) -> Sam2Segmenter:
    segmenter = Sam2Segmenter(Engine.SAM2_TINY, path, architecture=SAM2, device="cpu", threads=1, precision="fp32")
    segmenter.setup()
    return segmenter


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> Sam2Segmenter:
    return ready(checkpoint)


def assert_same(found: tuple[Candidate, ...], masks: np.ndarray, scores: list[float]) -> None:
    """Equal but for pixels whose logit is 0 to the last digits."""
    assert [candidate.score for candidate in found] == pytest.approx(scores, abs=1e-5)
    for candidate, mask in zip(found, masks, strict=True):
        assert iou(candidate.bitmap(), mask) > 0.9999


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("size", SIZES)
def test_masks_and_scores_are_those_of_the_library(
    segmenter: Sam2Segmenter, reference: Reference, size: Size, prompt: dict[str, Any]
) -> None:
    image, asked = blob(size)[0], Prompt.model_validate(prompt)
    embedding = segmenter.embed(Picture.whole(image))
    [found] = segmenter.segment(embedding, [asked])
    assert_same(found, *reference.answer(image, asked, levels=embedding.levels))
    masks, scores = reference.answer(image, asked)  # from the pixels, in single precision throughout
    assert all(0.01 < mask.mean() < 0.99 for mask in masks)  # else the comparison would say nothing
    assert [candidate.score for candidate in found] == pytest.approx(scores, abs=5e-3)
    assert all(iou(candidate.bitmap(), mask) >= 0.99 for candidate, mask in zip(found, masks, strict=True))


@pytest.mark.parametrize("prompt", [{}, PROMPTS[0], PROMPTS[3]])
def test_a_previous_mask_reaches_the_model_where_it_lies(
    segmenter: Sam2Segmenter, reference: Reference, prompt: dict[str, Any]
) -> None:
    size = Size(height_px=60, width_px=90)
    image, mask = blob(size)[0], np.zeros((60, 90), np.bool_)
    mask[30:, 45:] = True
    logits = np.full((32, 32), -10, np.float32)
    logits[16:, 16:] = 10
    asked = Prompt.model_validate({**prompt, "previous": encode_mask(Patch.whole(mask), 1.0).rle})
    embedding = segmenter.embed(Picture.whole(image))
    [found] = segmenter.segment(embedding, [asked])
    masks, scores = reference.answer(image, asked, logits, levels=embedding.levels)
    assert_same(found, masks, scores)
    if prompt:
        [other] = segmenter.segment(embedding, [asked.model_copy(update={"previous": None})])
        assert [candidate.score for candidate in other] != pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("engine", list(ARCHITECTURES))
def test_the_models_are_as_large_as_the_published_files(engine: Engine) -> None:
    config = transformers.Sam2VideoConfig(
        vision_config=vision_config(ARCHITECTURES[engine]),
        enable_temporal_pos_encoding_for_object_pointers=True,
        enable_occlusion_spatial_embedding=True,
    )
    whole = build_empty(transformers.Sam2VideoModel, config).state_dict()
    ours = build_empty(transformers.Sam2Model, sam2_config(ARCHITECTURES[engine])).state_dict()
    header_bytes = PUBLISHED[engine].size_bytes - sum(4 * tensor.numel() for tensor in whole.values())
    assert 100 < header_bytes / len(whole) < 130  # a name, a type, a shape and two offsets for each weight
    needed = {name for name in whole if not name.startswith(Sam2Segmenter.spare_weights)}
    assert needed == set(ours)
    assert all(whole[name].shape == tensor.shape for name, tensor in ours.items())


def test_either_of_two_equal_positions_will_do(reference: Reference, segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    state = {name: tensor.clone() for name, tensor in reference.model.state_dict().items()}
    image = blob(SIZES[0])[0]
    asked = Prompt.model_validate(PROMPTS[0])
    [expected] = segmenter.segment(segmenter.embed(Picture.whole(image)), [asked])
    for name in [name for name in state if name.endswith("positional_embedding")]:
        save_file({key: tensor for key, tensor in state.items() if key != name}, tmp_path / f"{name}.safetensors")
        other = ready(tmp_path / f"{name}.safetensors")
        [found] = other.segment(other.embed(Picture.whole(image)), [asked])
        assert [candidate.score for candidate in found] == [candidate.score for candidate in expected]


@pytest.mark.parametrize("name", ["memory.weight", "text_encoder.weight"])
def test_weights_of_another_model_are_refused(reference: Reference, tmp_path: Path, name: str) -> None:
    path = save(reference.model, tmp_path / "model.safetensors", **{name: torch.zeros(1)})
    with pytest.raises(Unavailable) as caught:
        ready(path)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert "another architecture" in caught.value.message


def test_a_checkpoint_of_another_size_is_refused(checkpoint: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Sam2Segmenter(Engine.SAM2_TINY, checkpoint, device="cpu").setup()
    assert "another architecture" in caught.value.message
