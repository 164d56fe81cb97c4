"""The classic segmenter on synthetic pictures: its promises about points, boxes, bytes and sizes."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inference_container.masks import encode_mask
from inference_container.segmenter import Bitmap, Patch, Picture, chosen
from inference_container.segmenters.classic import ClassicSegmenter
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import Box, Point, Size, pixel_of
from maskmill.core.prompt import MaskChoice, Prompt
from tests.container.pictures import SIZE, blob, click, size_of

SEGMENTER = ClassicSegmenter()
SHARES = st.floats(0, 1)
POINTS = st.lists(st.builds(Point, x=SHARES, y=SHARES, positive=st.booleans()), min_size=1, max_size=6)


@pytest.fixture(scope="module", autouse=True)
def _set_up() -> None:
    SEGMENTER.setup()


def masks_of(image: np.ndarray, *prompts: Prompt) -> list[Bitmap]:
    found = SEGMENTER.segment(SEGMENTER.embed(Picture.whole(image)), prompts)
    return [chosen(candidates, MaskChoice.BEST).bitmap() for candidates in found]


def overlap(one: Bitmap, other: Bitmap) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("size", [SIZE, Size(height_px=300, width_px=420), Size(height_px=700, width_px=200)])
def test_a_click_finds_a_plain_object(size: Size) -> None:
    image, truth = blob(size)
    [mask] = masks_of(image, click(truth))
    assert overlap(mask, truth) > 0.95


def test_a_box_finds_a_plain_object() -> None:
    image, truth = blob()
    rows, columns = np.nonzero(truth)
    box = Box(
        left=columns.min() / 120 - 0.02,
        top=rows.min() / 90 - 0.02,
        right=columns.max() / 120 + 0.02,
        bottom=rows.max() / 90 + 0.02,
    )
    [mask] = masks_of(image, Prompt(box=box))
    assert overlap(mask, truth) > 0.95


def test_a_previous_mask_is_taken_up() -> None:
    image, truth = blob()
    rough = np.roll(truth, (3, 3), axis=(0, 1))
    [mask] = masks_of(image, Prompt(previous=encode_mask(Patch.whole(rough), 1.0).rle))
    assert overlap(mask, truth) > 0.95


def test_a_previous_mask_of_another_size_is_refused() -> None:
    image, truth = blob()
    with pytest.raises(ModelFailure) as caught:
        masks_of(image, Prompt(previous=encode_mask(Patch.whole(truth[1:]), 1.0).rle))
    assert caught.value.code is Code.INVALID_MASK


@given(points=POINTS, seed=st.integers(0, 3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_positive_points_are_inside_and_negative_ones_outside(points: list[Point], seed: int) -> None:
    assume(any(point.positive for point in points))
    image, _ = blob(Size(height_px=48, width_px=64), seed=seed)
    pixels = {pixel_of(point, size_of(image)): point.positive for point in points}
    assume(len(pixels) == len({pixel_of(point, size_of(image)) for point in points}) == len(points))
    for candidate in SEGMENTER.segment(SEGMENTER.embed(Picture.whole(image)), [Prompt(points=tuple(points))])[0]:
        mask = candidate.bitmap()
        assert all(mask[pixel] == positive for pixel, positive in pixels.items())
        assert 0.0 <= candidate.score <= 1.0


@given(height=st.integers(1, 30), width=st.integers(1, 30), value=st.integers(0, 255))
@settings(max_examples=25)
def test_no_size_and_no_flat_colour_is_too_odd(height: int, width: int, value: int) -> None:
    image = np.full((height, width, 3), value, np.uint8)
    for prompt in (Prompt(points=(Point(x=0.5, y=0.5),)), Prompt(box=Box(left=0.1, top=0.1, right=0.8, bottom=0.9))):
        [mask] = masks_of(image, prompt)
        assert mask.shape == (height, width)


def test_a_negative_point_takes_a_part_away() -> None:
    image, truth = blob(Size(height_px=150, width_px=240), centre=(0.5, 0.25))
    other, second = blob(Size(height_px=150, width_px=240), centre=(0.5, 0.75))
    image[second] = other[second]
    image[70:80, 40:200] = other[second].mean(axis=0).astype(np.uint8)  # a bridge: the two are one object
    [whole] = masks_of(image, click(truth))
    assert (whole & second).sum() > 0.8 * second.sum()
    away = click(second).points[0].model_copy(update={"positive": False})
    [part] = masks_of(image, Prompt(points=(*click(truth).points, away)))
    assert (part & second).sum() < 0.6 * second.sum()
    assert (part & truth).sum() > 0.8 * truth.sum()


def test_the_same_click_gives_the_same_bytes_whatever_came_before() -> None:
    image, truth = blob()
    other, other_truth = blob(seed=5, centre=(0.4, 0.6))
    [alone] = masks_of(image, click(truth))
    masks_of(other, click(other_truth))
    _, after = masks_of(image, click(other_truth), click(truth))
    assert encode_mask(Patch.whole(alone), 1.0) == encode_mask(Patch.whole(after), 1.0)


def test_there_are_three_candidates_from_small_to_large() -> None:
    image, truth = blob()
    [candidates] = SEGMENTER.segment(SEGMENTER.embed(Picture.whole(image)), [click(truth)])
    assert len(candidates) == 3
