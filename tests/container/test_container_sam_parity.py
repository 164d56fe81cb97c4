"""The rearranged halves of SAM against segment_anything's own modules, number for number."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from inference_container.segmenter import Picture, chosen  # noqa: E402
from inference_container.segmenters.architectures import ARCHITECTURES, PIXEL_MEAN, PIXEL_STD  # noqa: E402
from inference_container.segmenters.sam import SamSegmenter  # noqa: E402
from inference_container.segmenters.sam_decoder import FastMaskDecoder  # noqa: E402
from inference_container.segmenters.sam_encoder import FastImageEncoder  # noqa: E402
from maskmill.core.engines import Engine  # noqa: E402
from maskmill.core.prompt import MaskChoice  # noqa: E402
from tests.container.pictures import click  # noqa: E402
from tests.container.small_sam import SMALL, cosine, overlap, sam_of  # noqa: E402
from tests.sam_test.judge import WEIGHTS  # noqa: E402
from tests.sam_test.scenes import draw_scene  # noqa: E402

CPU = torch.device("cpu")
SHAPES = {
    "padded windows": SMALL,
    "whole windows": replace(SMALL, window=8),
    "one window larger than the grid": replace(SMALL, window=18, global_blocks=()),
    "windows only": replace(SMALL, global_blocks=()),
    "global only": replace(SMALL, global_blocks=(0, 1)),
    "sam-test": ARCHITECTURES[Engine.SAM_TEST],
}
needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="no OpenVINO")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two threads that share a busy processor wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pixels_of(side: int, seed: int = 0) -> np.ndarray:
    """A picture of a frame's size less a strip, so that there is padding."""
    return np.random.default_rng(seed).integers(0, 256, (side - 30, side, 3), np.uint8)


@torch.inference_mode()
def reference_features(model: Any, pixels: np.ndarray) -> Any:
    tensor = torch.as_tensor(pixels).permute(2, 0, 1)[None]
    return model.image_encoder(model.preprocess(tensor))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_fused", [False, True])
def test_the_encoder_on_torch_is_the_reference_in_fp32(shape: str, is_fused: bool) -> None:
    architecture = SHAPES[shape]
    model, pixels = sam_of(architecture), pixels_of(architecture.side_px)
    encoder = FastImageEncoder(model.image_encoder.state_dict(), architecture, device=CPU, is_fused=is_fused)
    difference = encoder(torch.tensor(pixels)) - reference_features(model, pixels)
    assert difference.abs().max().item() <= 2e-5


@pytest.mark.parametrize("is_fused", [False, True])
def test_the_encoder_in_bf16_points_the_same_way(is_fused: bool) -> None:
    model, pixels = sam_of(SMALL), pixels_of(SMALL.side_px)
    encoder = FastImageEncoder(
        model.image_encoder.state_dict(), SMALL, device=CPU, dtype=torch.bfloat16, is_fused=is_fused
    )
    features = encoder(torch.tensor(pixels))
    assert features.dtype is torch.float32
    assert cosine(features, reference_features(model, pixels)) >= 0.9999


def test_attention_in_several_parts_is_that_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, pixels = sam_of(SMALL), torch.tensor(pixels_of(SMALL.side_px))
    encoder = FastImageEncoder(model.image_encoder.state_dict(), SMALL, device=CPU)
    whole = encoder(pixels)
    monkeypatch.setattr("inference_container.segmenters.sam_encoder._PART_NUMBERS", 3 * 16**3)  # no divisor of anything
    assert (encoder(pixels) - whole).abs().max().item() <= 2e-5


def test_frames_in_a_batch_are_those_one_by_one() -> None:
    encoder = FastImageEncoder(sam_of(SMALL).image_encoder.state_dict(), SMALL, device=CPU)
    frames = torch.randn(3, 3, SMALL.side_px, SMALL.side_px, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        alone = torch.cat([encoder.forward(frame[None]) for frame in frames])
        assert (encoder.forward(frames) - alone).abs().max().item() <= 2e-5


@needs_openvino
@pytest.mark.parametrize("shape", SHAPES)
def test_the_encoder_on_openvino_is_the_reference_in_fp32(shape: str) -> None:
    from inference_container.segmenters.sam_openvino import OpenvinoImageEncoder

    architecture = SHAPES[shape]
    model, pixels = sam_of(architecture), pixels_of(architecture.side_px)
    encoder = OpenvinoImageEncoder(model.image_encoder.state_dict(), architecture, threads=1)
    assert np.abs(encoder(pixels) - reference_features(model, pixels).numpy()).max() <= 3e-5


@needs_openvino
@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
def test_the_encoder_on_openvino_in_bf16_takes_weights_as_they_are_stored(stored: Any) -> None:
    from inference_container.segmenters.sam_openvino import OpenvinoImageEncoder

    model, pixels = sam_of(SMALL), pixels_of(SMALL.side_px)
    weights = {
        name: tensor.to(stored) if tensor.dim() > 1 and name.endswith("weight") else tensor
        for name, tensor in model.image_encoder.state_dict().items()
    }
    encoder = OpenvinoImageEncoder(weights, SMALL, dtype=torch.bfloat16, threads=1)
    assert cosine(encoder(pixels), reference_features(model, pixels)) >= 0.9999


def test_the_frame_is_normalised_as_the_reference_does_it() -> None:
    assert [round(value, 3) for value in PIXEL_MEAN] == [123.675, 116.28, 103.53]
    assert [round(value, 3) for value in PIXEL_STD] == [58.395, 57.12, 57.375]


@pytest.fixture(scope="module")
def model() -> Any:
    return sam_of(SMALL)


def prompts_of(model: Any, *, count: int, points: int, with_mask: bool = False) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(points)
    places = torch.rand(count, points, 2, generator=generator) * SMALL.side_px
    labels = (torch.rand(count, points, generator=generator) > 0.3).float()
    masks = torch.randn(count, 1, 64, 64, generator=generator) if with_mask else None
    encoded: tuple[Any, Any] = model.prompt_encoder(points=(places, labels), boxes=None, masks=masks)
    return encoded


@torch.inference_mode()
@pytest.mark.parametrize("points", [1, 3, 10, 11, 12, 64])
@pytest.mark.parametrize("folded_tokens_max", [0, 16, 100])
def test_the_decoder_is_the_reference(model: Any, points: int, folded_tokens_max: int) -> None:
    features = torch.randn(1, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    position = model.prompt_encoder.get_dense_pe()
    sparse, dense = prompts_of(model, count=3, points=points)
    decode = FastMaskDecoder(
        model.mask_decoder, position, folded_tokens_max=folded_tokens_max, upscaled_at_once=100 if points > 3 else None
    )
    logits, scores = decode(decode.image_side(features, dense[:1]), sparse)
    expected, expected_scores = model.mask_decoder.predict_masks(features, position, sparse, dense)
    assert ((logits - expected).abs().max() / expected.std()).item() <= 2e-5
    assert (scores - expected_scores).abs().max().item() <= 2e-5


@torch.inference_mode()
def test_the_decoder_is_the_reference_on_previous_masks(model: Any) -> None:
    features = torch.randn(1, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    position = model.prompt_encoder.get_dense_pe()
    sparse, dense = prompts_of(model, count=1, points=2, with_mask=True)
    decode = FastMaskDecoder(model.mask_decoder, position)
    logits, _ = decode(decode.image_side(features, dense), sparse)
    expected, _ = model.mask_decoder.predict_masks(features, position, sparse, dense)
    assert ((logits - expected).abs().max() / expected.std()).item() <= 2e-5
    assert overlap(logits.numpy() > 0, expected.numpy() > 0) >= 0.999


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch about torch
def test_the_encoder_is_one_graph_to_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what follows, the generation of code, which takes minutes on a CPU."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager", fullgraph=True))
    pixels, model = torch.tensor(pixels_of(SMALL.side_px)), sam_of(SMALL)
    plain = FastImageEncoder(model.image_encoder.state_dict(), SMALL, device=CPU, is_fused=True)
    compiled = FastImageEncoder(model.image_encoder.state_dict(), SMALL, device=CPU, is_fused=True, is_compiled=True)
    assert (compiled(pixels) - plain(pixels)).abs().max().item() <= 5e-5


def drawn_answers(**options: Any) -> tuple[list[Any], list[Any]]:
    """Features and best masks for a click on each object of a few drawn scenes, by the small SAM of the tests."""
    segmenter = SamSegmenter(Engine.SAM_TEST, WEIGHTS, device="cpu", threads=1, **options)
    segmenter.setup()
    features, masks = [], []
    for seed in range(5000, 5006):
        scene = draw_scene(seed, height=300, width=400)
        embedding = segmenter.embed(Picture.whole(scene.pixels))
        clicks = [click(truth) for truth in scene.objects]
        features.append(embedding.features)
        masks += [chosen(found, MaskChoice.BEST).bitmap() for found in segmenter.segment(embedding, clicks)]
    return features, masks


@pytest.mark.parametrize(
    "options",
    [
        {"runtime": "torch", "precision": "bf16"},
        pytest.param({"runtime": "openvino", "precision": "fp32"}, marks=needs_openvino),
        pytest.param({"runtime": "openvino", "precision": "bf16"}, marks=needs_openvino),
    ],
)
def test_every_runtime_and_precision_finds_the_same_objects(options: dict[str, str]) -> None:
    features, masks = drawn_answers(runtime="torch", precision="fp32")
    others, same = drawn_answers(**options)
    assert len(masks) >= 15
    assert all(0 < mask.mean() < 0.5 for mask in masks)  # they are objects, not everything and not nothing
    assert min(cosine(one, other) for one, other in zip(features, others, strict=True)) >= 0.9999
    assert float(np.mean([overlap(one, other) for one, other in zip(masks, same, strict=True)])) >= 0.99
