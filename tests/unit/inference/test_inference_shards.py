"""Shards over fakes: what is computed, and that failures stay where they belong."""

import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_container.embeddings import Embeddings
from inference_container.segmenter import Candidate, Picture
from inference_container.segmenters.classic import ClassicSegmenter
from inference_container.shards import Bounds, Workshop
from inference_container.telemetry import Telemetry
from maskmill.core.automask import Automask
from maskmill.core.errors import Code
from maskmill.core.geometry import Size
from maskmill.core.prompt import MaskChoice, Prompt
from maskmill.core.shard import ImageAnswer, ImageTask, MaskAnswer, ShardAnswer, ShardRequest
from tests.container.pictures import SIZE, FakeSegmenter, FolderSource, blob, click, png, request, task, truth_of

PROMPT = Prompt.model_validate({"points": [{"x": 0.5, "y": 0.5}]})


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    folder = FolderSource(tmp_path)
    folder.put("s3://pictures/good.png", png(blob()[0]))
    return folder


def answered(
    shard: ShardRequest,
    source: FolderSource,
    *,
    segmenter: Any = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - it is frozen
    clock: Callable[[], float] = lambda: 0.0,
    deadline: float = 60.0,
) -> ShardAnswer:
    telemetry = Telemetry(time.monotonic)
    embeddings = Embeddings(source, telemetry, bytes_max=1000)
    workshop = Workshop(source, embeddings, telemetry, bounds=bounds, clock=clock)
    try:
        return workshop.answer(shard, segmenter or FakeSegmenter(), deadline=deadline)
    finally:
        workshop.close()


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
    class Slow(FakeSegmenter):
        now_s = 0.0

        def embed(self, picture: Picture) -> tuple[int, ...]:
            self.now_s += 0.6
            return super().embed(picture)

    segmenter = Slow()
    shard = request(*[task("good", SIZE)] * 4)
    answer = answered(shard, source, segmenter=segmenter, clock=lambda: segmenter.now_s, deadline=1.0)
    codes = [image.error and image.error.code for image in answer.images]
    assert codes[2:] == [Code.MODEL_TIMEOUT, Code.MODEL_TIMEOUT]
    assert len(segmenter.embedded) == 2


def test_the_next_best_candidates_follow_where_they_are_asked_for(source: FolderSource) -> None:
    def ask(**changes: Any) -> MaskAnswer:
        prompt = task("good", SIZE).prompts[0].model_copy(update=changes)
        shard = request(task("good", SIZE).model_copy(update={"prompts": (prompt,)}))
        [answer] = answered(shard, source).images[0].masks
        return answer

    def scores(**changes: Any) -> tuple[float, list[float]]:
        answer = ask(**changes)
        return answer.mask.score, [mask.score for mask in answer.others]

    assert scores() == (0.75, [])
    assert scores(top_k=2) == (0.75, [0.5])
    assert scores(top_k=3) == (0.75, [0.5, 0.25])
    assert scores(top_k=3, choice=MaskChoice.FIRST) == (0.25, [0.75, 0.5])
    for choice in MaskChoice:
        answer = ask(top_k=3, choice=choice)
        assert [scores(choice=name)[0] for name in answer.choices] == [
            mask.score for mask in (answer.mask, *answer.others)
        ]
    assert "choices" not in ask().model_dump()


def test_all_prompts_of_an_image_are_answered_in_one_call(source: FolderSource) -> None:
    class Counting(FakeSegmenter):
        calls: list[int] = []

        def segment(self, embedding: tuple[int, ...], prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
            self.calls.append(len(prompts))
            return super().segment(embedding, prompts)

    segmenter = Counting()
    answered(request(task("good", SIZE, *[PROMPT] * 16)), source, segmenter=segmenter)
    assert segmenter.calls == [16]


def test_an_image_of_which_nothing_is_asked_is_only_embedded(source: FolderSource) -> None:
    segmenter = FakeSegmenter(packs=True)
    asked = task("good", SIZE).model_copy(update={"prompts": (), "embedding": "s3://kept/good.bin"})
    [image] = answered(request(asked), source, segmenter=segmenter).images
    assert (image.error, image.masks) == (None, ())
    assert len(segmenter.embedded) == 1
    assert len(source.read("s3://kept/good.bin", bytes_max=100)) == 8


@pytest.mark.parametrize("kept", [b"", b"foreign", bytes(8), bytes(10_000)])
def test_a_kept_embedding_that_is_not_ours_is_made_again(source: FolderSource, kept: bytes) -> None:
    source.put("s3://kept/good.bin", kept)
    segmenter = FakeSegmenter(packs=True)
    asked = task("good", SIZE).model_copy(update={"embedding": "s3://kept/good.bin"})
    [image] = answered(request(asked), source, segmenter=segmenter).images
    assert image.error is None
    assert len(segmenter.embedded) == 1
    assert source.read("s3://kept/good.bin", bytes_max=100) == struct.pack(">II", SIZE.height_px, SIZE.width_px)


def test_a_kept_embedding_spares_the_picture(source: FolderSource) -> None:
    segmenter = FakeSegmenter(packs=True)
    asked = request(task("good", SIZE).model_copy(update={"embedding": "s3://kept/good.bin"}))
    first = answered(asked, source, segmenter=segmenter)
    source.reads.clear()
    assert answered(asked, source, segmenter=segmenter) == first
    assert source.reads == ["s3://kept/good.bin"]
    assert len(segmenter.embedded) == 1


def test_a_store_that_takes_nothing_costs_no_image(source: FolderSource) -> None:
    source.is_writable = False
    asked = task("good", SIZE).model_copy(update={"embedding": "s3://kept/good.bin"})
    assert answered(request(asked), source, segmenter=FakeSegmenter(packs=True)).images[0].error is None


def test_an_image_is_answered_alike_whatever_it_is_answered_with(source: FolderSource) -> None:
    """With the engine that has no weights; those with weights are compared in the tests of each."""
    small = Size(height_px=45, width_px=60)
    images = {name: blob(small, seed=seed, centre=(0.3 + 0.1 * seed, 0.5)) for seed, name in enumerate("abc")}
    for name, (image, _) in images.items():
        source.put(f"s3://pictures/{name}.png", png(image))
    asked = [task(name, small, click(truth), PROMPT) for name, (_, truth) in images.items()]
    engine = ClassicSegmenter()

    def answers(*tasks: ImageTask) -> dict[str, ImageAnswer]:
        shard = request(*tasks, segmenter=engine.version)
        return {image.image_key: image for image in answered(shard, source, segmenter=engine).images}

    alone = {name: answers(one)[name] for name, one in zip(images, asked, strict=True)}
    assert answers(*asked) == alone
    assert answers(task("gone", SIZE), *reversed(asked)) | alone == answers(*asked, task("gone", SIZE))


@pytest.mark.parametrize("layers", [0, 1])
def test_everything_in_an_image_is_found_beside_its_prompts(source: FolderSource, layers: int) -> None:
    search = Automask(points_per_side=2, score_min=0.0, stability_min=0.0, crop_layers=layers)
    asked = task("good", SIZE, PROMPT).model_copy(update={"everything": search})
    [answer] = answered(request(asked), source).images
    assert answer.error is None
    assert [mask.mask_key for mask in answer.masks] == ["good/0"]
    left_half = np.zeros((90, 120), np.bool_)
    left_half[:, :60] = True
    assert any(np.array_equal(truth_of(found.mask.rle), left_half) for found in answer.found)


def test_a_search_for_everything_uses_a_kept_embedding(source: FolderSource) -> None:
    segmenter = FakeSegmenter(packs=True)
    asked = task("good", SIZE).model_copy(
        update={"embedding": "s3://kept/good.bin", "everything": Automask(points_per_side=1), "prompts": ()}
    )
    for _ in range(2):
        assert answered(request(asked), source, segmenter=segmenter).images[0].error is None
    assert len(segmenter.embedded) == 1


def test_a_picture_comes_at_the_size_at_which_the_engine_looks(source: FolderSource) -> None:
    class Small(FakeSegmenter):
        def working_size(self, size: Size) -> Size:
            return Size(height_px=size.height_px // 2, width_px=size.width_px // 2)

    segmenter = Small()
    closer = task("good", SIZE).model_copy(update={"everything": Automask(points_per_side=1, crop_layers=1)})
    answered(request(task("good", SIZE)), source, segmenter=segmenter)
    assert segmenter.embedded == [(45, 60, 3)]
    answered(request(closer), source, segmenter=segmenter)
    assert segmenter.embedded[1] == (90, 120, 3)


@dataclass
class Crowd:
    """An ImageSource that counts how many of its pictures are read or looked at, and not yet answered."""

    source: FolderSource
    segmenter: FakeSegmenter
    inside: int = 0
    most: int = 0

    def read(self, address: str, *, bytes_max: int) -> bytes:
        self.inside = len(self.source.reads) + 1 - len(self.segmenter.embedded)
        self.most = max(self.most, self.inside)
        return self.source.read(address, bytes_max=bytes_max)


@pytest.mark.parametrize(("pictures", "most"), [(1, 1), (3, 3), (100, 6)])
def test_only_a_few_pictures_are_held_at_once(source: FolderSource, pictures: int, most: int) -> None:
    class Late(FakeSegmenter):
        def embed(self, picture: Picture) -> tuple[int, ...]:
            time.sleep(0.01)  # reading is faster
            return super().embed(picture)

    segmenter = Late()
    crowd = Crowd(source, segmenter)
    telemetry = Telemetry(time.monotonic)
    bounds = Bounds(readers=2, pictures_bytes_max=pictures * SIZE.pixels * 4)
    embeddings = Embeddings(source, telemetry, bytes_max=0)
    workshop = Workshop(crowd, embeddings, telemetry, bounds=bounds, clock=time.monotonic)  # type: ignore[arg-type]
    shard = request(*[task("good", SIZE)] * 25)
    answer = workshop.answer(shard, segmenter, deadline=time.monotonic() + 30)
    workshop.close()
    assert all(image.error is None for image in answer.images)
    assert crowd.most <= most + 1  # one that is answered leaves before it is counted
    assert most < 6 or crowd.most >= 3  # where there is room, the next ones are read ahead


def test_an_answer_says_for_how_long_it_was_worked_on(source: FolderSource) -> None:
    readings = iter(range(1000))
    answer = answered(request(task("good", SIZE)), source, clock=lambda: next(readings) / 4, deadline=1e6)
    assert answer.worked_ms is not None
    assert answer.worked_ms >= 250
    assert answer.worked_ms % 250 == 0


def test_an_answer_of_a_server_that_measures_nothing_is_read() -> None:
    assert ShardAnswer.model_validate_json('{"segmenter":"classic-1","images":[]}').worked_ms is None
