"""Shards over fakes: what is computed, and that failures stay where they belong."""

from pathlib import Path

import numpy as np
import pytest

from inference_container.images import decode_png
from inference_container.shards import answer_shard
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.prompt import MaskChoice, Prompt
from maskmill.core.shard import ShardAnswer, ShardRequest
from tests.container.pictures import SIZE, FakeSegmenter, FolderSource, blob, png, request, task, truth_of

PROMPT = Prompt.model_validate({"points": [{"x": 0.5, "y": 0.5}]})


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    folder = FolderSource(tmp_path)
    folder.put("s3://pictures/good.png", png(blob()[0]))
    return folder


def answered(shard: ShardRequest, source: FolderSource, *, segmenter: FakeSegmenter | None = None) -> ShardAnswer:
    return answer_shard(shard, segmenter or FakeSegmenter(), source, clock=lambda: 0.0, deadline=1.0)


def test_an_image_is_embedded_once_for_all_its_prompts(source: FolderSource) -> None:
    segmenter = FakeSegmenter()
    answer = answered(request(task("good", SIZE, PROMPT, PROMPT, PROMPT)), source, segmenter=segmenter)
    assert segmenter.embedded == [(SIZE.height_px, SIZE.width_px, 3)]
    assert [mask.mask_key for mask in answer.images[0].masks] == ["good/0", "good/1", "good/2"]


def test_the_choice_of_a_candidate_is_respected(source: FolderSource) -> None:
    scores = {}
    for choice in MaskChoice:
        prompts = task("good", SIZE).prompts[0].model_copy(update={"choice": choice})
        shard = request(task("good", SIZE).model_copy(update={"prompts": (prompts,)}))
        scores[choice] = answered(shard, source).images[0].masks[0].mask.score
    assert scores == {"best": 0.75, "0": 0.25, "1": 0.75, "2": 0.5}


def test_a_mask_has_the_size_of_its_image(source: FolderSource) -> None:
    mask = answered(request(task("good", SIZE)), source).images[0].masks[0].mask
    expected = np.zeros((90, 120), np.bool_)
    expected[:, :60] = True
    assert np.array_equal(truth_of(mask.rle), expected)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("missing", None, Code.NOT_FOUND),
        ("text", b"not a picture", Code.CORRUPT_IMAGE),
        ("cut", png(blob()[0])[:2000], Code.CORRUPT_IMAGE),
        ("other-size", png(blob(Size(height_px=91, width_px=120))[0]), Code.CORRUPT_IMAGE),
        ("odd-mode", png(blob()[0], "P"), Code.CORRUPT_IMAGE),
        ("odd-pixel", png(np.full((90, 120, 3), 13, np.uint8)), Code.MODEL_FAILED),
    ],
)
def test_a_bad_image_fails_alone(source: FolderSource, name: str, data: bytes | None, code: Code) -> None:
    if data is not None:
        source.put(f"s3://pictures/{name}.png", data)
    answer = answered(request(task("good", SIZE), task(name, SIZE), task("good", SIZE)), source)
    assert [image.error is None for image in answer.images] == [True, False, True]
    refusal = answer.images[1].error
    assert refusal is not None
    assert refusal.code == code
    assert "secret" not in refusal.message


def test_too_many_pixels_are_refused_before_they_are_read(source: FolderSource) -> None:
    answer = answered(request(task("good", Size(height_px=10_000, width_px=10_000))), source)
    assert answer.images[0].error is not None
    assert answer.images[0].error.code == Code.TOO_MANY_PIXELS


def test_images_beyond_the_deadline_are_answered_as_timed_out(source: FolderSource) -> None:
    readings = iter([0.0, 0.0, 2.0, 2.0])
    shard = request(task("good", SIZE), task("good", SIZE))
    answer = answer_shard(shard, FakeSegmenter(), source, clock=lambda: next(readings), deadline=1.0)
    assert answer.images[0].error is None
    assert answer.images[1].error is not None
    assert answer.images[1].error.code == Code.MODEL_TIMEOUT


def test_alpha_is_dropped_and_grey_is_spread() -> None:
    colour, _ = blob()
    alpha = np.dstack([colour, np.zeros(colour.shape[:2], np.uint8)])
    assert np.array_equal(decode_png(png(alpha), SIZE), colour)
    grey = colour[..., 0]
    assert np.array_equal(decode_png(png(grey), SIZE), np.dstack([grey] * 3))


def test_a_bomb_is_refused_by_its_header() -> None:
    data = png(np.zeros((2000, 2000), np.uint8))
    with pytest.raises(InvalidInput):
        decode_png(data, SIZE)
