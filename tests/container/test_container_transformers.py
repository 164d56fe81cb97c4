"""What SAM 2.1 and SAM-HQ promise alike behind the segmenter port, on small models with random weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="the engines on transformers need requirements/transformers.txt")

import torch
import transformers
from safetensors.torch import load_file, save_file

from inference_container.engines import engine_class
from inference_container.masks import encode_mask
from inference_container.segmenter import Patch, Picture
from inference_container.segmenters.framing import Framing
from inference_container.segmenters.sam2 import Sam2Segmenter, sam2_config
from inference_container.segmenters.sam_embedding import HEADER_BYTES
from inference_container.segmenters.sam_hq import SamHqSegmenter, sam_hq_config
from inference_container.segmenters.transformers_models import TransformersSegmenter, build_empty
from maskmill.core.engines import Engine
from maskmill.core.errors import Code, ModelFailure, Unavailable
from maskmill.core.geometry import Size
from maskmill.core.prompt import Prompt
from tests.container.pictures import blob
from tests.container.small_transformers import HQ, PROMPTS, SAM2, SIZES, iou, save, with_random_weights

ASKED = [Prompt.model_validate(prompt) for prompt in PROMPTS]


@dataclass(frozen=True, slots=True)
class Family:
    """One of the two, how to make a segmenter of it, and a checkpoint for that."""

    engine: Engine
    make: Callable[..., TransformersSegmenter]
    checkpoint: Path

    def ready(self, **options: Any) -> TransformersSegmenter:
        segmenter = self.make(self.engine, self.checkpoint, **{"device": "cpu", "precision": "fp32", **options})
        segmenter.setup()
        return segmenter


@pytest.fixture(scope="module", params=[Engine.SAM2_TINY, Engine.SAM_HQ_VIT_B])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    if request.param is Engine.SAM2_TINY:
        model = with_random_weights(build_empty(transformers.Sam2Model, sam2_config(SAM2)), 5)
        make = partial_with(Sam2Segmenter, architecture=SAM2)
    else:
        model = with_random_weights(build_empty(transformers.SamHQModel, sam_hq_config(HQ)), 1)
        make = partial_with(SamHqSegmenter, architecture=HQ)
    return Family(request.param, make, save(model, path))


def partial_with(kind: Any, **given: Any) -> Callable[..., TransformersSegmenter]:
    return lambda engine, checkpoint, **options: kind(engine, checkpoint, threads=1, **given, **options)


@pytest.fixture(scope="module")
def segmenter(family: Family) -> TransformersSegmenter:
    return family.ready()


def scores_of(found: Any) -> list[list[float]]:
    return [[candidate.score for candidate in candidates] for candidates in found]


def test_an_answer_does_not_depend_on_its_neighbours(segmenter: TransformersSegmenter) -> None:
    image, truth = blob(SIZES[0])
    embedding = segmenter.embed(Picture.whole(image))
    previous = encode_mask(Patch.whole(truth), 1.0).rle
    prompts = [*ASKED, Prompt(previous=previous), Prompt(points=ASKED[0].points, previous=previous)]
    together = segmenter.segment(embedding, prompts)
    alone = [segmenter.segment(embedding, [prompt])[0] for prompt in prompts]
    assert scores_of(together) == scores_of(alone)
    assert len({tuple(scores) for scores in scores_of(together)}) == len(prompts)
    for one, other in zip(together, alone, strict=True):
        assert all(np.array_equal(a.bitmap(), b.bitmap()) for a, b in zip(one, other, strict=True))


def test_two_images_never_mix(segmenter: TransformersSegmenter) -> None:
    first, second = blob(SIZES[0])[0], blob(SIZES[1], seed=3)[0]
    alone = segmenter.segment(segmenter.embed(Picture.whole(first)), ASKED[:1])
    kept, _ = segmenter.embed(Picture.whole(first)), segmenter.embed(Picture.whole(second))
    assert scores_of(segmenter.segment(kept, ASKED[:1])) == scores_of(alone)


def test_a_kept_embedding_answers_like_a_fresh_one(segmenter: TransformersSegmenter) -> None:
    image, _ = blob(SIZES[1])
    fresh = segmenter.embed(Picture.whole(image))
    data = segmenter.pack(fresh)
    kept = segmenter.unpack(data, SIZES[1])
    assert len(data) == HEADER_BYTES + sum(2 * level.numel() for level in fresh.levels)
    assert all(torch.equal(one, other) for one, other in zip(fresh.levels, kept.levels, strict=True))
    assert segmenter.pack(kept) == data
    assert scores_of(segmenter.segment(kept, ASKED)) == scores_of(segmenter.segment(fresh, ASKED))


@pytest.mark.parametrize("cut", [0, 1, -2])
def test_bytes_that_are_no_embedding_are_refused(segmenter: TransformersSegmenter, cut: int) -> None:
    data = segmenter.pack(segmenter.embed(Picture.whole(blob(SIZES[0])[0])))
    with pytest.raises(ModelFailure) as caught:
        segmenter.unpack(data[:cut], SIZES[0])
    assert caught.value.code is Code.MODEL_FAILED
    with pytest.raises(ModelFailure):
        segmenter.unpack(data, SIZES[1])


@pytest.mark.parametrize(
    ("engine", "make", "megabytes"),
    [(Engine.SAM2_LARGE, Sam2Segmenter, 8.4), (Engine.SAM_HQ_VIT_H, SamHqSegmenter, 6.3)],
)
def test_the_embeddings_of_the_real_models_are_small(engine: Engine, make: Any, megabytes: float) -> None:
    shapes = make(engine, Path("none"))._shapes
    assert sum(2 * int(np.prod(shape)) for shape in shapes) / 1e6 == pytest.approx(megabytes, abs=0.05)


def test_a_picture_at_the_working_size_is_seen_as_the_whole_one(
    family: Family, segmenter: TransformersSegmenter
) -> None:
    image, _ = blob(SIZES[1])
    inner = segmenter.working_size(SIZES[1])
    assert inner == Framing(side_px=128, low_px=32, fit=segmenter.fit).inner(SIZES[1])
    assert inner.height_px == 128
    assert inner.width_px == (128 if family.engine is Engine.SAM2_TINY else 64)
    seen = segmenter.embed(Picture.whole(image))
    reduced = segmenter.embed(
        Picture(Framing(side_px=128, low_px=32, fit=segmenter.fit).pixels(Picture.whole(image)), SIZES[1])
    )
    assert all(torch.equal(one, other) for one, other in zip(seen.levels, reduced.levels, strict=True))
    assert reduced.size == SIZES[1]


def test_drawing_waits_and_gives_the_size_of_the_image(segmenter: TransformersSegmenter) -> None:
    size = Size(height_px=700, width_px=301)
    [found] = segmenter.segment(segmenter.embed(Picture.whole(blob(size)[0])), ASKED[:1])
    assert len(found) == 3
    assert all(candidate.bitmap().shape == (700, 301) for candidate in found)
    assert all(candidate.stability is not None and 0 <= candidate.stability() <= 1 for candidate in found)


def test_prompts_of_one_kind_agree_when_they_are_answered_at_once(
    family: Family, segmenter: TransformersSegmenter
) -> None:
    batching = family.ready()
    batching._batches.at_once_max = 4  # as on a GPU
    embedding = batching.embed(Picture.whole(blob(SIZES[0])[0]))
    points = [Prompt.model_validate({"points": [{"x": x, "y": y}]}) for x, y in np.random.default_rng(0).random((7, 2))]
    prompts = [ASKED[3], *points, ASKED[4], ASKED[1], ASKED[3].model_copy(update={"box": ASKED[4].box})]
    together, alone = batching.segment(embedding, prompts), segmenter.segment(embedding, prompts)
    for one, other in zip(together, alone, strict=True):
        assert [a.score for a in one] == pytest.approx([b.score for b in other], abs=1e-4)
        assert all(iou(a.bitmap(), b.bitmap()) >= 0.999 for a, b in zip(one, other, strict=True))


def test_too_little_memory_shrinks_the_batch_and_says_so(
    family: Family, segmenter: TransformersSegmenter, caplog: pytest.LogCaptureFixture
) -> None:
    class Narrow(type(segmenter)):  # type: ignore[misc]
        """A GPU whose memory holds three prompts."""

        def _decode(self, levels: Any, sparse: Any, dense: Any) -> Any:
            if sparse.shape[1] > 3:
                raise torch.OutOfMemoryError("for tests")
            return super()._decode(levels, sparse, dense)

    narrow = Narrow(
        family.engine, family.checkpoint, device="cpu", architecture=SAM2 if "sam2" in family.engine else HQ
    )
    narrow.setup()
    narrow._batches.at_once_max = 64
    embedding = narrow.embed(Picture.whole(blob(SIZES[0])[0]))
    prompts = [Prompt.model_validate({"points": [{"x": x / 10, "y": 0.4}]}) for x in range(10)]
    assert len(narrow.segment(embedding, prompts)) == 10
    assert narrow.notes()["prompts_at_once"] == 2
    assert narrow.notes()["memory_shortages"] == 2
    assert [record.message for record in caplog.records if "memory" in record.message] == [
        "10 prompts do not fit the memory; from now on 5 at once",
        "5 prompts do not fit the memory; from now on 2 at once",
    ]


def test_bf16_differs_little(family: Family, segmenter: TransformersSegmenter) -> None:
    picture = Picture.whole(blob(SIZES[0])[0])
    half = family.ready(precision="bf16")
    assert [one.notes()["precision"] for one in (segmenter, half)] == ["float32", "bfloat16"]
    exact, rounded = segmenter.embed(picture), half.embed(picture)
    for one, other in zip(exact.levels, rounded.levels, strict=True):
        assert not torch.equal(one, other)
        cosine = torch.nn.functional.cosine_similarity(one.float().flatten(), other.float().flatten(), dim=0)
        assert float(cosine) > 0.999


def test_weights_in_half_precision_are_taken(family: Family, segmenter: TransformersSegmenter, tmp_path: Path) -> None:
    state = {name: tensor.bfloat16() for name, tensor in load_file(family.checkpoint).items()}
    save_file(state, tmp_path / "half.safetensors")
    half = replace(family, checkpoint=tmp_path / "half.safetensors").ready()
    picture = Picture.whole(blob(SIZES[0])[0])
    [expected], [found] = (one.segment(one.embed(picture), ASKED[:1]) for one in (segmenter, half))
    assert [a.score for a in found] == pytest.approx([b.score for b in expected], abs=0.05)


def test_a_missing_weight_is_a_clear_state(family: Family, tmp_path: Path) -> None:
    state = load_file(family.checkpoint)
    state.pop("mask_decoder.iou_token.weight")
    save_file(state, tmp_path / "less.safetensors")
    with pytest.raises(Unavailable) as caught:
        replace(family, checkpoint=tmp_path / "less.safetensors").ready()
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert "another architecture" in caught.value.message
    assert "iou_token" in caught.value.detail


def test_there_is_no_version_before_the_weights_are_read(family: Family) -> None:
    segmenter = family.make(family.engine, family.checkpoint)
    with pytest.raises(Unavailable):
        _ = segmenter.version
    segmenter.setup()
    assert segmenter.version.startswith(f"{family.engine}-")


def test_fp16_is_not_for_processors(family: Family) -> None:
    with pytest.raises(Unavailable) as caught:
        family.ready(precision="fp16")
    assert "PRECISION=fp16" in caught.value.message


@pytest.mark.parametrize("engine", [Engine.SAM2_TINY, Engine.SAM_HQ_VIT_B])
def test_without_transformers_the_list_that_installs_it_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("inference_container.segmenters.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("transformers.") or name == "transformers"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unavailable) as caught:
        engine_class(engine)
    assert caught.value.code is Code.MODEL_UNAVAILABLE
    assert "requirements/transformers.txt" in caught.value.message


def test_the_other_engines_do_without_transformers() -> None:
    words = "import inference_container.engines, inference_container.segmenters.sam, sys; print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
