"""One item on its way to its pictures: what is read of it, and what is kept of it by content; it draws no variant."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lambdas.known import Facts
from maskmill.core import keys
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.fact import Fact, label_fact, mask_fact, record_fact
from maskmill.core.geometry import Size
from maskmill.core.image import NormalImage
from maskmill.core.limits import VARIANT_THUMBNAIL_SIDE_PX
from maskmill.core.mask import Mask, Rle, rle_hash
from maskmill.core.plan import Chunk, PlannedItem, mask_key_for
from maskmill.core.ports import ObjectMissing, Objects
from maskmill.core.prompt import Refinement, Template, given_mask
from maskmill.core.recipe import OutputFormat, Recipe, Region, names_in
from maskmill.core.result import EXTENSIONS, MEDIA_TYPES, Label, LabelMask, VariantRecord
from maskmill.core.rows import JobState
from maskmill.imaging.encode import thumbnail_of
from maskmill.imaging.masks import area_px, box_px, mask_of, mask_png, rle_of
from maskmill.imaging.normal import read_normal
from maskmill.imaging.picture import Bools, Picture
from maskmill.imaging.refine import refine
from maskmill.imaging.regions import Alpha, SoftMask, region_alpha

ALPHAS_BYTES_MAX = 256 * 1024**2  # that an item's regions may keep of a function's memory


@dataclass
class Canvas:
    """One item with its pictures and masks, each read and decoded at most once, and only when needed."""

    media: Objects
    known: Facts
    job: JobState
    chunk: Chunk
    item: PlannedItem
    normal: NormalImage
    masks: dict[str, LabelMask] = field(default_factory=dict)
    variants_made: int = 0
    labels_made: int = 0
    made_bytes: int = 0
    _soft: dict[str, SoftMask] = field(default_factory=dict)
    _alphas: dict[Region, Alpha] = field(default_factory=dict)

    @property
    def templates(self) -> Mapping[str, Template]:
        return self.job.job.recipe.templates

    @property
    def recipe(self) -> Recipe:
        return self.job.job.recipe.recipe

    @cached_property
    def picture(self) -> Picture:
        return read_normal(self.media.get(keys.normal(self.job.tenant, self.normal.pixels_sha256)))

    def facts(self) -> list[Fact]:
        """The masks and labels of this item, by name."""
        masks = [mask_key_for(self.item, template, self.job.job.segmenter) for template in self.templates.values()]
        wanted = [mask_fact(self.normal.pixels_sha256, mask_key) for mask_key in masks if mask_key is not None]
        return wanted + self._label_facts()

    @property
    def is_labelled(self) -> bool:
        """Whether all of its labels are known, so that reading them makes nothing."""
        return all(map(self.known.has, self._label_facts()))

    def _label_facts(self) -> list[Fact]:
        return [
            label_fact(self.normal.pixels_sha256, self._object_id(template)) for template in self.templates.values()
        ]

    def labels(self) -> dict[str, Label]:
        """The labels by template; templates that found nothing are left out."""
        found = {}
        for template_id, template in self.templates.items():
            object_id, mask = self._refined(template)
            self.masks[template_id] = mask
            if mask.area_px:
                found[template_id] = label_of(template_id, template, object_id, mask)
        return found

    def soft(self, template_id: str) -> SoftMask:
        """A template's refined mask with its soft edge."""
        if template_id not in self._soft:
            mask = mask_of(self.masks[template_id].rle)
            self._soft[template_id] = SoftMask(mask, self.templates[template_id].refinement.feather_px)
        return self._soft[template_id]

    def alpha(self, region: Region) -> Alpha:
        """The soft region of a layer; kept for the layer's other samples while all of them fit ALPHAS_BYTES_MAX."""
        if region in self._alphas:
            return self._alphas[region]
        alpha = region_alpha(region, {template_id: self.soft(template_id) for template_id in set(names_in(region))})
        if alpha.values.nbytes + sum(kept.values.nbytes for kept in self._alphas.values()) <= ALPHAS_BYTES_MAX:
            self._alphas[region] = alpha
        return alpha

    def background(self, image_id: str) -> Picture:
        normal = self.chunk.backgrounds.get(image_id)
        if normal is None:
            raise InvalidInput(Code.RENDER_FAILED, detail=f"background {image_id} is missing")
        return read_normal(self.media.get(keys.normal(self.job.tenant, normal.pixels_sha256)))

    def keep_label(self, object_id: str, mask: Bools, score: float) -> LabelMask:
        """Store a refined mask: its PNG now, so that what is kept of it later always has its picture."""
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
        self.known.learn(label_fact(pixels, object_id), kept.model_dump_json().encode())
        self.labels_made += 1
        self.made_bytes += len(png)
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
        data = self.known.read(record_fact(self.normal.pixels_sha256, record_id))
        return None if data is None else VariantRecord.stored(data)

    def keep_record(self, record_id: str, record: VariantRecord) -> None:
        self.known.learn(record_fact(self.normal.pixels_sha256, record_id), record.model_dump_json().encode())

    def _refined(self, template: Template) -> tuple[str, LabelMask]:
        object_id = self._object_id(template)
        data = self.known.read(label_fact(self.normal.pixels_sha256, object_id))
        if data is not None:
            return object_id, LabelMask.stored(data)
        given = given_mask(template, self.item.image_id)
        raw = self._raw(template) if given is None else self._given(given)
        refined = refine(mask_of(raw.rle, size=self.normal.size), _hard(template.refinement))
        return object_id, self.keep_label(object_id, refined, raw.score)

    def _object_id(self, template: Template) -> str:
        given = given_mask(template, self.item.image_id)
        mask_key = mask_key_for(self.item, template, self.job.job.segmenter) if given is None else rle_hash(given)
        return keys.object_id_of(
            pixels_sha256=self.normal.pixels_sha256, mask_key=mask_key, refinement=template.refinement
        )

    def _given(self, rle: Rle) -> Mask:
        """The mask that a template brings along; raises InvalidInput on a picture of another size."""
        if rle.size != self.normal.size:
            mine, its = self.normal.size, rle.size
            words = f"{its.width_px} × {its.height_px} pixels, this picture {mine.width_px} × {mine.height_px}"
            advice = "Name the pictures that the mask belongs to (`image_ids`)."
            raise InvalidInput(Code.INVALID_MASK, message=f"The template's mask has {words}. {advice}")
        return Mask(rle=rle, score=1.0)

    def _raw(self, template: Template) -> Mask:
        mask_key = mask_key_for(self.item, template, self.job.job.segmenter)
        if mask_key is None:
            return Mask(rle=_whole(self.normal.size), score=1.0)
        data = self.known.read(mask_fact(self.normal.pixels_sha256, mask_key))
        if data is None:
            raise ObjectMissing(mask_key)
        return Mask.stored(data)


def label_of(template_id: str, template: Template, object_id: str, mask: LabelMask) -> Label:
    """A refined mask under the name of its template."""
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


def _hard(refinement: Refinement) -> Refinement:
    return refinement.model_copy(update={"feather_px": 0.0})


def _whole(size: Size) -> Rle:
    return rle_of(np.ones((size.height_px, size.width_px), bool))
