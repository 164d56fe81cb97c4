"""COCO, YOLO and archives of 10,000 masks, beside the loops that one writes with pycocotools, OpenCV and zipfile.

    python -m benchmarks.exports

A finished job as the store keeps it: photos with two objects each, a source and four variants of each photo, so that
five pictures share their masks. Both sides read the same bytes. The loops do what is usual: areas and boxes of every
mask anew and one `json.dump`, the outer contours of every mask as they come, `ZipFile.writestr`. Each of ours runs once
more over all masks in a process of its own, whose memory is what counts. It knows no store.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import cv2
import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from benchmarks import machine
from benchmarks.report import keep, table
from benchmarks.rounds import Rounds, interleaved
from maskmill.core.export import Split
from maskmill.core.geometry import Point, Size
from maskmill.core.image import NormalImage, SourceFormat
from maskmill.core.mask import rle_hash
from maskmill.core.prompt import Prompt, Template
from maskmill.core.recipe import OutputFormat, Recipe, ResolvedRecipe, resolve
from maskmill.core.result import ItemResult, Label, LabelMask, VariantRecord
from maskmill.exports.archive import Member, write_archive
from maskmill.exports.coco import CocoExporter
from maskmill.exports.entries import Entry, RleOf, entries
from maskmill.exports.exporter import Content, Dataset
from maskmill.exports.tally import Count
from maskmill.exports.yolo import YoloExporter
from maskmill.imaging.masks import area_of, box_px, mask_png, rle_of
from maskmill.imaging.picture import Bools

MASKS = 10_000
MEASURED = 500  # masks of one round
ROUNDS = 5
SIZE = Size(height_px=768, width_px=1024)
CLASSES = ("shape", "ring")
VARIANTS = 4
PICTURE_BYTES = 60_000
DRAWN = 16  # masks that differ; their objects do not know of each other
SPLIT = Split.TRAIN


class Discard(io.RawIOBase):
    """A writer that keeps nothing and cannot seek."""

    def write(self, data: object, /) -> int:
        return len(memoryview(data))  # type: ignore[arg-type]

    def writable(self) -> bool:
        return True


@dataclass(frozen=True)
class Stored:
    """A finished job of so many masks, as records and bytes."""

    masks: int

    @cached_property
    def recipe(self) -> ResolvedRecipe:
        prompt = Prompt(points=(Point(x=0.5, y=0.5),))
        templates = {name: Template(name=name, prompt=prompt) for name in CLASSES}
        recipe = Recipe.model_validate({"templates": list(CLASSES), "layers": [{"region": CLASSES[0]}]})
        return resolve(recipe, templates)

    @cached_property
    def drawn(self) -> list[tuple[LabelMask, bytes, bytes]]:
        """Every mask that differs: its record, the record's text, and its PNG."""
        return [_drawn(number) for number in range(DRAWN)]

    @cached_property
    def hashes(self) -> list[str]:
        return [rle_hash(record.rle) for record, _, _ in self.drawn]

    @cached_property
    def picture(self) -> bytes:
        return np.random.default_rng(0).bytes(PICTURE_BYTES)

    def items(self) -> Iterator[ItemResult]:
        for index in range(self.masks // (len(CLASSES) * (1 + VARIANTS))):
            yield self._item(index)

    def of(self, label: Label) -> tuple[LabelMask, bytes, bytes]:
        return self.drawn[int(label.object_id[:8], 16) % DRAWN]

    def _item(self, index: int) -> ItemResult:
        return ItemResult(
            index=index,
            image_id=f"i{index}",
            image_name=f"{index}.jpg",
            file_stem=f"{index:06d}_photo",
            normal=_normal(index),
            labels=tuple(self._label(name, len(CLASSES) * index + place) for place, name in enumerate(CLASSES)),
            variants=tuple(_variant(index, sample) for sample in range(VARIANTS)),
        )

    def _label(self, name: str, number: int) -> Label:
        object_id = f"{number:08x}" + "0" * 32
        record, _, png = self.drawn[number % DRAWN]
        return Label(
            template_id=name, name=name, score=record.score, rle_sha256=self.hashes[number % DRAWN],
            png_sha256="0" * 64, png_bytes=len(png), area_px=record.area_px, box=record.box, object_id=object_id,
        )  # fmt: skip

    def splits(self) -> tuple[Split, ...]:
        return (SPLIT,)

    def entries(self, split: Split) -> Iterator[Entry]:
        return entries(self.items(), self.recipe.recipe, split=split)

    def rles(self, _split: Split) -> RleOf:
        return lambda label: LabelMask.stored(self.of(label)[1]).rle


def _drawn(number: int) -> tuple[LabelMask, bytes, bytes]:
    mask = _shape(number)
    rle, png = rle_of(mask), mask_png(mask)
    record = LabelMask(
        rle=rle, png_sha256="0" * 64, png_bytes=len(png), score=0.9, area_px=area_of(rle), box=box_px(mask)
    )
    return record, record.model_dump_json().encode(), png


def _shape(number: int) -> Bools:
    """An uneven blob; some with a hole, some of two parts."""
    dice = np.random.default_rng(number)
    y, x = np.mgrid[: SIZE.height_px, : SIZE.width_px] - np.array([384.0, 512.0])[:, None, None]
    angle, away = np.arctan2(y, x), np.hypot(y, x)
    waves = enumerate(zip(dice.uniform(3, 25, 8), dice.uniform(0, 6.3, 8), strict=True), start=2)
    mask = away < 180 + sum(height * np.sin(count * angle + turn) for count, (height, turn) in waves)
    if number % 4 == 1:
        mask &= np.hypot(y, x + 40) > 40
    if number % 4 == 2:
        mask |= np.hypot(y + 300, x + 400) < 30
    return np.asarray(mask)


def _normal(index: int) -> NormalImage:
    return NormalImage(
        pixels_sha256=f"{index:064x}", source_sha256="0" * 64, png_sha256="0" * 64, png_bytes=PICTURE_BYTES,
        source_format=SourceFormat.JPEG, size=SIZE, is_grey=False, has_alpha=False,
    )  # fmt: skip


def _variant(index: int, sample: int) -> VariantRecord:
    return VariantRecord(
        variant_id=f"{index:032x}{sample:08x}", file_stem=f"{index:06d}_photo__s{sample:02d}", format=OutputFormat.JPEG,
        size=SIZE, size_bytes=PICTURE_BYTES, sha256="0" * 64, sample=sample, layers=(), renderer="none",
    )  # fmt: skip


def coco(stored: Stored) -> None:
    out = Discard()
    for member in CocoExporter().head(cast(Dataset, stored), Count()):
        for chunk in member.chunks():
            out.write(chunk)


def yolo(stored: Stored) -> None:
    exporter, count, out = YoloExporter(CLASSES), Count(), Discard()
    for entry in stored.entries(SPLIT):
        rles = {label.object_id: LabelMask.stored(stored.of(label)[1]).rle for label in entry.picture.labels}
        for file in exporter.files(entry, Content(stored.picture, rles), count):
            out.write(file.data)


def archive(stored: Stored) -> None:
    write_archive((Member(name, partial(iter, (data,))) for name, data in _files(stored)), Discard())


def _files(stored: Stored) -> Iterator[tuple[str, bytes]]:
    """The pictures of a dataset and the masks of each photo."""
    for entry in stored.entries(SPLIT):
        yield entry.picture.file, stored.picture
        if entry.is_source:
            for label in entry.picture.labels:
                yield entry.picture.mask_file(label), stored.of(label)[2]


OURS: dict[str, Callable[[Stored], None]] = {"coco": coco, "yolo": yolo, "archive": archive}


def coco_of_pngs(stored: Stored) -> None:
    """From mask files, as most scripts have them."""
    _dumped(stored, lambda label: _encoded(stored.of(label)[2]))


def coco_of_rles(stored: Stored) -> None:
    """From run lengths that are there already."""
    _dumped(stored, lambda label: json.loads(stored.of(label)[1])["rle"])


def _encoded(png: bytes) -> dict[str, object]:
    mask = np.asarray(Image.open(io.BytesIO(png))) > 0
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def _dumped(stored: Stored, rle_of_label: Callable[[Label], dict[str, object]]) -> None:
    images: list[object] = []
    annotations: list[object] = []
    for number, entry in enumerate(stored.entries(SPLIT), start=1):
        size = entry.picture.size
        images.append({"id": number, "file_name": entry.file, "width": size.width_px, "height": size.height_px})
        for label in entry.picture.labels:
            found = rle_of_label(label)
            rle = {"size": [SIZE.height_px, SIZE.width_px], "counts": found["counts"]}
            measures = {"area": int(coco_mask.area(rle)), "bbox": coco_mask.toBbox(rle).tolist()}
            own = {"id": len(annotations) + 1, "image_id": number, "category_id": CLASSES.index(label.name) + 1}
            annotations.append({**own, "segmentation": rle, "iscrowd": 0, **measures, "score": label.score})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    out = io.TextIOWrapper(io.BufferedWriter(Discard()))
    json.dump({"images": images, "annotations": annotations, "categories": categories}, out)
    out.flush()


def yolo_of_contours(stored: Stored) -> None:
    """Each outer contour a row; holes and how well it comes back are nobody's business."""
    out = Discard()
    for entry in stored.entries(SPLIT):
        rows = []
        for label in entry.picture.labels:
            record = json.loads(stored.of(label)[1])["rle"]
            mask = coco_mask.decode({"size": [SIZE.height_px, SIZE.width_px], "counts": record["counts"]})
            contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            for contour in contours:
                shares = (contour.reshape(-1, 2) / (SIZE.width_px, SIZE.height_px)).ravel()
                rows.append(" ".join([str(CLASSES.index(label.name)), *(f"{share:.6f}" for share in shares)]))
        out.write("\n".join(rows).encode())
        out.write(stored.picture)


def zipped(stored: Stored, *, packs: bool) -> None:
    with zipfile.ZipFile(Discard(), "w", zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED) as archive:
        for name, data in _files(stored):
            archive.writestr(name, data)


LOOPS: dict[str, tuple[str, Callable[[Stored], None]]] = {
    "COCO from mask files": ("coco", coco_of_pngs),
    "COCO from run lengths": ("coco", coco_of_rles),
    "YOLO by outer contours": ("yolo", yolo_of_contours),
    "ZIP, packed": ("archive", partial(zipped, packs=True)),
    "ZIP, as it is": ("archive", partial(zipped, packs=False)),
}
MAIN = dict(zip(OURS, ("COCO from mask files", "YOLO by outer contours", "ZIP, packed"), strict=True))


def main(arguments: list[str]) -> int:
    if arguments:
        OURS[arguments[0]](Stored(MASKS))
        print(machine.peak_mb())
        return 0
    stored = Stored(MEASURED)
    works: dict[str, Callable[[], object]] = {name: partial(work, stored) for name, work in OURS.items()}
    rounds = interleaved(works | {name: partial(work, stored) for name, (_, work) in LOOPS.items()}, rounds=ROUNDS)
    peaks = {name: _peak_mb(name) for name in OURS}
    figures: dict[str, float] = {name: round(rounds.ratio(MAIN[name], name).median, 2) for name in OURS}
    figures["peak_mb"] = max(peaks.values())
    keep(
        "exports",
        figures,
        text=_text(rounds, peaks),
        machine=machine.facts("numpy", "opencv-python-headless", "pycocotools", "pillow"),
        details={"rounds": rounds.told(), "peaks_mb": peaks, "masks": MASKS, "masks_of_a_round": MEASURED},
    )
    return 0


def _peak_mb(name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.exports", name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _text(rounds: Rounds, peaks: dict[str, float]) -> str:
    rows = []
    for loop, (name, _) in LOOPS.items():
        each_ms = 1000 * rounds.seconds(name).median / MEASURED
        rows.append((loop, rounds.ratio(loop, name), f"{each_ms:.3f}", peaks[name]))
    head = ("the usual loop", "its processor time, ours = 1", "ours, ms for each mask", f"ours, peak MB for {MASKS:,}")
    return table(head, rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
