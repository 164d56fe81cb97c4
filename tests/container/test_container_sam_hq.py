"""SAM-HQ behind the segmenter port, against `transformers`' own processor and model, with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the engines on transformers need requirements/transformers.txt")

import torch
import transformers
from safetensors.torch import load_file
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from inference_container.masks import encode_mask
from inference_container.segmenter import Patch, Picture, Pixels
from inference_container.segmenters.sam_hq import ARCHITECTURES, SamHqSegmenter, sam_hq_config
from inference_container.segmenters.transformers_models import build_empty
from maskmill.core.engines import Engine
from maskmill.core.geometry import Size, pixel_box_of, pixel_of
from maskmill.core.prompt import Prompt
from tests.container.pictures import blob, size_of
from tests.container.small_transformers import HQ, PROMPTS, SIZES, iou, save, with_random_weights

MEGABYTES = {Engine.SAM_HQ_VIT_B: 379, Engine.SAM_HQ_VIT_L: 1255, Engine.SAM_HQ_VIT_H: 2571}  # the authors' .pth


@dataclass(frozen=True, slots=True)
class Reference:
    """The library's own road from an image and a prompt to three masks, with its decoder repaired."""

    model: Any
    processor: Any

    def answer(self, image: Pixels, prompt: Prompt, logits: np.ndarray | None = None) -> tuple[np.ndarray, list[float]]:
        """Masks (3, height, width) and scores."""
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
        if logits is not None:
            inputs["input_masks"] = torch.tensor(logits)[None, None]
        with torch.inference_mode():
            found = self.model(**inputs)
        [masks] = self.processor.post_process_masks(found.pred_masks, whole, reshaped)
        return masks[0].numpy(), found.iou_scores[0, 0].tolist()


def use_what_the_prompt_looked_at(module: Any, _: Any, inputs: dict[str, Any], outputs: Any) -> None:
    """Put right what SamHQMaskDecoder.forward of transformers 4.56 to 5.23 does with its transformer's answer.

    It drops the image that the prompt has looked at, and upscales the one before, transposed. The authors' decoder
    (SysCV/sam-hq, mask_decoder_hq.py) and transformers 4.52 go on with the answer.
    """
    before, (_, after) = inputs["image_embeddings"], outputs
    before.copy_(after.transpose(2, 3).reshape_as(before).transpose(2, 3))


@pytest.fixture(scope="module")
def reference() -> Reference:
    side = {"height": HQ.side_px, "width": HQ.side_px}
    processor = SamImageProcessorPil(size={"longest_edge": HQ.side_px}, pad_size=side)
    model = with_random_weights(build_empty(transformers.SamHQModel, sam_hq_config(HQ)), 1)
    model.mask_decoder.transformer.register_forward_hook(use_what_the_prompt_looked_at, with_kwargs=True)
    return Reference(model, transformers.SamHQProcessor(processor))


def test_the_library_still_forgets_what_the_prompt_looked_at(checkpoint: Path, reference: Reference) -> None:
    image, asked = blob(SIZES[0])[0], Prompt.model_validate(PROMPTS[0])
    plain = build_empty(transformers.SamHQModel, sam_hq_config(HQ))
    plain.load_state_dict(load_file(checkpoint))
    masks, scores = Reference(plain, reference.processor).answer(image, asked)
    repaired, same_scores = reference.answer(image, asked)
    assert scores == same_scores
    assert not np.array_equal(masks, repaired)  # if they are equal, the library is right again: drop our repair


@pytest.fixture(scope="module")
def checkpoint(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(reference.model, tmp_path_factory.mktemp("weights") / "model.safetensors")


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> SamHqSegmenter:
    ready = SamHqSegmenter(Engine.SAM_HQ_VIT_B, checkpoint, architecture=HQ, device="cpu", threads=1, precision="fp32")
    ready.setup()
    return ready


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("size", SIZES)
def test_masks_and_scores_are_those_of_the_library(
    segmenter: SamHqSegmenter, reference: Reference, size: Size, prompt: dict[str, Any]
) -> None:
    image, asked = blob(size)[0], Prompt.model_validate(prompt)
    [found] = segmenter.segment(segmenter.embed(Picture.whole(image)), [asked])
    masks, scores = reference.answer(image, asked)
    assert all(0.01 < mask.mean() < 0.99 for mask in masks)  # else the comparison would say nothing
    assert scores == sorted(scores, reverse=True)
    assert [candidate.score for candidate in found] == pytest.approx(list(scores), abs=5e-3)
    assert all(iou(candidate.bitmap(), mask) >= 0.99 for candidate, mask in zip(found, masks, strict=True))


@pytest.mark.parametrize("prompt", [{}, PROMPTS[0], PROMPTS[3]])
def test_a_previous_mask_reaches_the_model_where_it_lies(
    segmenter: SamHqSegmenter, reference: Reference, prompt: dict[str, Any]
) -> None:
    image, mask = blob(Size(height_px=64, width_px=128))[0], np.zeros((64, 128), np.bool_)
    mask[32:, 64:] = True
    logits = np.full((32, 32), -10, np.float32)
    logits[8:16, 16:] = 10
    asked = Prompt.model_validate({**prompt, "previous": encode_mask(Patch.whole(mask), 1.0).rle})
    embedding = segmenter.embed(Picture.whole(image))
    [found] = segmenter.segment(embedding, [asked])
    masks, scores = reference.answer(image, asked, logits)
    assert [candidate.score for candidate in found] == pytest.approx(list(scores), abs=5e-3)
    assert all(iou(candidate.bitmap(), mask) >= 0.99 for candidate, mask in zip(found, masks, strict=True))
    if prompt:
        [other] = segmenter.segment(embedding, [asked.model_copy(update={"previous": None})])
        assert [candidate.score for candidate in other] != [candidate.score for candidate in found]


@pytest.mark.parametrize("engine", list(ARCHITECTURES))
def test_the_models_are_as_large_as_the_published_files(engine: Engine) -> None:
    model = build_empty(transformers.SamHQModel, sam_hq_config(ARCHITECTURES[engine]))
    assert round(sum(4 * weight.numel() for weight in model.parameters()) / 1e6) == MEGABYTES[engine]
