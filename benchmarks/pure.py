"""A job's work by library calls alone, as a script on one machine would do it: no service, no queue, no store.

Each photo is read, made a normal image, segmented by the classic segmenter, refined, edited and encoded, each picture
decoded once; then annotations, manifest and archive are written. As many processes as there are processors share the
photos.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from operator import attrgetter
from pathlib import Path

from benchmarks.rounds import spent_s
from inference_container.segmenter import Picture as Seen
from inference_container.segmenter import chosen
from inference_container.segmenters.classic import ClassicSegmenter
from maskmill.core import keys
from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.core.mask import Rle, rle_hash
from maskmill.core.prompt import Template
from maskmill.core.recipe import Recipe, ResolvedRecipe, draw, resolve
from maskmill.core.result import ItemResult, Label, LabelMask, VariantRecord, file_stem, variant_stems
from maskmill.exports.archive import Member, write_archive
from maskmill.exports.coco import instances
from maskmill.exports.layout import DatasetPicture, pictures_of
from maskmill.exports.manifest import manifest
from maskmill.imaging.encode import encode, thumbnail_of
from maskmill.imaging.masks import area_px, box_px, mask_png, rle_of
from maskmill.imaging.normal import normalise
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import SoftMask, region_alpha
from maskmill.imaging.render import drawn_layers, render, renderer_version, seed_of

TEMPLATE_ID = "ball"
TEMPLATE = Template.model_validate({"name": "ball", "prompt": {"points": [{"x": 0.3, "y": 0.5}]}})
LAYERS = [{"region": TEMPLATE_ID, "edits": {"hue": 60.0}}]


@dataclass(frozen=True, slots=True)
class Done:
    """One photo's result, the RLE of its mask, and the files of its dataset by their names there."""

    result: ItemResult
    mask: LabelMask
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Spent:
    """How long everything took, and what the processors worked."""

    wall_s: float
    cpu_s: float
    archive_bytes: int


def pure(photos: Sequence[Path], folder: Path) -> Spent:
    """Everything of these photos, their files and their archive in `folder`; processes are started before the clock."""
    workers = os.cpu_count() or 1
    folder.mkdir(parents=True, exist_ok=True)
    began_cpu = spent_s()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start) as pool:
        ready_cpu = sum(pool.map(_ready_cpu_s, range(workers), chunksize=1))
        began = time.perf_counter()
        done = list(pool.map(partial(work, folder), range(len(photos)), photos))
        size = _finish(done, folder)
        wall_s = time.perf_counter() - began
    return Spent(wall_s, spent_s() - began_cpu - ready_cpu, size)


def _start() -> None:
    segmenter()


def _ready_cpu_s(_number: int) -> float:
    time.sleep(0.5)  # so that each process answers once
    return time.process_time()


@cache
def segmenter() -> ClassicSegmenter:
    made = ClassicSegmenter()
    made.setup()
    return made


@cache
def recipe() -> ResolvedRecipe:
    asked = Recipe.model_validate({"templates": [TEMPLATE_ID], "layers": LAYERS})
    return resolve(asked, {TEMPLATE_ID: TEMPLATE})


def work(folder: Path, index: int, photo: Path) -> Done:
    """One photo from its file to its files."""
    made = normalise(photo.read_bytes())
    assert TEMPLATE.prompt is not None
    [candidates] = segmenter().segment(segmenter().embed(Seen.whole(made.picture.rgb)), [TEMPLATE.prompt])
    best = chosen(candidates, TEMPLATE.choice)
    mask = refine(best.bitmap(), TEMPLATE.refinement)
    png, rle = mask_png(mask), rle_of(mask)
    label = Label(
        template_id=TEMPLATE_ID,
        name=TEMPLATE.name,
        score=best.score,
        rle_sha256=rle_hash(rle),
        png_sha256=hashlib.sha256(png).hexdigest(),
        png_bytes=len(png),
        area_px=area_px(mask),
        box=box_px(mask),
        object_id=rle_hash(rle)[:40],
    )
    layers = draw(recipe().recipe, source=made.normal.pixels_sha256, sample=0)
    identity = hashlib.sha256(made.normal.pixels_sha256.encode()).hexdigest()
    parts = {TEMPLATE_ID: SoftMask(mask, TEMPLATE.refinement.feather_px)}
    drawn = drawn_layers(layers, partial(region_alpha, parts=parts))
    rendered = render(made.picture, drawn, seed=seed_of(identity))
    data = encode(rendered.picture, recipe().recipe.output)
    small = thumbnail_of(rendered.picture, VARIANT_THUMBNAIL_SIDE_PX)
    stem = file_stem(index, photo.name)
    variant = VariantRecord(
        variant_id=identity,
        file_stem=variant_stems(stem, recipe().recipe, {TEMPLATE_ID: TEMPLATE.name})[0][0],
        format=recipe().recipe.output.format,
        size=rendered.geometry.size,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sample=0,
        layers=layers,
        renderer=renderer_version(),
    )
    result = ItemResult(
        index=index,
        image_id=f"{index:026d}",
        image_name=photo.name,
        file_stem=stem,
        normal=made.normal,
        labels=(label,),
        variants=(variant,),
    )
    kept = LabelMask(rle=rle, png_sha256=label.png_sha256, png_bytes=len(png), score=best.score,
                     area_px=label.area_px, box=label.box)  # fmt: skip
    for number, thumbnail in enumerate((made.thumbnail, small)):
        (folder / f"{stem}.{number}.thumbnail").write_bytes(thumbnail)
    return Done(result, kept, _files(folder, result, made.png, data, png))


def _files(folder: Path, result: ItemResult, source: bytes, variant: bytes, mask: bytes) -> dict[str, Path]:
    """The dataset's files of one photo, written down."""
    kept: dict[str, bytes] = {}
    for picture in pictures_of(result, recipe().recipe):
        kept[picture.file] = source if picture.variant is None else variant
        for label in picture.labels:
            kept.setdefault(picture.mask_file(label), mask)
    places = {name: folder / name.replace("/", "_") for name in kept}
    for name, place in places.items():
        place.write_bytes(kept[name])
    return places


def _finish(done: Sequence[Done], folder: Path) -> int:
    """Annotations, manifest and archive; gives the archive's bytes."""
    with (folder / "dataset.zip").open("wb") as sink:
        return write_archive(_members(done), sink)


def _members(done: Sequence[Done]) -> Iterator[Member]:
    yield Member(keys.ANNOTATIONS, partial(_annotations, done))
    yield Member(keys.MANIFEST, lambda: manifest([one.result for one in done], recipe=recipe()))
    for one in done:
        for name, place in one.files.items():
            yield Member(name, _reader(place))


def _reader(place: Path) -> Callable[[], Iterable[bytes]]:
    return lambda: (place.read_bytes(),)


def _annotations(done: Sequence[Done]) -> Iterator[bytes]:
    masks = {one.result.labels[0].object_id: one.mask.rle for one in done}

    def pictures() -> Iterator[DatasetPicture]:
        return (picture for one in done for picture in pictures_of(one.result, recipe().recipe))

    def rle_named(label: Label) -> Rle:
        return masks[label.object_id]

    return instances(
        pictures, rle_named, categories=[TEMPLATE.name], file_of=attrgetter("file"), mask_of=DatasetPicture.mask_file
    )
