"""The pixels of rendering: labels and variants of one item, made once and kept by content; it knows no rows or queues.

What exists already is read back instead of made again: an item that was rendered before, by any job of the tenant,
costs a few small reads and no decoding.
"""

from __future__ import annotations

import hashlib

from lambdas.render_item.canvas import Canvas, label_of
from lambdas.render_item.logic import Painted
from maskmill.core.bill import masks_needed
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.mask import rle_hash
from maskmill.core.model import content_hash
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.ports import Objects
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


def paint(media: Objects, job: JobState, chunk: Chunk, item: PlannedItem) -> Painted:
    """Make and store everything that one item leaves behind; raises MaskmillError when it never can."""
    if item.normal is None:
        raise InvalidInput(Code.RENDER_FAILED, detail=f"item {item.index} has no normal image")
    canvas = Canvas(media, job, chunk, item, item.normal)
    labels = canvas.labels()
    stem = file_stem(item.index, item.name)
    wants_variants = bool(labels) and canvas.recipe.splits.has_variants(item.normal.pixels_sha256)
    variants = tuple(_variants(canvas, stem)) if wants_variants else ()
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


def _variants(canvas: Canvas, stem: str) -> list[VariantRecord]:
    recipe = canvas.recipe
    names = {template_id: template.name for template_id, template in canvas.templates.items()}
    made: list[VariantRecord] = []
    for sample, stems in enumerate(variant_stems(stem, recipe, names)):
        layers = draw(recipe, source=canvas.normal.pixels_sha256, sample=sample)
        is_stacked = recipe.composition is Composition.STACKED
        groups = [layers] if is_stacked else [(layer,) for layer in layers]
        for position, (group, variant_stem) in enumerate(zip(groups, stems, strict=True)):
            record = _variant(canvas, group, sample)
            if record is not None:
                place = {"sample": sample, "layer": None if is_stacked else position}
                own = {"file_stem": variant_stem, "layers": group, **place}  # ids differ for equal content
                made.append(record.model_copy(update=own))
    return made


def _variant(canvas: Canvas, layers: tuple[Layer, ...], sample: int) -> VariantRecord | None:
    """One variant, read back or made; None when its regions are empty on this image."""
    if all(isinstance(layer.region, str) and not canvas.masks[layer.region].area_px for layer in layers):
        return None
    identity = variant_id(
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
    labels = [[template_id, template.name] for template_id, template in canvas.templates.items()]
    record_id = content_hash({"variant": identity, "labels": labels})
    known = canvas.known_record(record_id)
    if known is not None:
        return known
    record = _rendered(canvas, layers, identity)
    if record is not None:
        canvas.keep_record(record_id, record)
    return record


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
