"""The classic segmenter on real photos with reference masks, which are not part of the repository."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.classic import DEFAULT_FOLDER, deepest_click, main, measure, reference_of
from inference_container.segmenter import Bitmap, Picture, Pixels, chosen
from inference_container.segmenters.classic import ClassicSegmenter
from inference_container.segmenters.classic_shapes import iou
from maskmill.core.geometry import Box
from maskmill.core.prompt import MaskChoice, Prompt

PHOTOS = sorted(path for path in DEFAULT_FOLDER.glob("*.jpg") if reference_of(path).exists())

needs_photos = pytest.mark.skipif(not PHOTOS, reason=f"there are no photos in {DEFAULT_FOLDER.name}/")


@pytest.fixture(scope="module")
def segmenter() -> ClassicSegmenter:
    ready = ClassicSegmenter()
    ready.setup()
    return ready


def masks_by(segmenter: ClassicSegmenter, image: Pixels, *prompts: Prompt) -> list[Bitmap]:
    found = segmenter.segment(segmenter.embed(Picture.whole(image)), prompts)
    return [chosen(candidates, MaskChoice.BEST).bitmap() for candidates in found]


@needs_photos
@pytest.mark.slow
def test_one_click_finds_the_objects_of_the_photos(segmenter: ClassicSegmenter, tmp_path: Path) -> None:
    results = [measure(segmenter, photo) for photo in PHOTOS]
    table = ", ".join(f"{result.photo} {result.iou:.3f}" for result in results)
    if np.mean([result.iou for result in results]) < 0.85:
        folder = Path(os.environ.get("MASKMILL_TEST_PICTURES", tmp_path))
        for photo in PHOTOS:
            _save_picture(segmenter, photo, folder / f"{photo.stem}.png")
        pytest.fail(f"the mean IoU is below 0.85: {table}; see the pictures in {folder}")
    assert np.mean([result.iou for result in results]) > np.mean([result.plain_iou for result in results]), table


def _save_picture(segmenter: ClassicSegmenter, photo: Path, target: Path) -> None:
    image = np.asarray(Image.open(photo).convert("RGB"))
    reference = np.asarray(Image.open(reference_of(photo)).convert("L")) > 127
    [mask] = masks_by(segmenter, image, deepest_click(reference))
    picture = image.copy()
    picture[~mask] //= 4
    picture[mask ^ reference] = (255, 0, 0)
    Image.fromarray(picture).save(target)


@needs_photos
def test_a_second_click_on_a_photo_is_respected(segmenter: ClassicSegmenter) -> None:
    photo = PHOTOS[-1]
    image = np.asarray(Image.open(photo).convert("RGB"))
    reference = np.asarray(Image.open(reference_of(photo)).convert("L")) > 127
    click = deepest_click(reference)
    away = deepest_click(~reference).points[0].model_copy(update={"positive": False})
    [both] = masks_by(segmenter, image, Prompt(points=(*click.points, away)))
    assert iou(both, reference) > 0.85


@needs_photos
@pytest.mark.slow
def test_a_box_with_and_without_a_click_finds_the_objects(segmenter: ClassicSegmenter) -> None:
    alone, with_click = [], []
    for photo in PHOTOS:
        image = np.asarray(Image.open(photo).convert("RGB"))
        reference = np.asarray(Image.open(reference_of(photo)).convert("L")) > 127
        embedding = segmenter.embed(Picture.whole(image))
        click, box = deepest_click(reference), _box_around(reference)
        found = segmenter.segment(embedding, [Prompt(box=box), Prompt(points=click.points, box=box)])
        masks = [chosen(candidates, MaskChoice.BEST).bitmap() for candidates in found]
        alone.append(iou(masks[0], reference))
        with_click.append(iou(masks[1], reference))
    assert np.mean(alone) > 0.85, alone
    assert np.mean(with_click) > 0.9, with_click


def _box_around(mask: Bitmap) -> Box:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return Box(
        left=max(0.0, float(columns.min() / width) - 0.01),
        top=max(0.0, float(rows.min() / height) - 0.01),
        right=min(1.0, float((columns.max() + 1) / width) + 0.01),
        bottom=min(1.0, float((rows.max() + 1) / height) + 0.01),
    )


@needs_photos
def test_a_photo_gives_the_same_bytes_twice(segmenter: ClassicSegmenter) -> None:
    image = np.asarray(Image.open(PHOTOS[-1]).convert("RGB"))
    click = deepest_click(np.asarray(Image.open(reference_of(PHOTOS[-1])).convert("L")) > 127)
    [one], [other] = masks_by(segmenter, image, click), masks_by(segmenter, image.copy(), click)
    assert np.array_equal(one, other)


def test_without_photos_the_benchmark_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "no photos" in lines[0]
    assert lines[-1].startswith("bench-classic ")
    assert lines[-1].endswith("photos=0")
