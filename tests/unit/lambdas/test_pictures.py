"""An item's pictures are made once and kept by content, and a job's dataset is written from what they left behind."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from lambdas.finish_job.dataset import write_dataset
from lambdas.known import Facts, keep_first
from lambdas.render_item.pictures import look, paint
from maskmill.core import keys, rows
from maskmill.core.errors import Code, MaskmillError
from maskmill.core.fact import mask_fact
from maskmill.core.geometry import Point
from maskmill.core.job import Job
from maskmill.core.mask import Mask
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.prompt import Placement, Prompt, Refinement, Template
from maskmill.core.recipe import Recipe, resolve
from maskmill.core.result import ItemResult, Remark, Results
from maskmill.core.rows import JobState
from maskmill.imaging.masks import rle_of
from maskmill.imaging.normal import normalise
from tests.simulation.cloud import MemoryObjects, MemoryTable
from tests.unit.lambdas.studio import packed

TENANT = "t1"
CAP = Template(name="cap", prompt=Prompt(points=(Point(x=0.4, y=0.5),)))
SHOE = Template(name="shoe", prompt=Prompt(points=(Point(x=0.9, y=0.9),)), refinement=Refinement(grow_px=1))


def photo() -> bytes:
    rows_, columns = np.mgrid[:30, :40]
    pixels = np.stack([rows_ * 8, columns * 6, (rows_ + columns) * 3], axis=-1).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Scene:
    """One ready item with known masks in a bucket, and a job over it."""

    def __init__(self, recipe: dict[str, Any], *, empty: tuple[str, ...] = (), shoe: Template = SHOE) -> None:
        self.table, self.media = MemoryTable(), MemoryObjects("media")
        made = normalise(photo())
        self.item = PlannedItem(index=0, image_id="i1", name="Photo One.JPG", normal=made.normal)
        self.chunk = Chunk(number=0, items=(self.item,))
        templates = {"a": CAP, "b": shoe}
        job = Job(
            job_id="j1",
            dataset_id="d1",
            recipe=resolve(Recipe.model_validate({"templates": ["a", "b"], **recipe}), templates),
            segmenter="classic-1",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        put = rows.put_job(TENANT, job, body_hash="b", now_s=0, due_at_s=0)
        self.job: JobState = rows.job_of(put.row)
        self.media.put(keys.normal(TENANT, made.normal.pixels_sha256), made.png, media_type="image/png")
        for template_id, template in templates.items():
            mask = np.zeros((30, 40), bool)
            if template_id not in empty:
                mask[5:15, 10:30] = True
            key = mask_key_for(self.item, template, "classic-1")
            if key is None:
                continue
            answer = Mask(rle=rle_of(mask), score=0.5).model_dump_json().encode()
            keep_first(self.table, self.media, TENANT, {mask_fact(made.normal.pixels_sha256, key): answer})

    def paint(self) -> ItemResult:
        known = look(self.table, self.media, self.job, self.chunk, [self.item])
        result = paint(self.media, known, self.job, self.chunk, self.item).result
        known.keep()
        return result


TWO_LAYERS = {"layers": [{"region": "a", "edits": {"hue": 90}}, {"region": "b", "edits": {"noise": 0.1}}]}


def test_an_item_that_was_painted_before_is_read_back_and_not_decoded_again() -> None:
    scene = Scene(TWO_LAYERS | {"output": {"format": "png"}})
    first = scene.paint()
    normal = scene.item.normal
    assert normal is not None
    del scene.media.objects[keys.normal(TENANT, normal.pixels_sha256)]  # painting anew would need it
    written = dict(scene.media.objects), dict(scene.table.rows)
    assert scene.paint() == first
    assert (scene.media.objects, scene.table.rows) == written
    assert [variant.file_stem for variant in first.variants] == ["0001_photo-one__cap", "0001_photo-one__shoe"]
    assert [variant.layer for variant in first.variants] == [0, 1]
    assert [label.area_px for label in first.labels] == [200, 200 + 2 * (20 + 10)]
    assert [label.object_id for label in first.labels] == [
        keys.object_id_of(
            pixels_sha256=normal.pixels_sha256,
            mask_key=mask_key_for(scene.item, template, "classic-1"),
            refinement=template.refinement,
        )
        for template in (CAP, SHOE)
    ]


def test_all_variants_of_an_item_come_from_one_reading_of_its_picture_and_masks() -> None:
    """So that each further variant costs its edits and its encoding, and the requests that store it."""
    varied = {"region": "a", "vary": {"hue": {"uniform": [1, 90]}}}
    scene = Scene({"layers": [varied, varied | {"region": "b"}], "samples_per_image": 3})
    reads: Counter[str] = Counter()

    def counted(name: str, key: str, act: Callable[[], Any]) -> Any:
        reads[key] += name == "media.get"
        return act()

    scene.media.call = counted
    assert len(scene.paint().variants) == 6
    normal = scene.item.normal
    assert normal is not None
    assert reads[keys.normal(TENANT, normal.pixels_sha256)] == 1
    assert max(reads.values()) == 1


def test_every_variant_has_a_thumbnail() -> None:
    scene = Scene(TWO_LAYERS)
    result = scene.paint()
    for variant in result.variants:
        assert variant.has_thumbnail
        key = keys.variant_thumbnail(TENANT, result.normal.pixels_sha256, variant.variant_id)
        with Image.open(io.BytesIO(scene.media.objects[key])) as small:
            assert (small.format, small.size) == ("WEBP", (40, 30)), "a small picture keeps its size"


def test_a_template_that_found_nothing_leaves_no_label_and_no_variant() -> None:
    result = Scene(TWO_LAYERS, empty=("b",)).paint()
    assert [label.name for label in result.labels] == ["cap"]
    assert [variant.file_stem for variant in result.variants] == ["0001_photo-one__cap"]
    assert result.remarks == (Remark.EMPTY_MASK,)


def given(mask: np.ndarray, **more: Any) -> Template:
    """A template that brings its mask along."""
    return Template(name="given", placement=Placement.MASK, prompt=Prompt(previous=rle_of(mask)), **more)


def test_a_mask_that_a_template_brings_along_is_used_as_it_is_and_refined() -> None:
    mask = np.zeros((30, 40), np.bool_)
    mask[20:25, 3:9] = mask[2, 2] = True
    png = TWO_LAYERS | {"output": {"format": "png"}}
    result = Scene(png, shoe=given(mask)).paint()
    assert [(label.name, label.score, label.area_px) for label in result.labels][1] == ("given", 1.0, 31)
    assert len(result.variants) == 2
    whole = Scene(png, shoe=Template(name="given", placement=Placement.WHOLE)).paint()
    assert whole.labels[1].object_id != result.labels[1].object_id
    refined = Scene(png, shoe=given(mask, refinement=Refinement(island_area_min=0.01))).paint()
    assert refined.labels[1].area_px == 30


def test_a_given_mask_of_another_size_ends_the_item_with_words_about_both() -> None:
    scene = Scene(TWO_LAYERS, shoe=given(np.ones((30, 41), np.bool_)))
    with pytest.raises(MaskmillError, match="41 × 30 pixels, this picture 40 × 30") as raised:
        scene.paint()
    assert raised.value.code is Code.INVALID_MASK


def test_without_the_normal_image_painting_says_so() -> None:
    scene = Scene(TWO_LAYERS)
    known = Facts(scene.table, scene.media, TENANT)
    with pytest.raises(MaskmillError):
        paint(scene.media, known, scene.job, scene.chunk, scene.item.model_copy(update={"normal": None}))


def test_a_cut_out_is_labelled_by_what_it_shows() -> None:
    cut = {"layers": [{"region": "a", "edits": {"cutout": {"crop": True, "margin": 0.0}}}], "output": {"format": "png"}}
    variant = Scene(cut).paint().variants[0]
    assert (variant.size.height_px, variant.size.width_px) == (10, 20)
    assert variant.labels is not None
    assert {label.name: label.area_px for label in variant.labels} == {"cap": 200, "shoe": 200}


def test_a_dataset_is_written_twice_with_the_same_bytes_and_read_by_coco() -> None:
    scene = Scene(TWO_LAYERS | {"output": {"format": "png"}, "samples_per_image": 2})
    results = Results([scene.paint().model_dump_json()])
    write_dataset(scene.table, scene.media, scene.job, results)
    first = dict(scene.media.objects)
    size = write_dataset(scene.table, scene.media, scene.job, results)
    assert scene.media.objects == first
    archive = packed(scene.table, scene.media, scene.job, results)
    assert archive == packed(scene.table, scene.media, scene.job, results)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert sum(info.file_size for info in files.infolist()) == size
        for name in (keys.ANNOTATIONS, keys.MANIFEST):
            assert files.read(name) == first[keys.dataset_file(TENANT, "j1", name)]
        annotations = json.loads(files.read(keys.ANNOTATIONS))
        assert len(annotations["images"]) == 1 + 2 * 2
        for entry in annotations["annotations"]:
            png = np.asarray(Image.open(io.BytesIO(files.read(entry["mask_file"])))) > 0
            assert np.array_equal(coco_mask.decode(entry["segmentation"]).astype(bool), png)


def test_listing_a_dataset_reads_no_picture_and_packing_it_reads_each_once() -> None:
    scene = Scene(TWO_LAYERS | {"output": {"format": "png"}})
    results = Results([scene.paint().model_dump_json()])
    read: Counter[str] = Counter()

    def call(service: str, key: Any, effect: Callable[[], Any]) -> Any:
        read[key] += service == "media.get"
        return effect()

    scene.media.call = call
    write_dataset(scene.table, scene.media, scene.job, results)
    assert read.total() == 0
    packed(scene.table, scene.media, scene.job, results)
    assert read.total() == 1 + 2 + 2, "the picture, two variants, and the pictures of two labels"
    assert set(read.values()) == {0, 1}


def test_samples_with_noise_differ_and_samples_without_anything_drawn_are_one_picture() -> None:
    result = Scene(TWO_LAYERS | {"samples_per_image": 2}).paint()
    by_layer = {stem: [v.sha256 for v in result.variants if f"__{stem}" in v.file_stem] for stem in ("cap", "shoe")}
    assert len(set(by_layer["cap"])) == 1
    assert len(set(by_layer["shoe"])) == 2
