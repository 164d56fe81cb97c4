"""The pixels of rendering: labels and variants of one item, made once and kept by content; it knows no rows or queues.

What exists already is read back instead of made again: an item that was rendered before, by any job of the tenant,
costs no decoding, and what is known of all items of a message is read in two requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lambdas.known import Facts
from lambdas.render_item.canvas import Canvas, label_of
from lambdas.render_item.logic import Painted
from maskmill.core.bill import masks_needed
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.fact import Fact, record_fact
from maskmill.core.mask import rle_hash
from maskmill.core.model import content_hash
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.ports import Objects, Table
from maskmill.core.recipe import Composition, Layer, draw
from maskmill.core.result import (
    ItemResult,
    Label,
    Remark,
    VariantRecord,
    file_stem,
    variant_stems,
)
from maskmill.core.rows import JobState
from maskmill.core.work import Spent
from maskmill.imaging.encode import encode
from maskmill.imaging.render import (
    Rendered,
    drawn_layers,
    mask_identity,
    render,
    renderer_version,
    seed_of,
    variant_id,
)


def look(table: Table, media: Objects, job: JobState, chunk: Chunk, items: Iterable[PlannedItem]) -> Facts:
    """What is known of some items: their masks and labels, and what was drawn of the labels that are known.

    What was drawn of a label that is new is not looked for: it is there only where another refinement gave the very
    same mask, and is then made again with the same bytes.
    """
    known = Facts(table, media, job.tenant)
    canvases = [Canvas(media, known, job, chunk, item, item.normal) for item in items if item.normal is not None]
    known.look_up(fact for canvas in canvases for fact in canvas.facts())
    known.look_up(fact for canvas in canvases if canvas.is_labelled for fact in _records(canvas))
    return known


def _records(canvas: Canvas) -> Iterator[Fact]:
    """The records of all variants of an item whose labels are known."""
    try:
        labels = canvas.labels()
    except Exception:  # noqa: BLE001 - painting this item meets it again, and keeps no other from its end
        return
    if _wants_variants(canvas, labels):
        for drawing in _drawings(canvas):
            yield record_fact(canvas.normal.pixels_sha256, drawing.record_id)


def paint(media: Objects, known: Facts, job: JobState, chunk: Chunk, item: PlannedItem) -> Painted:
    """Make everything that one item leaves behind; raises MaskmillError when it never can.

    Its pictures are stored; what is to be kept of them is learned by `known`, which its owner keeps.
    """
    if item.normal is None:
        raise InvalidInput(Code.RENDER_FAILED, detail=f"item {item.index} has no normal image")
    canvas = Canvas(media, known, job, chunk, item, item.normal)
    labels = canvas.labels()
    stem = file_stem(item.index, item.name)
    variants = tuple(_variants(canvas, stem)) if _wants_variants(canvas, labels) else ()
    result = ItemResult(
        index=item.index,
        image_id=item.image_id,
        image_name=item.name,
        file_stem=stem,
        normal=item.normal,
        labels=tuple(labels.values()),
        variants=variants,
        remarks=() if len(labels) == len(canvas.templates) else (Remark.EMPTY_MASK,),
    )
    return Painted(result, _made(canvas, result))


def _made(canvas: Canvas, result: ItemResult) -> Spent:
    own = sum(len(variant.labels or ()) for variant in result.variants)
    return Spent(
        variants=len(result.variants),
        variants_made=canvas.variants_made,
        labels=len(result.labels) + own,
        labels_made=canvas.labels_made,
        made_bytes=canvas.made_bytes,
        masks=masks_needed(canvas.job.job.recipe, canvas.item.image_id),
    )


def _wants_variants(canvas: Canvas, labels: dict[str, Label]) -> bool:
    return bool(labels) and canvas.recipe.splits.has_variants(canvas.normal.pixels_sha256)


class _Drawing(NamedTuple):
    """One variant before it is drawn: its place among the others, and its names."""

    layers: tuple[Layer, ...]
    sample: int
    position: int
    variant_id: str
    record_id: str


def _drawings(canvas: Canvas) -> Iterator[_Drawing]:
    """The variants of a labelled item, but for those whose regions are empty on its picture."""
    recipe = canvas.recipe
    for sample in range(recipe.samples_per_image):
        layers = draw(recipe, source=canvas.normal.pixels_sha256, sample=sample)
        groups = [layers] if recipe.composition is Composition.STACKED else [(layer,) for layer in layers]
        for position, group in enumerate(groups):
            if any(not isinstance(layer.region, str) or canvas.masks[layer.region].area_px for layer in group):
                identity = _identity(canvas, group, sample)
                yield _Drawing(group, sample, position, identity, _record_id(canvas, identity))


def _variants(canvas: Canvas, stem: str) -> list[VariantRecord]:
    names = {template_id: template.name for template_id, template in canvas.templates.items()}
    stems = variant_stems(stem, canvas.recipe, names)
    is_stacked = canvas.recipe.composition is Composition.STACKED
    made: list[VariantRecord] = []
    for drawing in _drawings(canvas):
        record = _variant(canvas, drawing)
        if record is not None:
            place = {"sample": drawing.sample, "layer": None if is_stacked else drawing.position}
            own = {"file_stem": stems[drawing.sample][drawing.position], "layers": drawing.layers, **place}
            made.append(record.model_copy(update=own))  # ids differ for equal content
    return made


def _variant(canvas: Canvas, drawing: _Drawing) -> VariantRecord | None:
    """One variant, read back or made; None when its regions are empty on this image."""
    known = canvas.known_record(drawing.record_id)
    if known is not None:
        return known
    record = _rendered(canvas, drawing.layers, drawing.variant_id)
    if record is not None:
        canvas.keep_record(drawing.record_id, record)
    return record


def _identity(canvas: Canvas, layers: tuple[Layer, ...], sample: int) -> str:
    return variant_id(
        pixels_sha256=canvas.normal.pixels_sha256,
        layers=layers,
        masks={
            template_id: mask_identity(
                rle_sha256=rle_hash(mask.rle), feather_px=canvas.templates[template_id].refinement.feather_px
            )
            for template_id, mask in canvas.masks.items()
        },
        backgrounds={image_id: normal.pixels_sha256 for image_id, normal in canvas.chunk.backgrounds.items()},
        output=canvas.recipe.output,
        renderer=renderer_version(),
        sample=sample,
    )


def _record_id(canvas: Canvas, identity: str) -> str:
    labels = [[template_id, template.name] for template_id, template in canvas.templates.items()]
    return content_hash({"variant": identity, "labels": labels})


def _rendered(canvas: Canvas, layers: tuple[Layer, ...], identity: str) -> VariantRecord | None:
    drawn = drawn_layers(layers, canvas.alpha)
    if not drawn:
        return None
    wanted = {layer.edits.cutout.image_id for layer in drawn if layer.edits.cutout is not None}
    backgrounds = {image_id: canvas.background(image_id) for image_id in wanted if image_id is not None}
    rendered = render(canvas.picture, drawn, seed=seed_of(identity), backgrounds=backgrounds)
    data = encode(rendered.picture, canvas.recipe.output)
    canvas.keep_variant(identity, data)
    canvas.keep_thumbnail(identity, rendered.picture)
    return VariantRecord(
        variant_id=identity,
        file_stem="",
        format=canvas.recipe.output.format,
        size=rendered.geometry.size,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sample=0,
        layers=layers,
        renderer=renderer_version(),
        labels=None if rendered.keeps_labels else _own_labels(canvas, identity, rendered),
        has_thumbnail=True,
    )


def _own_labels(canvas: Canvas, identity: str, rendered: Rendered) -> tuple[Label, ...]:
    """The labels of a variant that does not show what its source shows: it is cropped, shrunk or cut out."""
    own = []
    for template_id, mask in canvas.masks.items():
        on_variant = rendered.label(canvas.soft(template_id).mask)
        if on_variant.any():
            object_id = content_hash({"variant": identity, "rle": rle_hash(mask.rle)})[:40]
            kept = canvas.keep_label(object_id, on_variant, mask.score)
            own.append(label_of(template_id, canvas.templates[template_id], object_id, kept))
    return tuple(own)
