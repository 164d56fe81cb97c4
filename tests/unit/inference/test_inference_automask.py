"""The search for everything, over a segmenter that knows where the things are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest

from inference_container.automask import (
    Found,
    crops_of,
    find_everything,
    suppressed,
    within_memory,
    without_small_regions,
)
from inference_container.masks import decode_rle
from inference_container.segmenter import Bitmap, Candidate, Patch, Picture
from maskmill.core.automask import Automask, FoundMask, masks_at
from maskmill.core.errors import Code, ModelFailure
from maskmill.core.geometry import PixelBox, Point, Size, pixel_of
from maskmill.core.limits import AUTOMASK_FOUND_MAX
from maskmill.core.mask import Mask, Rle
from maskmill.core.prompt import Prompt

SIZE = Size(height_px=160, width_px=200)
SMALL, MIDDLE, LARGE = (20, 30, 30, 40), (60, 20, 120, 80), (10, 100, 150, 190)


def nothing() -> None:
    """A check that never ends the search."""


@dataclass
class Seer:
    """Reads its answers off the picture: a click on a thing of a colour is answered with all pixels of that colour.

    The score is the red of the colour, the stability is the green, both in hundredths; the background is black.
    """

    has_stability: bool = True
    embedded: list[tuple[int, ...]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    drawn: int = 0
    version = "seer-1"

    def embed(self, picture: Picture) -> Picture:
        self.embedded.append(picture.pixels.shape)
        return picture

    def segment(self, embedding: Picture, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        self.asked.append(len(prompts))
        return [self._answer(embedding, prompt.points[0]) for prompt in prompts]

    def _answer(self, picture: Picture, click: Point) -> tuple[Candidate, ...]:
        colour = picture.pixels[pixel_of(click, picture.size)]
        mask = (picture.pixels == colour).all(axis=2) & bool(colour.any())
        stability = partial(float, colour[1] / 100) if self.has_stability else None
        empty = np.zeros((0, 0), np.bool_)
        return (
            Candidate(float(colour[0]) / 100, partial(self._draw, mask), stability),
            Candidate(0.99, partial(Patch, empty, picture.size), None),
        )

    def _draw(self, mask: Bitmap) -> Patch:
        self.drawn += 1
        return Patch.whole(mask)


def picture(*things: tuple[tuple[int, int, int, int], tuple[int, int, int]], size: Size = SIZE) -> Picture:
    """Rectangles (top, left, bottom, right) in their colours on black."""
    pixels = np.zeros((size.height_px, size.width_px, 3), np.uint8)
    for (top, left, bottom, right), colour in things:
        pixels[top:bottom, left:right] = colour
    return Picture.whole(pixels)


def boxes(found: Sequence[FoundMask]) -> list[tuple[int, int, int, int]]:
    """The rectangles (top, left, bottom, right) around what was found."""

    def box(bitmap: Bitmap) -> tuple[int, int, int, int]:
        rows, columns = np.nonzero(bitmap)
        return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1

    return [box(decode_rle(one.mask.rle, one.mask.rle.size)) for one in found]


THREE = picture((SMALL, (90, 99, 1)), (MIDDLE, (95, 97, 2)), (LARGE, (92, 96, 3)))


def test_everything_is_found_once_and_the_best_comes_first() -> None:
    found = find_everything(Seer(), THREE, Automask(points_per_side=16), nothing)
    assert boxes(found) == [MIDDLE, LARGE, SMALL]
    assert [one.mask.score for one in found] == [0.95, 0.92, 0.9]
    assert [one.stability for one in found] == [0.97, 0.96, 0.99]


def test_each_mask_tells_the_click_that_found_it() -> None:
    found = find_everything(Seer(), THREE, Automask(points_per_side=16), nothing)
    for one in found:
        assert masks_at(found, one.point)[0] == one


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Automask(points_per_side=16, score_min=0.91), [MIDDLE, LARGE]),
        (Automask(points_per_side=16, score_min=0.92), [MIDDLE]),
        (Automask(points_per_side=16, stability_min=0.97), [MIDDLE, SMALL]),
        (Automask(points_per_side=16, score_min=0.93, stability_min=0.98), []),
        (Automask(points_per_side=1), [LARGE]),
        (Automask(points_per_side=16, area_min=0.01), [MIDDLE, LARGE]),
    ],
)
def test_what_was_asked_for_decides_what_is_kept(request_: Automask, expected: list[object]) -> None:
    seen = THREE if request_.points_per_side > 1 else picture((LARGE, (92, 96, 3)))
    assert boxes(find_everything(Seer(), seen, request_, nothing)) == expected


def test_an_engine_without_stability_is_believed() -> None:
    found = find_everything(Seer(has_stability=False), THREE, Automask(points_per_side=16, stability_min=1.0), nothing)
    assert [one.stability for one in found] == [1.0, 1.0, 1.0]


def test_masks_that_are_not_sure_or_stable_are_never_drawn() -> None:
    seer = Seer()
    assert find_everything(seer, THREE, Automask(points_per_side=8, score_min=0.96), nothing) == ()
    assert find_everything(seer, THREE, Automask(points_per_side=8, stability_min=1.0), nothing) == ()
    assert seer.drawn == 0


def test_clicks_are_asked_in_bounded_batches() -> None:
    seer = Seer()
    find_everything(seer, THREE, Automask(points_per_side=10), nothing)
    assert sum(seer.asked) == 100
    assert max(seer.asked) == 64


def test_a_known_embedding_is_not_made_again() -> None:
    seer = Seer()
    find_everything(seer, THREE, Automask(points_per_side=4), nothing, embedding=THREE)
    assert seer.embedded == []
    find_everything(seer, THREE, Automask(points_per_side=4, crop_layers=1), nothing, embedding=THREE)
    assert len(seer.embedded) == 4


def test_a_closer_look_finds_what_the_first_missed() -> None:
    tiny = (33, 41, 38, 46)  # between the clicks of the first look
    seen = picture((tiny, (90, 99, 1)), (LARGE, (92, 96, 3)))
    assert boxes(find_everything(Seer(), seen, Automask(points_per_side=4), nothing)) == [LARGE]
    closer = find_everything(Seer(), seen, Automask(points_per_side=16, crop_layers=1), nothing)
    assert boxes(closer) == [LARGE, tiny]
    assert closer[1].mask.rle.size == SIZE


def test_what_the_edge_of_a_crop_cuts_off_is_left_to_the_whole_picture() -> None:
    everything = (0, 0, 160, 200)
    seen = picture((everything, (92, 96, 3)))
    found = find_everything(Seer(), seen, Automask(points_per_side=4, crop_layers=2), nothing)
    assert boxes(found) == [everything]


def test_of_two_looks_at_one_thing_the_closer_one_is_kept() -> None:
    seen = picture((SMALL, (90, 99, 1)))
    found = find_everything(Seer(), seen, Automask(points_per_side=16, crop_layers=1), nothing)
    assert boxes(found) == [SMALL]
    assert found[0].point != find_everything(Seer(), seen, Automask(points_per_side=16), nothing)[0].point


def test_a_closer_look_needs_the_picture_at_its_full_size() -> None:
    reduced = Picture(THREE.pixels, Size(height_px=1600, width_px=2000))
    with pytest.raises(ValueError, match="full size"):
        find_everything(Seer(), reduced, Automask(crop_layers=1), nothing)


def test_the_caller_may_end_the_search() -> None:
    seer = Seer()

    def out_of_time() -> None:
        if seer.asked:
            raise ModelFailure(Code.MODEL_TIMEOUT)

    with pytest.raises(ModelFailure):
        find_everything(seer, THREE, Automask(), out_of_time)
    assert len(seer.asked) == 1


def test_no_more_than_the_limit_is_found() -> None:
    cells = np.arange(625).reshape(25, 25)
    colours = np.stack([90 + cells % 10, 100 + 0 * cells, cells // 10], axis=2).astype(np.uint8)
    seen = Picture.whole(np.kron(colours, np.ones((4, 4, 1), np.uint8)))
    found = find_everything(Seer(), seen, Automask(points_per_side=25), nothing)
    assert len(found) == AUTOMASK_FOUND_MAX
    assert min(one.mask.score for one in found) > 0.9


def test_an_outline_that_is_too_long_is_left_out() -> None:
    chessboard = (np.indices((3000, 2000)).sum(axis=0) % 2).astype(np.uint8)
    pixels = np.stack([chessboard * 95, chessboard * 99, chessboard], axis=2)
    pixels[1200:1800, 600:1400] = (93, 98, 7)
    found = find_everything(Seer(), Picture.whole(pixels), Automask(points_per_side=3), nothing)
    assert boxes(found) == [(1200, 600, 1800, 1400)]


def test_of_more_run_lengths_than_can_be_kept_the_best_masks_stay() -> None:
    text = "1" * 4_000_000  # one text that all share
    found = [
        Found(
            mask=Mask(rle=Rle(size=SIZE, counts=text), score=0.5),
            score=score,
            stability=1.0,
            point=Point(x=0.5, y=0.5),
            box=(0, 0, 1, 1),
            crop=PixelBox(0, 0, 160, 200),
        )
        for score in np.random.default_rng(0).permutation(40) / 40
    ]
    assert within_memory(found[:16]) == found[:16]
    assert [one.score for one in within_memory(found)] == [(39 - place) / 40 for place in range(10)]


def test_small_holes_are_filled_and_small_islands_go() -> None:
    mask = np.zeros((40, 50), np.bool_)
    mask[5:25, 5:25] = True
    mask[10:12, 10:12] = False
    mask[15:21, 15:21] = False
    mask[30:32, 40:43] = True
    clean = without_small_regions(mask, 10)
    assert clean[10:12, 10:12].all()
    assert not clean[15:21, 15:21].any()
    assert not clean[30:32, 40:43].any()
    assert np.array_equal(without_small_regions(mask, 4), mask)


def test_the_largest_of_small_islands_stays() -> None:
    mask = np.zeros((40, 50), np.bool_)
    mask[5:7, 5:7] = mask[20:23, 20:23] = True
    clean = without_small_regions(mask, 100)
    assert clean[20:23, 20:23].all()
    assert int(clean.sum()) == 9


def test_a_tidy_mask_is_what_tidying_the_whole_picture_gives() -> None:
    rng = np.random.default_rng(0)
    for trial in range(40):
        height, width = rng.integers(20, 90, 2)
        mask = np.zeros((height, width), np.bool_)
        for _ in range(rng.integers(1, 6)):
            top, left = rng.integers(0, height), rng.integers(0, width)
            mask[top : top + rng.integers(1, 40), left : left + rng.integers(1, 40)] ^= True
        if not mask.any():
            continue
        share = float(rng.uniform(0.001, 0.2))
        pixels = np.where(mask[..., None], np.array([95, 99, 1], np.uint8), np.uint8(0))
        request = Automask(points_per_side=12, area_min=share, score_min=0.0)
        found = find_everything(Seer(), Picture.whole(pixels), request, nothing)
        clean = without_small_regions(mask, share * mask.size)
        if clean.sum() < share * mask.size:
            assert found == ()
        elif found:
            [one] = found
            assert np.array_equal(decode_rle(one.mask.rle, one.mask.rle.size), clean), trial


def test_the_higher_rank_survives_and_among_equals_the_first() -> None:
    near = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [1, 0, 11, 10]], np.float64)
    assert suppressed(near, np.array([0.5, 0.9, 0.1, 0.9]), 0.7) == [1, 2]
    assert suppressed(near, np.array([0.9, 0.5, 0.1, 0.5]), 0.7) == [0, 2]
    assert suppressed(near, np.array([0.9, 0.5, 0.1, 0.5]), 1.0) == [0, 1, 3, 2]
    assert suppressed(np.zeros((0, 4)), np.zeros(0), 0.7) == []


def test_crops_cover_the_picture_and_overlap() -> None:
    crops = list(crops_of(SIZE, 2))
    assert len(crops) == 1 + 4 + 16
    covered = np.zeros((SIZE.height_px, SIZE.width_px), int)
    for crop in crops[5:]:
        covered[crop.top : crop.bottom, crop.left : crop.right] += 1
    assert covered.min() == 1
    assert covered.max() >= 4
