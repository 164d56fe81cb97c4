"""The SAM engines against segment_anything's own predictor, on random weights that the tests make themselves."""

from __future__ import annotations

import hashlib
import importlib.util
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from inference_container.masks import encode_mask  # noqa: E402
from inference_container.segmenter import Patch, Picture, chosen  # noqa: E402
from inference_container.segmenters.architectures import SamArchitecture, build_sam  # noqa: E402
from inference_container.segmenters.sam import SamSegmenter  # noqa: E402
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision  # noqa: E402
from maskmill.core.engines import Engine  # noqa: E402
from maskmill.core.errors import Code, ModelFailure, Unavailable  # noqa: E402
from maskmill.core.geometry import Size, pixel_box_of, pixel_of  # noqa: E402
from maskmill.core.prompt import MaskChoice, Prompt  # noqa: E402
from tests.container.pictures import blob, click, size_of  # noqa: E402

SIZE = Size(height_px=60, width_px=90)
PROMPTS = [
    {"points": [{"x": 0.5, "y": 0.5}]},
    {"points": [{"x": 0.2, "y": 0.7}, {"x": 0.8, "y": 0.3, "positive": False}]},
    {"box": {"left": 0.2, "top": 0.1, "right": 0.7, "bottom": 0.9}},
    {"points": [{"x": 1.0, "y": 1.0}], "box": {"left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}},
]


SMALL = SamArchitecture(width=32, depth=1, heads=2, global_blocks=())


def small_sam() -> Any:
    """SAM by its own code, with an image encoder of one narrow layer."""
    return build_sam(SMALL)


def with_random_weights(model: Any, seed: int) -> Any:
    """Weights for which masks and scores differ from prompt to prompt; segment_anything's own start at zero in parts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and "norm" not in name:
                fan_in = weight[0].numel()
                gain = 0.3 if "iou_prediction_head" in name else 1.5  # scores stay inside [0, 1]
                weight.copy_(torch.randn(weight.shape, generator=generator) * (gain / fan_in**0.5))
            elif name.endswith("iou_prediction_head.layers.2.bias"):
                weight.fill_(0.5)
    return model


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(with_random_weights(small_sam(), 1).state_dict(), path)
    return path


def segmenter_of(path: Path) -> SamSegmenter:
    return SamSegmenter(Engine.SAM_VIT_B, path, device="cpu", architecture=SMALL)


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> SamSegmenter:
    ready = segmenter_of(checkpoint)
    ready.setup()
    return ready


def by_predictor(model: Any, image: np.ndarray, prompt: Prompt) -> tuple[np.ndarray, np.ndarray]:
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


def assert_same(found: Any, masks: np.ndarray, scores: np.ndarray) -> None:
    assert len(found) == 3
    assert [candidate.score for candidate in found] == pytest.approx(np.clip(scores, 0, 1).tolist(), abs=1e-6)
    for candidate, mask in zip(found, masks, strict=True):
        assert np.array_equal(candidate.bitmap(), mask)


@pytest.mark.parametrize("number", range(len(PROMPTS)))
def test_masks_and_scores_are_those_of_the_predictor(segmenter: SamSegmenter, checkpoint: Path, number: int) -> None:
    image, _ = blob(SIZE)
    prompt = Prompt.model_validate(PROMPTS[number])
    model = small_sam()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    masks, scores = by_predictor(model, image, prompt)
    assert 0 < masks.sum() < masks.size  # else the comparison would say nothing
    [found] = segmenter.segment(segmenter.embed(Picture.whole(image)), [prompt])
    assert_same(found, masks, scores)


def test_prompts_are_answered_in_their_order(segmenter: SamSegmenter) -> None:
    embedding = segmenter.embed(Picture.whole(blob(SIZE)[0]))
    prompts = [Prompt.model_validate(prompt) for prompt in PROMPTS]
    together = segmenter.segment(embedding, prompts)
    alone = [segmenter.segment(embedding, [prompt])[0] for prompt in prompts]
    for one, other in zip(together, alone, strict=True):
        assert [candidate.score for candidate in one] == [candidate.score for candidate in other]
    assert len({tuple(candidate.score for candidate in one) for one in together}) == len(prompts)


def test_two_images_never_mix(segmenter: SamSegmenter) -> None:
    first, truth = blob(SIZE)
    second, _ = blob(Size(height_px=90, width_px=40), seed=3)
    alone = segmenter.segment(segmenter.embed(Picture.whole(first)), [click(truth)])[0]
    kept, _ = segmenter.embed(Picture.whole(first)), segmenter.embed(Picture.whole(second))
    after = segmenter.segment(kept, [click(truth)])[0]
    assert [candidate.score for candidate in alone] == [candidate.score for candidate in after]
    assert np.array_equal(alone[0].bitmap(), after[0].bitmap())


def test_a_negative_point_and_a_previous_mask_change_the_answer(segmenter: SamSegmenter) -> None:
    image, truth = blob(SIZE)
    embedding = segmenter.embed(Picture.whole(image))
    point = click(truth).points[0]
    away = point.model_copy(update={"positive": False, "x": 0.1})
    previous = encode_mask(Patch.whole(truth), 1.0).rle
    prompts = [Prompt(points=(point,)), Prompt(points=(point, away)), Prompt(points=(point,), previous=previous)]
    scores = [[candidate.score for candidate in found] for found in segmenter.segment(embedding, prompts)]
    assert scores[0] != scores[1]
    assert scores[0] != scores[2]


def test_a_previous_mask_reaches_the_model_where_it_lies(segmenter: SamSegmenter) -> None:
    image, _ = blob(SIZE)
    mask = np.zeros((60, 90), np.bool_)
    mask[:, 45:] = True
    logits = segmenter._previous(encode_mask(Patch.whole(mask), 1.0).rle, segmenter.embed(Picture.whole(image)))[
        0, 0
    ].numpy()
    assert logits.shape == (256, 256)
    assert (logits[:170, 130:] == 10).all()
    assert (logits[:170, :126] == -10).all()
    assert (logits[172:] == -10).all()


def test_a_previous_mask_of_another_size_is_refused(segmenter: SamSegmenter) -> None:
    rle = encode_mask(Patch.whole(np.ones((5, 5), np.bool_)), 1.0).rle
    with pytest.raises(ModelFailure):
        segmenter.segment(segmenter.embed(Picture.whole(blob(SIZE)[0])), [Prompt(previous=rle)])


def test_the_version_is_the_digest_of_the_file(segmenter: SamSegmenter, checkpoint: Path) -> None:
    assert segmenter.version == f"sam-vit-b-{hashlib.sha256(checkpoint.read_bytes()).hexdigest()[:12]}"


def _missing(path: Path, _: Path) -> None:
    path.unlink(missing_ok=True)


def _cut(path: Path, checkpoint: Path, share: float) -> None:
    data = checkpoint.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def _saved(path: Path, _: Path, content: Any) -> None:
    torch.save(content, path)


class _Code:
    """What a pickle could run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("run-by-a-checkpoint"),))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing, "missing"),
        (partial(_cut, share=0.6), "damaged"),
        (partial(_cut, share=0.0), "damaged"),
        (partial(_saved, content=_Code()), "damaged"),
        (partial(_saved, content=[1, 2]), "no weights"),
        (partial(_saved, content={}), "another architecture"),
        (partial(_saved, content={"image_encoder.pos_embed": torch.zeros(1)}), "another architecture"),
    ],
)
def test_a_useless_checkpoint_is_a_clear_state(checkpoint: Path, tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "broken.pth"
    make(path, checkpoint)
    with pytest.raises(Unavailable) as caught:
        segmenter_of(path).setup()
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert words in caught.value.message
    assert not Path("run-by-a-checkpoint").exists()


def test_a_device_that_is_not_there_is_a_clear_state(checkpoint: Path) -> None:
    segmenter = SamSegmenter(Engine.SAM_VIT_B, checkpoint, device="cuda:77", architecture=SMALL)
    with pytest.raises(Unavailable) as caught:
        segmenter.setup()
    assert "cuda:77" in caught.value.message


def test_the_stand_in_suppresses_as_a_plain_search_does() -> None:
    from inference_container.segmenters.torchvision_stand_in import batched_nms, box_area

    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 50, (40, 2))
    boxes = torch.tensor(np.hstack([corners, corners + generator.uniform(5, 30, (40, 2))]))
    scores, groups = torch.tensor(generator.uniform(0, 1, 40)), torch.tensor(generator.integers(0, 2, 40))
    kept: list[int] = []
    for index in np.argsort(-scores.numpy(), kind="stable"):
        if all(groups[index] != groups[other] or _iou(boxes[index], boxes[other]) <= 0.4 for other in kept):
            kept.append(int(index))
    assert batched_nms(boxes, scores, groups, 0.4).tolist() == kept
    assert box_area(boxes).tolist() == pytest.approx([float((b[2] - b[0]) * (b[3] - b[1])) for b in boxes])


def _iou(one: Any, other: Any) -> float:
    width = max(0.0, float(min(one[2], other[2]) - max(one[0], other[0])))
    height = max(0.0, float(min(one[3], other[3]) - max(one[1], other[1])))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def test_the_automatic_generator_imports_with_the_stand_in() -> None:
    ensure_torchvision()
    from segment_anything import SamAutomaticMaskGenerator

    assert SamAutomaticMaskGenerator is not None


@pytest.mark.slow
def test_a_real_vit_b_answers_as_the_predictor_does(tmp_path: Path) -> None:
    ensure_torchvision()
    from segment_anything import sam_model_registry

    path = tmp_path / "vit-b.pth"
    model = with_random_weights(sam_model_registry["vit_b"](), 2).eval()
    torch.save(model.state_dict(), path)
    segmenter = SamSegmenter(Engine.SAM_VIT_B, path, device="cpu")
    segmenter.setup()
    image, truth = blob(Size(height_px=300, width_px=200))
    prompt = click(truth)
    began = time.monotonic()
    embedding = segmenter.embed(Picture.whole(image))
    print(f"embed {time.monotonic() - began:.1f} s")
    [found] = segmenter.segment(embedding, [prompt])
    masks, scores = by_predictor(model, image, prompt)
    assert_same(found, masks, scores)
    assert chosen(found, MaskChoice.BEST).bitmap().shape == truth.shape
