"""The search for everything against segment_anything's own, with the small SAM of the tests on drawn scenes."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the SAM engines are not installed")
if importlib.util.find_spec("segment_anything") is None:
    pytest.skip("the SAM engines are not installed", allow_module_level=True)

from inference_container.automask import crops_of, find_everything, suppressed, without_small_regions  # noqa: E402
from inference_container.masks import decode_rle  # noqa: E402
from inference_container.segmenter import Bitmap, Candidate, Picture  # noqa: E402
from inference_container.segmenters.architectures import ARCHITECTURES, build_sam  # noqa: E402
from inference_container.segmenters.checkpoint import fill, open_weights  # noqa: E402
from inference_container.segmenters.classic import ClassicSegmenter  # noqa: E402
from inference_container.segmenters.framing import Framing  # noqa: E402
from inference_container.segmenters.sam import SamSegmenter  # noqa: E402
from inference_container.segmenters.torchvision_stand_in import batched_nms, ensure_torchvision  # noqa: E402
from maskmill.core.automask import Automask, FoundMask  # noqa: E402
from maskmill.core.engines import Engine  # noqa: E402
from maskmill.core.geometry import Size, pixel_of  # noqa: E402
from maskmill.core.prompt import Prompt  # noqa: E402
from tests.container.pictures import blob  # noqa: E402
from tests.sam_test.judge import AREA_MIN, WEIGHTS  # noqa: E402
from tests.sam_test.scenes import draw_scene  # noqa: E402

LOW = {"score_min": 0.7, "stability_min": 0.6, "points_per_side": 16}  # a small model is less sure of itself
needs_weights = pytest.mark.skipif(not WEIGHTS.exists(), reason="the small SAM is not trained yet")


def nothing() -> None:
    """A check that never ends the search."""


@pytest.fixture(scope="module")
def segmenter() -> SamSegmenter:
    ready = SamSegmenter(Engine.SAM_TEST, WEIGHTS, device="cpu", threads=1, runtime="torch", precision="fp32")
    ready.setup()
    return ready


@pytest.fixture(scope="module")
def model() -> Any:
    torch.set_num_threads(1)
    sam = build_sam(ARCHITECTURES[Engine.SAM_TEST])
    fill(sam, open_weights(Engine.SAM_TEST, WEIGHTS))
    return sam.float().eval()


class Predictor:
    """The port over segment_anything's own predictor, so that both searches hear the same answers, to the last bit."""

    version = "predictor-1"

    def __init__(self, model: Any) -> None:
        ensure_torchvision()
        from segment_anything import SamPredictor

        self._predictor = SamPredictor(model)
        self._framing = Framing(side_px=256, low_px=64)

    def embed(self, picture: Picture) -> Size:
        self._predictor.set_image(picture.pixels)
        return picture.size

    def segment(self, size: Size, prompts: Sequence[Prompt]) -> list[tuple[Candidate, ...]]:
        clicks = [pixel_of(prompt.points[0], size) for prompt in prompts]
        points = self._framing.coordinates([[click.column, click.row] for click in clicks], size)
        _, scores, logits = self._predictor.predict_torch(torch.tensor(points)[:, None], torch.ones(len(clicks), 1))
        return [
            tuple(
                Candidate(score, partial(self._framing.draw, low, size), partial(self._framing.stability, low, size))
                for score, low in zip(row, lows, strict=True)
            )
            for row, lows in zip(scores.tolist(), logits.numpy(), strict=True)
        ]


def masks_of(found: tuple[FoundMask, ...]) -> list[Bitmap]:
    return [decode_rle(one.mask.rle, one.mask.rle.size) for one in found]


def iou(one: Bitmap, other: Bitmap) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def best(wanted: Bitmap, masks: list[Bitmap]) -> float:
    return max((iou(wanted, mask) for mask in masks), default=0.0)


def reference(model: Any, pixels: np.ndarray, request: Automask) -> list[dict[str, Any]]:
    """The answers of `SamAutomaticMaskGenerator`, for clicks on whole pixels as prompts give them."""
    ensure_torchvision()
    from segment_anything import SamAutomaticMaskGenerator
    from segment_anything.utils.amg import build_point_grid

    size = Size(height_px=pixels.shape[0], width_px=pixels.shape[1])
    crops = list(crops_of(size, request.crop_layers))
    layers = [crops[index] for index in (0, 1)[: request.crop_layers + 1]]
    sides = [np.array([crop.width, crop.height]) for crop in layers]
    assert all((crop.width, crop.height) == (layers[-1].width, layers[-1].height) for crop in crops[1:])
    grid = build_point_grid(request.points_per_side)
    generator = SamAutomaticMaskGenerator(
        model,
        points_per_side=None,
        point_grids=[np.floor(grid * side + 1e-9) / side for side in sides],
        pred_iou_thresh=request.score_min,
        stability_score_thresh=request.stability_min,
        crop_n_layers=request.crop_layers,
        box_nms_thresh=request.overlap_max,
        crop_nms_thresh=request.overlap_max,
        min_mask_region_area=int(np.ceil(request.area_min * size.pixels)),
    )
    return generator.generate(pixels)


@needs_weights
@pytest.mark.parametrize(
    ("seed", "height", "width", "changes"),
    [
        (501, 256, 256, {}),
        (502, 320, 512, {"overlap_max": 0.4}),
        (503, 301, 233, {"area_min": 0.004}),
        (504, 256, 256, {"score_min": 0.88, "stability_min": 0.95, "points_per_side": 32}),  # the defaults
        (505, 242, 322, {"crop_layers": 1, "points_per_side": 8, "area_min": 0.002}),
    ],
)
def test_what_is_found_is_what_the_reference_finds(
    model: Any, seed: int, height: int, width: int, changes: dict[str, Any]
) -> None:
    pixels = draw_scene(seed, height=height, width=width).pixels
    request = Automask.model_validate({**LOW, **changes})
    found = find_everything(Predictor(model), Picture.whole(pixels), request, nothing)  # type: ignore[arg-type]
    theirs = reference(model, pixels, request)
    theirs = [one for one in theirs if one["area"] >= request.area_min * height * width]
    assert theirs
    assert facts(found) == sorted(
        (round(one["predicted_iou"], 5), round(one["stability_score"], 5), one["area"], one["segmentation"].tobytes())
        for one in theirs
    )


def facts(found: tuple[FoundMask, ...]) -> list[tuple[float, float, int, bytes]]:
    """Score, stability, area and pixels of each mask, in an order that does not depend on the search."""
    return sorted(
        (round(one.mask.score, 5), round(one.stability, 5), int(mask.sum()), mask.tobytes())
        for one, mask in zip(found, masks_of(found), strict=True)
    )


@needs_weights
def test_the_engine_finds_what_the_reference_finds(segmenter: SamSegmenter, model: Any) -> None:
    """Its answers differ in the last digits, so of two clicks on one thing the other one may win."""
    pixels = draw_scene(501).pixels
    request = Automask.model_validate(LOW)
    found = masks_of(find_everything(segmenter, Picture.whole(pixels), request, nothing))
    theirs = [one["segmentation"] for one in reference(model, pixels, request)]
    assert abs(len(found) - len(theirs)) <= 1
    assert np.mean([best(mask, found) for mask in theirs]) >= 0.97


@needs_weights
def test_the_objects_of_drawn_scenes_are_found(segmenter: SamSegmenter) -> None:
    overlaps = []
    request = Automask.model_validate({**LOW, "points_per_side": 10})
    for seed in range(600, 606):
        scene = draw_scene(seed, height=256, width=320)
        found = masks_of(find_everything(segmenter, Picture.whole(scene.pixels), request, nothing))
        overlaps += [best(wanted, found) for wanted in scene.objects if wanted.mean() >= AREA_MIN]
    assert len(overlaps) > 12
    assert np.mean(overlaps) > 0.85


@needs_weights
def test_an_embedding_that_is_known_gives_the_same(segmenter: SamSegmenter) -> None:
    picture = Picture.whole(draw_scene(501).pixels)
    request = Automask.model_validate({**LOW, "points_per_side": 6})
    known = find_everything(segmenter, picture, request, nothing, embedding=segmenter.embed(picture))
    assert known == find_everything(segmenter, picture, request, nothing)


def test_an_engine_without_weights_can_search_too() -> None:
    classic = ClassicSegmenter()
    classic.setup()
    pixels, wanted = blob(Size(height_px=48, width_px=64))
    found = find_everything(classic, Picture.whole(pixels), Automask(points_per_side=1, score_min=0.1), nothing)
    assert best(wanted, masks_of(found)) > 0.9
    assert all(one.stability == 1.0 for one in found)


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (301, 233), (8, 900), (3000, 4000)])
def test_crops_are_those_of_the_reference(height: int, width: int, layers: int) -> None:
    ensure_torchvision()
    from segment_anything.utils.amg import generate_crop_boxes

    theirs, _ = generate_crop_boxes((height, width), layers, 512 / 1500)
    ours = crops_of(Size(height_px=height, width_px=width), layers)
    assert [[crop.left, crop.top, crop.right, crop.bottom] for crop in ours] == theirs


def test_suppression_is_that_of_torchvision() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 40, 300):
        corners = rng.integers(0, 60, (count, 2))
        boxes = np.hstack([corners, corners + rng.integers(0, 40, (count, 2))]).astype(np.float64)
        ranks = np.round(rng.random(count), 1)
        kept = batched_nms(torch.tensor(boxes), torch.tensor(ranks), torch.zeros(count), 0.5)
        assert suppressed(boxes, ranks, 0.5) == kept.tolist()


def test_small_regions_are_those_of_the_reference() -> None:
    ensure_torchvision()
    from segment_anything.utils.amg import remove_small_regions

    rng = np.random.default_rng(0)
    for _ in range(60):
        mask = np.zeros((60, 80), np.bool_)
        for _ in range(rng.integers(1, 8)):
            top, left = rng.integers(0, 60), rng.integers(0, 80)
            mask[top : top + rng.integers(1, 30), left : left + rng.integers(1, 30)] ^= True
        area = float(rng.choice([1, 5, 60, 400]))
        theirs, _ = remove_small_regions(mask, area, mode="holes")
        theirs, _ = remove_small_regions(theirs, area, mode="islands")
        assert np.array_equal(without_small_regions(mask, area), theirs) or not mask.any()
