"""The pixels of rendering: labels and variants of one item, made once and kept by content; it knows no rows or queues.

What exists already is read back instead of made again: an item that was rendered before, by any job of the tenant,
costs a few small reads and no decoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from pydantic import BaseModel

from lambdas.render_item.logic import Painted
from maskmill.core import keys
from maskmill.core.bill import masks_needed
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage
from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.core.mask import Mask, Rle, rle_hash
from maskmill.core.model import content_hash
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.ports import ObjectMissing, Objects
from maskmill.core.prompt import Refinement, Template, given_mask
from maskmill.core.recipe import Composition, Layer, OutputFormat, Recipe, draw
from maskmill.core.result import (
    EXTENSIONS,
    MEDIA_TYPES,
    ItemResult,
    Label,
    LabelMask,
    Remark,
    VariantRecord,
    file_stem,
    variant_stems,
)
from maskmill.core.rows import JobState
from maskmill.core.work import Spent
from maskmill.imaging.encode import encode, thumbnail_of
from maskmill.imaging.masks import area_px, box_px, mask_of, mask_png, rle_of
from maskmill.imaging.normal import read_normal
from maskmill.imaging.picture import Bools, Picture
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import SoftMask
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
    canvas = _Canvas(media, job, chunk, item, item.normal)
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


def _made(canvas: _Canvas, result: ItemResult) -> Spent:
    own = sum(len(variant.labels or ()) for variant in result.variants)
    return Spent(
        variants=len(result.variants),
        variants_made=canvas.variants_made,
        labels=len(result.labels) + own,
        labels_made=canvas.labels_made,
        made_bytes=canvas.made_bytes,
        masks=masks_needed(canvas.job.job.recipe, canvas.item.image_id),
    )


@dataclass
class _Canvas:
    """One item with its pictures and masks, each read and decoded at most once, and only when needed."""

    media: Objects
    job: JobState
    chunk: Chunk
    item: PlannedItem
    normal: NormalImage
    masks: dict[str, LabelMask] = field(default_factory=dict)
    variants_made: int = 0
    labels_made: int = 0
    made_bytes: int = 0
    _soft: dict[str, SoftMask] = field(default_factory=dict)

    @property
    def templates(self) -> Mapping[str, Template]:
        return self.job.job.recipe.templates

    @property
    def recipe(self) -> Recipe:
        return self.job.job.recipe.recipe

    @cached_property
    def picture(self) -> Picture:
        return read_normal(self.media.get(keys.normal(self.job.tenant, self.normal.pixels_sha256)))

    def labels(self) -> dict[str, Label]:
        """The labels by template; templates that found nothing are left out."""
        found = {}
        for template_id, template in self.templates.items():
            object_id, mask = self._refined(template)
            self.masks[template_id] = mask
            if mask.area_px:
                found[template_id] = _label(template_id, template, object_id, mask)
        return found

    def soft(self, template_id: str) -> SoftMask:
        """A template's refined mask with its soft edge."""
        if template_id not in self._soft:
            mask = mask_of(self.masks[template_id].rle)
            self._soft[template_id] = SoftMask(mask, self.templates[template_id].refinement.feather_px)
        return self._soft[template_id]

    def background(self, image_id: str) -> Picture:
        normal = self.chunk.backgrounds.get(image_id)
        if normal is None:
            raise InvalidInput(Code.RENDER_FAILED, detail=f"background {image_id} is missing")
        return read_normal(self.media.get(keys.normal(self.job.tenant, normal.pixels_sha256)))

    def keep_label(self, object_id: str, mask: Bools, score: float) -> LabelMask:
        """Store a refined mask: its PNG first, so that a record always has its picture."""
        png = mask_png(mask)
        kept = LabelMask(
            rle=rle_of(mask),
            png_sha256=hashlib.sha256(png).hexdigest(),
            png_bytes=len(png),
            score=score,
            area_px=area_px(mask),
            box=box_px(mask),
        )
        tenant, pixels = self.job.tenant, self.normal.pixels_sha256
        self.media.put(keys.label_png(tenant, pixels, object_id), png, media_type="image/png")
        self.labels_made += 1
        self.made_bytes += len(png)
        self._keep(keys.label_rle(tenant, pixels, object_id), kept)
        return kept

    def keep_variant(self, identity: str, data: bytes) -> None:
        output = self.recipe.output.format
        key = keys.variant(self.job.tenant, self.normal.pixels_sha256, identity, EXTENSIONS[output])
        self.media.put(key, data, media_type=MEDIA_TYPES[output])
        self.variants_made += 1
        self.made_bytes += len(data)

    def keep_thumbnail(self, identity: str, picture: Picture) -> None:
        data = thumbnail_of(picture, VARIANT_THUMBNAIL_SIDE_PX)
        key = keys.variant_thumbnail(self.job.tenant, self.normal.pixels_sha256, identity)
        self.media.put(key, data, media_type=MEDIA_TYPES[OutputFormat.WEBP])
        self.made_bytes += len(data)

    def known_record(self, record_id: str) -> VariantRecord | None:
        try:
            data = self.media.get(keys.variant_record(self.job.tenant, self.normal.pixels_sha256, record_id))
        except ObjectMissing:
            return None
        return VariantRecord.model_validate_json(data)

    def keep_record(self, record_id: str, record: VariantRecord) -> None:
        self._keep(keys.variant_record(self.job.tenant, self.normal.pixels_sha256, record_id), record)

    def _keep(self, key: str, value: BaseModel) -> None:
        data = value.model_dump_json().encode()
        self.media.put(key, data, media_type="application/json")
        self.made_bytes += len(data)

    def _refined(self, template: Template) -> tuple[str, LabelMask]:
        mask_key = mask_key_for(self.item, template, self.job.job.segmenter)
        given = given_mask(template, self.item.image_id)
        object_id = keys.object_id_of(
            pixels_sha256=self.normal.pixels_sha256,
            mask_key=mask_key if given is None else rle_hash(given),
            refinement=template.refinement,
        )
        try:
            data = self.media.get(keys.label_rle(self.job.tenant, self.normal.pixels_sha256, object_id))
            return object_id, LabelMask.model_validate_json(data)
        except ObjectMissing:
            raw = self._raw(mask_key) if given is None else self._given(given)
        refined = refine(mask_of(raw.rle, size=self.normal.size), _hard(template.refinement))
        return object_id, self.keep_label(object_id, refined, raw.score)

    def _given(self, rle: Rle) -> Mask:
        """The mask that a template brings along; raises InvalidInput on a picture of another size."""
        if rle.size != self.normal.size:
            mine, its = self.normal.size, rle.size
            words = f"{its.width_px} × {its.height_px} pixels, this picture {mine.width_px} × {mine.height_px}"
            advice = "Name the pictures that the mask belongs to (`image_ids`)."
            raise InvalidInput(Code.INVALID_MASK, message=f"The template's mask has {words}. {advice}")
        return Mask(rle=rle, score=1.0)

    def _raw(self, mask_key: str | None) -> Mask:
        if mask_key is None:
            return Mask(rle=_whole(self.normal.size), score=1.0)
        data = self.media.get(keys.mask(self.job.tenant, self.normal.pixels_sha256, mask_key))
        return Mask.model_validate_json(data)


def _hard(refinement: Refinement) -> Refinement:
    return refinement.model_copy(update={"feather_px": 0.0})


def _whole(size: Size) -> Rle:
    return rle_of(np.ones((size.height_px, size.width_px), bool))


def _label(template_id: str, template: Template, object_id: str, mask: LabelMask) -> Label:
    return Label(
        template_id=template_id,
        name=template.name,
        score=mask.score,
        rle_sha256=rle_hash(mask.rle),
        png_sha256=mask.png_sha256,
        png_bytes=mask.png_bytes,
        area_px=mask.area_px,
        box=mask.box,
        object_id=object_id,
    )


def _variants(canvas: _Canvas, stem: str) -> list[VariantRecord]:
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


def _variant(canvas: _Canvas, layers: tuple[Layer, ...], sample: int) -> VariantRecord | None:
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


def _rendered(canvas: _Canvas, layers: tuple[Layer, ...], identity: str) -> VariantRecord | None:
    soft = {template_id: canvas.soft(template_id) for template_id in canvas.masks}
    drawn = drawn_layers(layers, soft)
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


def _own_labels(canvas: _Canvas, identity: str, rendered: Rendered) -> tuple[Label, ...]:
    """The labels of a variant that does not show what its source shows: it is cropped, shrunk or cut out."""
    own = []
    for template_id, mask in canvas.masks.items():
        on_variant = rendered.label(canvas.soft(template_id).mask)
        if on_variant.any():
            object_id = content_hash({"variant": identity, "rle": rle_hash(mask.rle)})[:40]
            kept = canvas.keep_label(object_id, on_variant, mask.score)
            own.append(_label(template_id, canvas.templates[template_id], object_id, kept))
    return tuple(own)
