"""The small SAM of the tests finds what is clicked: masks that mean something, by every kind of prompt."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap, Patch, Picture
from inference_container.segmenters.sam import SamSegmenter
from maskmill.core.engines import Engine
from maskmill.core.geometry import Box
from maskmill.core.prompt import Prompt
from tests.sam_test.judge import AREA_MIN, WEIGHTS, answer, clicked, iou, judge
from tests.sam_test.scenes import Scene, draw_scene

BYTES_MAX = 8_000_000
NO_POINTS = Prompt.model_construct(points=())


@pytest.fixture(scope="module")
def segmenter() -> SamSegmenter:
    ready = SamSegmenter(Engine.SAM_TEST, WEIGHTS, device="cpu", threads=1)
    ready.setup()
    return ready


def large_objects(scene: Scene) -> list[Bitmap]:
    return [truth for truth in scene.objects if truth.mean() >= 2 * AREA_MIN]


def test_the_weights_are_small_enough_to_live_in_the_repository() -> None:
    assert WEIGHTS.stat().st_size <= BYTES_MAX


def test_one_click_finds_an_object_and_a_second_does_not_lose_it(segmenter: SamSegmenter) -> None:
    verdict = judge(segmenter, range(100))
    assert verdict.objects > 200
    assert verdict.one_click >= 0.85
    assert verdict.two_clicks >= 0.90
    assert verdict.two_clicks > verdict.one_click


@pytest.mark.parametrize(("height", "width"), [(1200, 1600), (900, 300), (97, 211), (256, 256)])
def test_a_click_lands_where_it_is_whatever_the_shape_of_the_image(
    segmenter: SamSegmenter, height: int, width: int
) -> None:
    found: list[float] = []
    for seed in range(600, 616):
        scene = draw_scene(seed, height=height, width=width)
        embedding = segmenter.embed(Picture.whole(scene.pixels))
        for truth in scene.objects:
            prompt = clicked(NO_POINTS, truth, positive=True)
            found += [iou(answer(segmenter, embedding, prompt), truth)] if truth.mean() >= AREA_MIN else []
        if len(found) >= 12:
            break
    assert len(found) >= 12
    assert float(np.mean(found)) >= 0.8


def test_a_box_around_an_object_finds_it(segmenter: SamSegmenter) -> None:
    found = [iou(answer(segmenter, embedding, _boxed(truth)), truth) for embedding, truth in _some(segmenter, 700)]
    assert float(np.mean(found)) >= 0.85


def test_a_previous_mask_beside_a_click_is_heeded(segmenter: SamSegmenter) -> None:
    """The mask of the whole object, given with a click near its edge, keeps the answer on that object."""
    found = []
    for embedding, truth in _some(segmenter, 800):
        prompt = clicked(NO_POINTS, truth, positive=True)
        previous = encode_mask(Patch.whole(truth), 1.0).rle
        found.append(iou(answer(segmenter, embedding, prompt.model_copy(update={"previous": previous})), truth))
    assert float(np.mean(found)) >= 0.85


def test_a_negative_click_takes_its_neighbour_away(segmenter: SamSegmenter) -> None:
    """A box that holds two objects, a click on one, a negative click on the other."""
    kept = []
    for seed in range(900, 960):
        scene = draw_scene(seed)
        objects = large_objects(scene)
        if len(objects) < 2:
            continue
        embedding = segmenter.embed(Picture.whole(scene.pixels))
        wanted, other = objects[0], objects[1]
        prompt = clicked(clicked(NO_POINTS, wanted, positive=True), other, positive=False)
        mask = answer(segmenter, embedding, prompt)
        kept.append((iou(mask, wanted), float((mask & other).sum() / other.sum())))
    assert len(kept) >= 10
    assert float(np.mean([found for found, _ in kept])) >= 0.85
    assert float(np.mean([spilt for _, spilt in kept])) <= 0.05


def test_the_score_says_how_good_a_mask_is(segmenter: SamSegmenter) -> None:
    scores, truths = [], []
    for embedding, truth in _some(segmenter, 1000):
        [candidates] = segmenter.segment(embedding, [clicked(NO_POINTS, truth, positive=True)])
        for candidate in candidates:
            scores.append(candidate.score)
            truths.append(iou(candidate.bitmap(), truth))
    assert float(np.corrcoef(scores, truths)[0, 1]) >= 0.6


def _some(segmenter: SamSegmenter, first: int) -> list[tuple[Any, Bitmap]]:
    """Objects of a few scenes, each with the embedding of its picture."""
    some = []
    for seed in range(first, first + 12):
        scene = draw_scene(seed, height=300, width=400)
        embedding = segmenter.embed(Picture.whole(scene.pixels))
        some += [(embedding, truth) for truth in large_objects(scene)]
    return some


def _boxed(truth: Bitmap) -> Prompt:
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    height, width = truth.shape
    return Prompt(
        box=Box(
            left=float(columns[0] / width),
            top=float(rows[0] / height),
            right=float((columns[-1] + 1) / width),
            bottom=float((rows[-1] + 1) / height),
        )
    )
