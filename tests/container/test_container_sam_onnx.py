"""The decoder for the page, run by onnxruntime, against segment_anything's own modules and the server's answers."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
for module in ("segment_anything", "onnx", "onnxruntime"):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed", allow_module_level=True)

from inference_container.segmenter import Picture  # noqa: E402
from inference_container.segmenters.architectures import ARCHITECTURES  # noqa: E402
from inference_container.segmenters.framing import Framing  # noqa: E402
from inference_container.segmenters.sam import SamSegmenter  # noqa: E402
from inference_container.segmenters.sam_onnx import export_decoder_onnx  # noqa: E402
from maskmill.core.engines import Engine, frame_px_of, segmenter_version  # noqa: E402
from maskmill.core.geometry import Size, pixel_of  # noqa: E402
from maskmill.core.prompt import Prompt  # noqa: E402
from tests.container.pictures import blob  # noqa: E402
from tests.container.small_sam import SMALL, overlap, sam_of  # noqa: E402

CLICKS = [[(0.5, 0.5, True)], [(0.2, 0.7, True), (0.8, 0.3, False)], [(i / 20, 0.4, i % 3 > 0) for i in range(20)]]


def test_the_page_is_told_the_frame_of_every_engine_that_it_can_decode() -> None:
    told = {engine: frame_px_of(segmenter_version(engine, "ab" * 32)) for engine in Engine}
    assert {engine: side for engine, side in told.items() if side is not None} == {
        engine: architecture.side_px for engine, architecture in ARCHITECTURES.items()
    }


@pytest.fixture(scope="module")
def model() -> Any:
    return sam_of(SMALL)


@pytest.fixture(scope="module")
def sessions(model: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Any]:
    import onnxruntime

    found = {}
    for is_half in (False, True):
        path = tmp_path_factory.mktemp("onnx") / "decoder.onnx"
        export_decoder_onnx(model, path, half_weights=is_half)
        found[is_half] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return found


def asked(features: np.ndarray, points: Any, mask: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Points (x, y, is_positive) in pixels of the frame as the file's inputs."""
    places = [[x, y] for x, y, _ in points] + [[0.0, 0.0]]
    labels = [float(positive) for _, _, positive in points] + [-1.0]
    return {
        "image_embeddings": features.astype(np.float32)[None],
        "point_coords": np.array([places], np.float32),
        "point_labels": np.array([labels], np.float32),
        "mask_input": np.zeros((1, 1, 64, 64), np.float32) if mask is None else mask,
        "has_mask_input": np.array([0.0 if mask is None else 1.0], np.float32),
    }


@torch.inference_mode()
def expected(model: Any, features: np.ndarray, points: Any, mask: np.ndarray | None = None) -> tuple[Any, Any]:
    places = torch.tensor([[[x, y] for x, y, _ in points]], dtype=torch.float)
    labels = torch.tensor([[float(positive) for _, _, positive in points]])
    masks = None if mask is None else torch.tensor(mask)
    sparse, dense = model.prompt_encoder(points=(places, labels), boxes=None, masks=masks)
    position = model.prompt_encoder.get_dense_pe()
    logits, scores = model.mask_decoder.predict_masks(torch.tensor(features)[None], position, sparse, dense)
    return logits.numpy(), scores.numpy()


@pytest.mark.parametrize("number", range(len(CLICKS)))
@pytest.mark.parametrize("with_mask", [False, True])
def test_the_file_answers_as_the_reference(model: Any, sessions: Any, number: int, with_mask: bool) -> None:
    rng = np.random.default_rng(number)
    features = rng.normal(0, 1, (64, 16, 16)).astype(np.float32)
    points = [(x * 256, y * 256, positive) for x, y, positive in CLICKS[number]]
    mask = rng.normal(0, 5, (1, 1, 64, 64)).astype(np.float32) if with_mask else None
    logits, scores = expected(model, features, points, mask)
    found, found_scores = sessions[False].run(None, asked(features, points, mask))
    assert found.shape == (1, 4, 64, 64)
    assert np.abs(found - logits).max() / logits.std() <= 5e-5
    assert np.abs(found_scores - scores).max() <= 5e-5
    halved, halved_scores = sessions[True].run(None, asked(features, points, mask))
    assert overlap(halved > 0, logits > 0) >= 0.99
    assert np.abs(halved_scores - scores).max() <= 1e-2


@pytest.mark.parametrize("size", [Size(height_px=120, width_px=320), Size(height_px=300, width_px=90)])
def test_the_page_sees_the_masks_of_the_server_whatever_the_shape(
    model: Any, sessions: Any, size: Size, tmp_path: Path
) -> None:
    path = tmp_path / "small.pth"
    torch.save(model.state_dict(), path)
    segmenter = SamSegmenter(
        Engine.SAM_VIT_B, path, device="cpu", runtime="torch", precision="fp32", architecture=SMALL
    )
    segmenter.setup()
    embedding = segmenter.embed(Picture.whole(blob(size)[0]))
    prompt = Prompt.model_validate({"points": [{"x": 0.9, "y": 0.2}, {"x": 0.1, "y": 0.6, "positive": False}]})
    framing = Framing(side_px=256, low_px=64)
    pixels = [pixel_of(point, size) for point in prompt.points]
    places = framing.coordinates([(pixel.column, pixel.row) for pixel in pixels], size)
    points = [(*place, point.positive) for place, point in zip(places, prompt.points, strict=True)]
    logits, scores = sessions[False].run(None, asked(embedding.features, points))
    [found] = segmenter.segment(embedding, [prompt])
    for candidate, mask, score in zip(found, logits[0, 1:], scores[0, 1:], strict=True):
        assert candidate.score == pytest.approx(float(score), abs=1e-4)
        assert overlap(candidate.bitmap(), framing.draw(mask, size).full()) >= 0.999


def test_half_weights_halve_the_file(model: Any, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.onnx", tmp_path / "half.onnx"
    export_decoder_onnx(model, whole, half_weights=False)
    export_decoder_onnx(model, half)
    weights = sum(weight.numel() for weight in model.mask_decoder.parameters())
    assert whole.stat().st_size >= 4 * weights
    assert half.stat().st_size <= 2.5 * weights + 200_000


@pytest.mark.parametrize("size", [(150, 225), (120, 320), (300, 90)])
def test_the_installed_segment_anything_exports_for_any_shape(
    model: Any, size: tuple[int, int], tmp_path: Path
) -> None:
    """The older of the two packages of this name bakes the shape of its example in (docs/decisions/0008)."""
    import onnxruntime
    from segment_anything.utils.onnx import SamOnnxModel

    example = asked(np.zeros((64, 16, 16)), [(10, 20, True)]) | {"orig_im_size": np.array([150, 225], np.float32)}
    path = tmp_path / "full.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's
        torch.onnx.export(
            SamOnnxModel(model, return_single_mask=False),
            tuple(map(torch.tensor, example.values())),
            path,
            input_names=list(example),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            opset_version=17,
            dynamo=False,
        )
    features = np.random.default_rng(0).normal(0, 1, (64, 16, 16)).astype(np.float32)
    inputs = asked(features, [(100, 60, True)]) | {"orig_im_size": np.array(size, np.float32)}
    masks, _, low = onnxruntime.InferenceSession(path).run(None, inputs)
    inner = Framing(side_px=256, low_px=64).inner(Size(height_px=size[0], width_px=size[1]))
    truth = model.postprocess_masks(torch.tensor(low), (inner.height_px, inner.width_px), size).numpy()
    assert masks.shape == truth.shape
    assert np.abs(masks - truth).max() / truth.std() <= 1e-3
