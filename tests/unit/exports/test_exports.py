"""The dataset's exports as other tools read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from maskmill.core.edit import Edits
from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage, SourceFormat
from maskmill.core.mask import Rle, rle_hash
from maskmill.core.prompt import Placement, Template
from maskmill.core.recipe import Layer, OutputFormat, Recipe, resolve
from maskmill.core.result import ItemResult, Label, VariantRecord
from maskmill.exports.coco import instances
from maskmill.exports.entries import RleOf
from maskmill.exports.layout import DatasetPicture, pictures_of
from maskmill.exports.manifest import manifest
from maskmill.imaging.masks import area_px, box_px, mask_png, read_mask_png, rle_of

# pycocotools 2.0.11 decodes with numpy 1's protocol; the product parses runs itself.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CATEGORIES = ["car", "wheel"]
TEMPLATES = {f"tpl-{name}": Template(name=name, placement=Placement.CENTRE) for name in CATEGORIES}
RESOLVED = resolve(Recipe(templates=tuple(TEMPLATES), seed=5), TEMPLATES)


class Made:
    """Three items with masks in memory: a ring, two parts, an empty one; the second variant is cropped."""

    def __init__(self) -> None:
        self.rles: dict[str, Rle] = {}
        self.masks: dict[str, np.ndarray] = {}
        self.asked: list[str] = []
        self.items = [self._item(index) for index in range(3)]

    def _label(self, name: str, mask: np.ndarray) -> Label:
        rle = rle_of(mask)
        identity = rle_hash(rle)
        self.rles[identity], self.masks[identity] = rle, mask
        return Label(
            template_id=f"tpl-{name}", name=name, score=0.875, rle_sha256=identity, png_sha256=identity, png_bytes=9, area_px=area_px(mask),
            box=box_px(mask), object_id=identity,
        )  # fmt: skip

    def _item(self, index: int) -> ItemResult:
        rows, columns = np.mgrid[0:30, 0:50]
        away = (rows - 14) ** 2 + (columns - 20 - index) ** 2
        ring, parts = (away < 100) & (away > 25), (rows // 4 + columns // 9) % 3 == 0
        labels = (self._label("car", ring), self._label("wheel", parts if index != 1 else np.zeros_like(ring)))
        stem = f"{index + 1:04d}_photo"
        plain = self._variant(f"{stem}__car", Size(height_px=30, width_px=50), None)
        own = (self._label("car", ring[4:24, 5:45]),)
        cropped = self._variant(f"{stem}__wheel", Size(height_px=20, width_px=40), own)
        normal = NormalImage(
            pixels_sha256=f"{index}" * 64, source_sha256="c" * 64, png_sha256="f" * 64, png_bytes=9, source_format=SourceFormat.JPEG,
            size=Size(height_px=30, width_px=50), is_grey=False, has_alpha=False,
        )  # fmt: skip
        return ItemResult(
            index=index, image_id=f"img{index}", image_name="phöto.jpg", file_stem=stem, normal=normal, labels=labels,
            variants=(plain, cropped),
        )  # fmt: skip

    @staticmethod
    def _variant(stem: str, size: Size, labels: tuple[Label, ...] | None) -> VariantRecord:
        return VariantRecord(
            variant_id="0123456789abcdef" * 4, file_stem=stem, format=OutputFormat.JPEG, size=size, size_bytes=9,
            sha256="d" * 64, sample=0, renderer="r",
            layers=(Layer(region="tpl-car", edits=Edits(hue=10.0)),), labels=labels,
        )  # fmt: skip

    def rle(self, label: Label) -> Rle:
        self.asked.append(label.object_id)
        return self.rles[label.object_id]

    def coco(self, *, include_sources: bool = True) -> bytes:
        recipe = recipe_with(sources=include_sources)
        return coco_of(self.items, self.rle, recipe, CATEGORIES)


def recipe_with(*, sources: bool = True) -> Recipe:
    return RESOLVED.recipe.model_copy(update={"sources": sources})


def coco_of(items: list[ItemResult], rle_of: RleOf, recipe: Recipe, categories: list[str]) -> bytes:
    def pictures() -> list[DatasetPicture]:
        return [picture for item in items for picture in pictures_of(item, recipe)]

    chunks = instances(
        pictures, rle_of, categories=categories, file_of=lambda one: one.file, mask_of=DatasetPicture.mask_file
    )
    return b"".join(chunks)


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def loaded(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[bytes], COCO]:
    def load(data: bytes) -> COCO:
        file = tmp_path / "instances.json"
        file.write_bytes(data)
        return COCO(str(file))

    return load


def test_pycocotools_reads_each_label_as_its_mask_png(made: Made, loaded: Callable[[bytes], COCO]) -> None:
    coco = loaded(made.coco())
    by_file = {
        picture.mask_file(label): mask_png(made.masks[label.object_id])
        for item in made.items
        for picture in pictures_of(item, recipe_with())
        for label in picture.labels
    }
    assert len(coco.anns) == 3 * 1 + 2 * (2 + 2) + 1 + 1
    for annotation in coco.anns.values():
        mask = coco.annToMask(annotation).astype(np.bool_)
        assert np.array_equal(mask, read_mask_png(by_file[annotation["mask_file"]]))
        image = coco.imgs[annotation["image_id"]]
        assert mask.shape == (image["height"], image["width"])
        assert annotation["area"] == mask.sum()
        assert annotation["iscrowd"] == 0
        assert isinstance(annotation["segmentation"]["counts"], str)


def test_numbers_begin_at_1_and_names_are_relative(made: Made, loaded: Callable[[bytes], COCO]) -> None:
    coco = loaded(made.coco())
    assert sorted(coco.imgs) == list(range(1, 10))
    assert sorted(coco.anns) == list(range(1, len(coco.anns) + 1))
    assert [coco.imgs[number]["file_name"] for number in (1, 2, 3, 4)] == [
        "sources/0001_photo.png", "variants/0001_photo__car.jpg", "variants/0001_photo__wheel.jpg",
        "sources/0002_photo.png",
    ]  # fmt: skip
    assert {number: category["name"] for number, category in coco.cats.items()} == {1: "car", 2: "wheel"}


def test_sources_can_be_left_out(made: Made, loaded: Callable[[bytes], COCO]) -> None:
    coco = loaded(made.coco(include_sources=False))
    assert all(image["file_name"].startswith("variants/") for image in coco.imgs.values())
    assert sorted(coco.imgs) == list(range(1, 7))


def test_the_same_items_give_the_same_bytes_and_each_rle_is_read_once_per_item(made: Made) -> None:
    first = made.coco()
    asked = len(made.asked)
    assert made.coco() == first
    assert asked == 3 * 3 - 1  # per item: two labels and a cropped one; one label is empty


def test_an_empty_dataset_is_valid(loaded: Callable[[bytes], COCO]) -> None:
    def none(label: Label) -> Rle:
        raise KeyError(label)

    coco = loaded(coco_of([], none, recipe_with(), []))
    assert not coco.imgs


def test_mask_files_are_unique_to_their_pixels(made: Made) -> None:
    files: dict[str, str] = {}
    for item in made.items:
        for picture in pictures_of(item, recipe_with()):
            for label in picture.labels:
                assert files.setdefault(picture.mask_file(label), label.object_id) == label.object_id


def test_the_manifest_tells_how_each_picture_was_made(made: Made) -> None:
    lines = list(manifest(made.items, recipe=RESOLVED))
    facts = [json.loads(line) for line in lines]
    assert [fact["file"] for fact in facts[:2]] == ["sources/0001_photo.png", "variants/0001_photo__car.jpg"]
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert all(list(fact) == sorted(fact) for fact in facts)
    assert {fact["group_id"] for fact in facts[:3]} == {"0" * 64}
    assert facts[0]["kind"] == "source"
    assert facts[1]["noise_seed"] == "0123456789abcdef"
    assert facts[1]["layers"][0]["edits"]["hue"] == 10
    assert (facts[1]["renderer"], facts[1]["recipe_seed"]) == ("r", 5)
    assert facts[1]["recipe_sha256"] == RESOLVED.identity()
    assert facts[2]["masks"][0]["file"] == "masks/0001_photo__wheel/car.png"
    assert facts[3]["masks"][0]["file"] == "masks/0002_photo/car.png"
    assert len(facts[3]["masks"]) == 1
