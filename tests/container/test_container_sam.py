"""The SAM engines as a whole: against segment_anything's own predictor, and what they keep, refuse and tell."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
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
from inference_container.segmenters.architectures import ARCHITECTURES  # noqa: E402
from inference_container.segmenters.sam import SamSegmenter, chosen_runtime  # noqa: E402
from inference_container.segmenters.torchvision_stand_in import ensure_torchvision  # noqa: E402
from maskmill.core.engines import Engine  # noqa: E402
from maskmill.core.errors import Code, ModelFailure, Unavailable  # noqa: E402
from maskmill.core.geometry import Size  # noqa: E402
from maskmill.core.prompt import MaskChoice, Prompt  # noqa: E402
from tests.container.pictures import blob, click  # noqa: E402
from tests.container.small_sam import PROMPTS, SMALL, by_predictor, overlap, sam_of  # noqa: E402

SIZES = [Size(height_px=60, width_px=90), Size(height_px=301, width_px=150), Size(height_px=256, width_px=256)]
SIZE = SIZES[0]
HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
RUNTIMES = ["torch", pytest.param("openvino", marks=pytest.mark.skipif(not HAS_OPENVINO, reason="no OpenVINO"))]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(sam_of(SMALL).state_dict(), path)
    return path


def segmenter_of(path: Path, **options: Any) -> SamSegmenter:
    options = {"device": "cpu", "threads": 1, "runtime": "torch", "precision": "fp32", **options}
    return SamSegmenter(Engine.SAM_VIT_B, path, architecture=SMALL, **options)


def ready(path: Path, **options: Any) -> SamSegmenter:
    segmenter = segmenter_of(path, **options)
    segmenter.setup()
    return segmenter


@pytest.fixture(scope="module")
def segmenter(checkpoint: Path) -> SamSegmenter:
    return ready(checkpoint)


def all_prompts() -> list[Prompt]:
    return [Prompt.model_validate(prompt) for prompt in PROMPTS]


def answer_of(found: Any) -> list[tuple[float, bytes]]:
    """Scores and masks of the candidates of a prompt, to the last bit."""
    return [(candidate.score, candidate.bitmap().tobytes()) for candidate in found]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("number", range(len(SIZES)))
def test_masks_and_scores_are_those_of_the_predictor(checkpoint: Path, runtime: str, number: int) -> None:
    image, _ = blob(SIZES[number])
    segmenter, model = ready(checkpoint, runtime=runtime), sam_of(SMALL)
    answers = segmenter.segment(segmenter.embed(Picture.whole(image)), all_prompts())
    for prompt, found in zip(all_prompts(), answers, strict=True):
        masks, scores = by_predictor(model, image, prompt)
        assert 0 < masks.sum() < masks.size  # else the comparison would say nothing
        assert [candidate.score for candidate in found] == pytest.approx(scores.tolist(), abs=2e-3)
        for candidate, mask in zip(found, masks, strict=True):
            assert overlap(candidate.bitmap(), mask) >= 0.99


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_bf16_gives_the_masks_of_fp32(checkpoint: Path, segmenter: SamSegmenter, runtime: str) -> None:
    picture = Picture.whole(blob(SIZE)[0])
    rounded = ready(checkpoint, runtime=runtime, precision="bf16")
    assert rounded.notes()["precision"] == "bfloat16"
    exact, near = (one.segment(one.embed(picture), all_prompts()) for one in (segmenter, rounded))
    overlaps = [
        overlap(one.bitmap(), other.bitmap())
        for ones, others in zip(exact, near, strict=True)
        for one, other in zip(ones, others, strict=True)
    ]
    assert float(np.mean(overlaps)) >= 0.98  # noise for weights gives masks that are all outline


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_prompts_beside_a_prompt_do_not_change_its_answer_by_a_bit(checkpoint: Path, runtime: str) -> None:
    segmenter = ready(checkpoint, runtime=runtime)
    image, truth = blob(SIZE)
    embedding = segmenter.embed(Picture.whole(image))
    prompts = [*all_prompts(), Prompt(previous=encode_mask(Patch.whole(truth), 1.0).rle)]
    together = [answer_of(found) for found in segmenter.segment(embedding, prompts)]
    alone = [answer_of(segmenter.segment(embedding, [prompt])[0]) for prompt in prompts]
    assert together == alone
    assert len({answer[0] for answer in together}) == len(prompts)


def test_prompts_that_go_together_on_a_gpu_get_the_same_masks(checkpoint: Path, segmenter: SamSegmenter) -> None:
    batching = ready(checkpoint)
    batching._batches.at_once_max = 64
    embedding = segmenter.embed(Picture.whole(blob(SIZE)[0]))
    prompts = [Prompt.model_validate({"points": [{"x": x / 10, "y": 0.5}]}) for x in range(10)]
    for one, other in zip(segmenter.segment(embedding, prompts), batching.segment(embedding, prompts), strict=True):
        for candidate, twin in zip(one, other, strict=True):
            assert candidate.score == pytest.approx(twin.score, abs=1e-4)
            assert overlap(candidate.bitmap(), twin.bitmap()) >= 0.99


class Shortage:
    """A decoder on a GPU whose memory holds `most` prompts at once."""

    def __init__(self, decode: Any, most: int) -> None:
        self.decode, self.most, self.image_side = decode, most, decode.image_side
        self.batches: list[int] = []

    def __call__(self, side: Any, sparse: Any) -> Any:
        if len(sparse) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(sparse))
        return self.decode(side, sparse)


def test_a_batch_that_does_not_fit_the_memory_is_halved_and_said(
    checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segmenter = ready(checkpoint)
    embedding = segmenter.embed(Picture.whole(blob(SIZE)[0]))
    prompts = [Prompt.model_validate({"points": [{"x": x / 10, "y": 0.5}]}) for x in range(10)]
    expected = [answer_of(found) for found in segmenter.segment(embedding, prompts)]
    segmenter._decode, segmenter._batches.at_once_max = shortage = Shortage(segmenter._decode, 2), 64
    with caplog.at_level(logging.WARNING):
        answers = segmenter.segment(embedding, prompts)
    assert [round(found[0].score, 4) for found in answers] == [round(answer[0][0], 4) for answer in expected]
    assert shortage[0].batches == [2] * 5
    assert [record.getMessage()[:21] for record in caplog.records] == ["10 prompts do not fit", "5 prompts do not fit "]
    assert segmenter.notes()["memory_shortages"] == 2
    assert segmenter.notes()["prompts_at_once"] == 2
    shortage[0].most = 0
    with pytest.raises(ModelFailure):
        segmenter.segment(embedding, prompts[:1])


def test_an_embedding_that_was_kept_answers_as_a_fresh_one_does(segmenter: SamSegmenter) -> None:
    fresh = segmenter.embed(Picture.whole(blob(SIZE)[0]))
    data = segmenter.pack(fresh)
    assert len(data) == 128 + 2 * 64 * 16 * 16
    assert segmenter.pack(segmenter.unpack(data, SIZE)) == data
    for one, other in zip(
        segmenter.segment(fresh, all_prompts()),
        segmenter.segment(segmenter.unpack(data, SIZE), all_prompts()),
        strict=True,
    ):
        assert answer_of(one) == answer_of(other)


def test_an_embedding_of_something_else_is_refused(segmenter: SamSegmenter) -> None:
    data = segmenter.pack(segmenter.embed(Picture.whole(blob(SIZE)[0])))
    other_version = data.replace(segmenter.version.encode(), segmenter.version[::-1].encode())
    for broken in (data[:-2], b"", data[128:], other_version, data.replace(b"64x16x16", b"64x8x32 ")):
        with pytest.raises(ModelFailure) as caught:
            segmenter.unpack(broken, SIZE)
        assert caught.value.code is Code.MODEL_FAILED
    with pytest.raises(ModelFailure):
        segmenter.unpack(data, SIZES[1])


def test_a_picture_at_its_working_size_gives_the_same_embedding(segmenter: SamSegmenter) -> None:
    from PIL import Image

    image, _ = blob(Size(height_px=600, width_px=900))
    whole = Picture.whole(image)
    working = segmenter.working_size(whole.size)
    assert (working.height_px, working.width_px) == (171, 256)
    reduced = np.asarray(Image.fromarray(image).resize((256, 171), Image.Resampling.BILINEAR))
    assert np.array_equal(segmenter.embed(Picture(reduced, whole.size)).features, segmenter.embed(whole).features)


def test_two_images_never_mix(segmenter: SamSegmenter) -> None:
    first, truth = blob(SIZE)
    second, _ = blob(Size(height_px=90, width_px=40), seed=3)
    alone = segmenter.segment(segmenter.embed(Picture.whole(first)), [click(truth)])[0]
    kept, _ = segmenter.embed(Picture.whole(first)), segmenter.embed(Picture.whole(second))
    assert answer_of(alone) == answer_of(segmenter.segment(kept, [click(truth)])[0])


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


def test_a_previous_mask_is_the_predictors_mask_input(segmenter: SamSegmenter) -> None:
    from segment_anything import SamPredictor

    image, truth = blob(SIZE)
    rle = encode_mask(Patch.whole(truth), 1.0).rle
    predictor = SamPredictor(sam_of(SMALL))
    predictor.set_image(image)
    masks, scores, _ = predictor.predict(
        point_coords=np.array([[45, 30]]),
        point_labels=np.array([1]),
        mask_input=segmenter._framing.previous(rle, SIZE)[None],
    )
    prompt = Prompt.model_validate({"points": [{"x": 0.5, "y": 0.5}], "previous": rle})
    [found] = segmenter.segment(segmenter.embed(Picture.whole(image)), [prompt])
    assert [candidate.score for candidate in found] == pytest.approx(scores.tolist(), abs=2e-3)
    assert min(overlap(one.bitmap(), mask) for one, mask in zip(found, masks, strict=True)) >= 0.99


def test_a_previous_mask_of_another_size_is_refused(segmenter: SamSegmenter) -> None:
    rle = encode_mask(Patch.whole(np.ones((5, 5), np.bool_)), 1.0).rle
    with pytest.raises(ModelFailure):
        segmenter.segment(segmenter.embed(Picture.whole(blob(SIZE)[0])), [Prompt(previous=rle)])


def test_a_runtime_that_cannot_be_is_refused_with_what_to_do() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert chosen_runtime("auto", cpu, is_compiled=False) == ("openvino" if HAS_OPENVINO else "torch")
    assert chosen_runtime("auto", gpu, is_compiled=False) == "torch"
    assert chosen_runtime("auto", cpu, is_compiled=True) == "torch"
    for device, is_compiled in ((gpu, False), (cpu, True)):
        with pytest.raises(Unavailable) as caught:
            chosen_runtime("openvino", device, is_compiled=is_compiled)
        assert "RUNTIME" in caught.value.message


def test_openvino_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert chosen_runtime("auto", torch.device("cpu"), is_compiled=False) == "torch"
    with pytest.raises(Unavailable) as caught:
        chosen_runtime("openvino", torch.device("cpu"), is_compiled=False)
    assert "requirements/openvino.txt" in caught.value.message


def test_the_notes_say_how_the_segmenter_runs(checkpoint: Path) -> None:
    assert ready(checkpoint, runtime="torch", precision="bf16").notes() == {
        "runtime": "torch",
        "precision": "bfloat16",
        "device": "cpu",
        "prompts_at_once": 1,
        "memory_shortages": 0,
    }


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
    segmenter = segmenter_of(checkpoint, device="cuda:77")
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
    path = tmp_path / "vit-b.pth"
    model = sam_of(ARCHITECTURES[Engine.SAM_VIT_B], 2)
    torch.save(model.state_dict(), path)
    segmenter = SamSegmenter(Engine.SAM_VIT_B, path, device="cpu", threads=1)
    segmenter.setup()
    image, truth = blob(Size(height_px=300, width_px=200))
    [found] = segmenter.segment(segmenter.embed(Picture.whole(image)), [click(truth)])
    masks, scores = by_predictor(model, image, click(truth))
    assert [candidate.score for candidate in found] == pytest.approx(scores.tolist(), abs=1e-2)
    assert min(overlap(one.bitmap(), mask) for one, mask in zip(found, masks, strict=True)) >= 0.99
    assert chosen(found, MaskChoice.BEST).bitmap().shape == truth.shape
