"""A finished job over drawn pictures in memory, and its exports through the product's own logic."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lambdas import known, records, state
from lambdas.aws.ids import RandomIds
from lambdas.export_dataset import logic as export_dataset
from lambdas.export_dataset.maker import DatasetMaker
from lambdas.render_item.pictures import look, paint
from maskmill.core import keys, rows
from maskmill.core.export import ExportFormat, ExportReceipt
from maskmill.core.fact import label_fact, mask_fact
from maskmill.core.geometry import Point
from maskmill.core.image import NormalImage, SourceFormat
from maskmill.core.item import ItemStatus
from maskmill.core.job import Job, JobStatus
from maskmill.core.mask import Mask
from maskmill.core.messages import ExportDataset
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import Recipe, resolve
from maskmill.core.result import ItemResult, LabelMask
from maskmill.core.rows import ExportState, JobState
from maskmill.core.table import Update
from maskmill.exports.entries import entries
from maskmill.imaging.masks import rle_of
from maskmill.imaging.normal import normal_png
from maskmill.imaging.picture import Picture, pixels_sha256
from tests.simulation.cloud import FixedClock, MemoryObjects, MemoryQueues, MemoryTable

TENANT, JOB = "tenant-a", "j0123456789abcdef01234567"
SEGMENTER = "classic-1"
CHUNK_ITEMS = 25
HEIGHT, WIDTH = 48, 64
TEMPLATES = {
    name: Template(name=name, prompt=Prompt(points=(Point(x=0.1 + 0.1 * place, y=0.5),)))
    for place, name in enumerate(("ring", "pair", "plate", "dot.v2"))
}
SPLITS = {"train": 0.6, "val": 0.25, "test": 0.15}


def masks_of(index: int) -> dict[str, np.ndarray]:
    """A ring with a hole, two parts, a plate that both lie on in part, and a dot of one pixel."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = (y - 22) ** 2 + (x - 20 - index % 9) ** 2
    plate = (y > 10) & (y < 40) & (x > 22) & (x < 44)
    dot = (y == 3) & (x == 3 + index % 40)
    pair = ((y - 12) ** 2 + (x - 50) ** 2 < 30) | ((y - 34) ** 2 + (x - 54) ** 2 < 40 + index % 7)
    return {"ring": (away < 230) & (away > 60), "pair": pair, "plate": plate, "dot.v2": dot}


def picture_of(index: int) -> Picture:
    """Colour, grey and transparent pictures in turn, each of its own."""
    dice = np.random.default_rng(index)
    rgb = np.repeat(np.repeat(dice.integers(0, 255, (6, 8, 3), np.uint8), 8, axis=0), 8, axis=1)
    is_grey = index % 5 == 1
    if is_grey:
        rgb = np.repeat(rgb[:, :, :1], 3, axis=2)
    alpha = dice.integers(0, 256, (HEIGHT, WIDTH), np.uint8) if index % 5 == 2 else None
    return Picture(np.ascontiguousarray(rgb), alpha, is_grey)


def recipe(**more: Any) -> Recipe:
    layer = {"region": "ring", "edits": {"brightness": 0.1}, "vary": {"hue": {"uniform": [-90, 90]}}}
    given = {"templates": list(TEMPLATES), "layers": [layer], "splits": SPLITS, "samples_per_image": 2, **more}
    return Recipe.model_validate(given)


@dataclass
class Finished:
    """A job that has ended, with its rows and its objects."""

    images: int
    recipe: Recipe
    table: MemoryTable = field(default_factory=MemoryTable)
    media: MemoryObjects = field(default_factory=lambda: MemoryObjects("media"))
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    clock: FixedClock = field(default_factory=FixedClock)
    truth: dict[str, dict[str, str]] = field(default_factory=dict)  # by file stem and class, counts of the RLE

    def __post_init__(self) -> None:
        job = Job(
            job_id=JOB,
            dataset_id="d",
            recipe=resolve(self.recipe, TEMPLATES),
            segmenter=SEGMENTER,
            created_at=self.clock.now(),
        )
        self.table.write(rows.put_job(TENANT, job, body_hash="h", now_s=1, due_at_s=1))
        for number, start in enumerate(range(0, self.images, CHUNK_ITEMS)):
            items = tuple(self._item(index) for index in range(start, min(start + CHUNK_ITEMS, self.images)))
            self._render(Chunk(number=number, items=items))
        key = rows.job_key(TENANT, JOB)
        ended = {("status",): JobStatus.SUCCEEDED.value, ("planned",): True, ("dataset_bytes",): 1}
        self.table.write(Update(key, set=ended))

    @property
    def job(self) -> JobState:
        found = state.load_job(self.table, TENANT, JOB)
        assert found is not None
        return found

    def _item(self, index: int) -> PlannedItem:
        picture = picture_of(index)
        png = normal_png(picture)
        normal = NormalImage(
            pixels_sha256=pixels_sha256(picture), source_sha256="c" * 64, png_sha256="f" * 64, png_bytes=len(png),
            source_format=SourceFormat.PNG, size=picture.size, is_grey=picture.is_grey, has_alpha=picture.alpha is not None,
        )  # fmt: skip
        self.media.objects[keys.normal(TENANT, normal.pixels_sha256)] = png
        name = f"Fötö {index} 写真.png" if index % 2 else f"photo {index}.png"
        item = PlannedItem(index=index, image_id=f"i{index}", name=name, normal=normal)
        for template, mask in zip(TEMPLATES.values(), masks_of(index).values(), strict=True):
            key = mask_key_for(item, template, SEGMENTER)
            assert key is not None
            answer = Mask(rle=rle_of(mask), score=0.9).model_dump_json().encode()
            known.keep_first(self.table, self.media, TENANT, {mask_fact(normal.pixels_sha256, key): answer})
        return item

    def _render(self, chunk: Chunk) -> None:
        self.table.write(rows.put_chunk(TENANT, JOB, chunk, now_s=1))
        for item in chunk.items:
            seen = look(self.table, self.media, self.job, chunk, [item])
            result = paint(self.media, seen, self.job, chunk, item).result
            records.keep_results(self.table, self.media, TENANT, JOB, [result], seen)
            done = {("items", str(item.index), "s"): ItemStatus.DONE.value}
            self.table.write(Update(rows.chunk_key(TENANT, JOB, chunk.number), set=done))
            self._note_truth(result)

    def _note_truth(self, result: ItemResult) -> None:
        for entry in entries([result], self.recipe):
            facts = [label_fact(result.normal.pixels_sha256, label.object_id) for label in entry.picture.labels]
            kept = known.in_order(self.table, self.media, TENANT, facts)
            self.truth[entry.stem] = {
                label.name: LabelMask.stored(data).rle.counts
                for label, data in zip(entry.picture.labels, kept, strict=True)
            }

    def split_of(self, stem: str) -> str:
        return self._splits[stem]

    @cached_property
    def _splits(self) -> dict[str, str]:
        results = records.done_results(self.table, self.media, self.job, state.all_chunks(self.table, TENANT, JOB))
        return {entry.stem: entry.split.value for entry in entries(results, self.recipe)}

    @property
    def ports(self) -> export_dataset.Ports:
        return export_dataset.Ports(
            self.table, self.media, self.queues, self.clock, RandomIds(self.clock), DatasetMaker(), lease_s=960
        )

    def export(self, export: ExportFormat) -> ExportReceipt:
        """Make an export; returns its receipt."""
        if self.table.get(rows.export_key(TENANT, JOB, export)) is None:
            self.table.write(rows.put_export(TENANT, JOB, export, now_s=1, due_at_s=1))
        export_dataset.export(self.ports, ExportDataset(tenant=TENANT, job_id=JOB, format=export))
        receipt = self.export_state(export).receipt
        assert receipt is not None, self.export_state(export)
        return receipt

    def export_state(self, export: ExportFormat) -> ExportState:
        row = self.table.get(rows.export_key(TENANT, JOB, export))
        assert row is not None
        return rows.export_of(row)

    def part(self, export: ExportFormat, name: str) -> bytes:
        return self.media.objects[keys.export_file(TENANT, JOB, export.value, name)]

    def unpack(self, receipt: ExportReceipt, folder: Path) -> Path:
        """What a user has after fetching the parts and unpacking what is packed."""
        for part in receipt.parts:
            data = self.part(receipt.format, part.name)
            if part.name.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    archive.extractall(folder)
            else:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / part.name).write_bytes(data)
        return folder


def names_in_tar(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()
