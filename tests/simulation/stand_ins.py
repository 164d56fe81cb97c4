"""What stands in for pixels: photos of one word, and an imaging and a model that do what the word says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

from lambdas import known as facts
from lambdas.known import Facts
from lambdas.render_item.logic import Painted
from maskmill.core import keys
from maskmill.core.errors import Code, InvalidInput, ModelFailure
from maskmill.core.export import ExportFormat, ExportPart, MadePart, Split, SplitTally, Tally
from maskmill.core.fact import Fact, label_fact, mask_fact, record_fact
from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage, Refusal, SourceFormat
from maskmill.core.mask import Mask, Rle
from maskmill.core.model import content_hash
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.ports import ObjectMissing
from maskmill.core.recipe import OutputFormat
from maskmill.core.result import BoxPx, ItemResult, Label, LabelMask, Results, VariantRecord
from maskmill.core.rows import JobState
from maskmill.core.shard import ImageAnswer, MaskAnswer, ShardAnswer, ShardRequest
from maskmill.core.work import Spent
from maskmill.exports.parts import PlannedPart
from tests.simulation.cloud import MemoryObjects, MemoryTable
from tests.simulation.world import World

SIZE = Size(height_px=8, width_px=8)


def file_of(kind: float, image_id: str) -> bytes:
    """A make-believe photo whose first word says what will happen to it."""
    word = "broken" if kind < 0.1 else "poison" if kind < 0.2 else "empty" if kind < 0.3 else "good"
    return f"{word} {image_id if kind < 0.9 else 'twin'}".encode()


@dataclass(frozen=True, slots=True)
class _Normalised:
    normal: NormalImage
    png: bytes
    thumbnail: bytes


def normalise(data: bytes) -> _Normalised:
    if data.startswith(b"broken"):
        raise InvalidInput(Code.CORRUPT_IMAGE)
    normal = NormalImage(
        pixels_sha256=data.hex()[:12].ljust(12, "0") + hashlib.sha256(data).hexdigest()[12:],
        source_sha256=hashlib.sha256(data).hexdigest(),
        png_sha256="0" * 64,
        png_bytes=1,
        source_format=SourceFormat.JPEG,
        size=SIZE,
        is_grey=False,
        has_alpha=False,
    )
    return _Normalised(normal=normal, png=data, thumbnail=data)


def check(rle: Rle, size: Size) -> None:
    if rle.size != size:
        raise ModelFailure(Code.INVALID_MASK)


def word_of(pixels_sha256: str) -> str:
    """The word of a photo, from the identity of its pixels, which begins with it."""
    return bytes.fromhex(pixels_sha256[:12]).decode().split()[0].rstrip("\0")


def answer_to(request: ShardRequest) -> ShardAnswer:
    images = []
    for task in request.images:
        word = word_of(task.address.split("/px/")[1])
        if word == "poison":
            images.append(ImageAnswer(image_key=task.image_key, error=Refusal(code="model_failed", message="poison")))
            continue
        counts = "0" if word == "empty" else _counts_of(task.address.split("/px/")[1].split("/")[0])
        masks = tuple(
            MaskAnswer(mask_key=prompt.mask_key, mask=Mask(rle=Rle(size=task.size, counts=counts), score=1.0))
            for prompt in task.prompts
        )
        images.append(ImageAnswer(image_key=task.image_key, masks=masks))
    return ShardAnswer(segmenter=request.segmenter, images=tuple(images))


@cache
def _counts_of(pixels_sha256: str) -> str:
    """A mask that is found; of every fourth picture one that is too long for a row."""
    if int(pixels_sha256[-1], 16) % 4:
        return "x"
    return "".join(hashlib.sha256(f"{pixels_sha256} {part}".encode()).hexdigest() for part in range(320))


def look(table: MemoryTable, media: MemoryObjects, job: JobState, _chunk: Chunk, items: Iterable[PlannedItem]) -> Facts:
    """Masks and labels of all items in one request, records in another."""
    known, looked_at = Facts(table, media, job.tenant), list(items)
    known.look_up(fact for item in looked_at for mask in _masks(job, item).values() for fact in (mask, _label(mask)))
    known.look_up(_record(job, item) for item in looked_at if item.normal is not None)
    return known


def _masks(job: JobState, item: PlannedItem) -> dict[str, Fact]:
    """The masks of an item by template."""
    found = {}
    for template_id, template in job.job.recipe.templates.items() if item.normal is not None else ():
        mask_key = mask_key_for(item, template, job.job.segmenter)
        assert mask_key is not None
        assert item.normal is not None
        found[template_id] = mask_fact(item.normal.pixels_sha256, mask_key)
    return found


def _label(mask: Fact) -> Fact:
    """Labels have the names of their masks here."""
    return label_fact(mask.pixels_sha256, mask.fact_id)


def _record(job: JobState, item: PlannedItem) -> Fact:
    assert item.normal is not None
    cause = {"item": item.index, "layers": job.job.recipe.recipe.layers}
    return record_fact(item.normal.pixels_sha256, content_hash(cause))


def _learn_label(known: Facts, mask: Fact) -> LabelMask:
    """The label of a mask, whose picture is never written here; raises ObjectMissing where the mask has gone."""
    kept = known.read(_label(mask))
    if kept is not None:
        return LabelMask.stored(kept)
    data = known.read(mask)
    if data is None:
        raise ObjectMissing(mask.fact_id)
    found = Mask.stored(data)
    is_empty = found.rle.counts == "0"
    box = BoxPx(x=0, y=0, width=2, height=2)
    label = LabelMask(
        rle=found.rle, png_sha256="0" * 64, png_bytes=1, score=found.score, area_px=0 if is_empty else 4, box=box
    )
    known.learn(_label(mask), label.model_dump_json().encode())
    return label


def paint(media: MemoryObjects, known: Facts, job: JobState, _chunk: Chunk, item: PlannedItem) -> Painted:
    assert item.normal is not None
    pixels = item.normal.pixels_sha256
    labels = []
    for template_id, fact in _masks(job, item).items():
        mask, template = _learn_label(known, fact), job.job.recipe.templates[template_id]
        if not mask.area_px:
            continue
        labels.append(
            Label(
                template_id=template_id,
                name=template.name,
                score=mask.score,
                rle_sha256="0" * 64,
                png_sha256="0" * 64,
                png_bytes=1,
                area_px=mask.area_px,
                box=mask.box,
                object_id=fact.fact_id,
            )
        )
    data = f"variant of {pixels}".encode()
    media.put(keys.variant(job.tenant, pixels, "v1", "webp"), data, media_type="image/webp")
    media.put(keys.variant_thumbnail(job.tenant, pixels, "v1"), data, media_type="image/webp")
    variant = VariantRecord(
        variant_id="v1",
        file_stem=f"{item.index:04d}",
        format=OutputFormat.WEBP,
        size=SIZE,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sample=0,
        layers=job.job.recipe.recipe.layers,
        renderer="sim",
        has_thumbnail=True,
    )
    known.learn(_record(job, item), variant.model_dump_json().encode())
    result = ItemResult(
        index=item.index,
        image_id=item.image_id,
        image_name=item.name,
        file_stem=f"{item.index:04d}",
        normal=item.normal,
        labels=tuple(labels),
        variants=(variant,),
    )
    return Painted(
        result, Spent(variants=1, variants_made=1, labels=len(labels), made_bytes=len(data), masks=len(labels))
    )


def write_dataset(table: MemoryTable, media: MemoryObjects, job: JobState, results: Results) -> int:
    """Reads each label, and writes a list of what was recorded."""
    _read_labels(table, media, job, results)
    data = json.dumps([result.model_dump(mode="json") for result in results]).encode()
    media.put(keys.dataset_file(job.tenant, job.job.job_id, keys.ANNOTATIONS), data, media_type="application/json")
    return len(data)


def _read_labels(table: MemoryTable, media: MemoryObjects, job: JobState, results: Iterable[ItemResult]) -> None:
    for data in facts.in_order(table, media, job.tenant, _labels_of(results)):
        LabelMask.stored(data)


def _labels_of(results: Iterable[ItemResult]) -> Iterator[Fact]:
    for result in results:
        yield from (label_fact(result.normal.pixels_sha256, label.object_id) for label in result.labels)


PARTS = 4
PART_S = 85.0  # so that one run cannot make them all


@dataclass(frozen=True, slots=True)
class SlowMaker:
    """Makes exports of a few parts: each reads its pictures and tells which items it holds."""

    world: World
    alone: Callable[[str], AbstractContextManager[None]]

    def parts(self, job: JobState, results: Results, export: ExportFormat) -> list[PlannedPart]:
        return [PlannedPart(export, number, f"{number}.json", None, number, PARTS) for number in range(PARTS)]

    def make(
        self, table: MemoryTable, media: MemoryObjects, job: JobState, results: Results, part: PlannedPart
    ) -> MadePart:
        where = f"{part.export} {part.number} of {job.job.job_id}"
        with self.alone(where):
            held = list(results)[part.start :: part.stop]
            _read_labels(table, media, job, held)
            for result in held:
                media.get(keys.normal(job.tenant, result.normal.pixels_sha256))
            self.world.work(PART_S, where)
            data = json.dumps([result.index for result in held]).encode()
            key = keys.export_file(job.tenant, job.job.job_id, part.export, part.name)
            media.put(key, data, media_type="application/zip")
        made = ExportPart(
            name=part.name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), pictures=len(held)
        )
        return MadePart(part=made, tally=Tally(splits={Split.TRAIN: SplitTally(sources=len(held))}))
