"""Recipes: which regions get which edits, how often, and in which form they leave; it knows no pixels.

A recipe names templates of a dataset by id. `resolve` replaces the ids by the templates themselves, so that a job is
not changed by a later change of a template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from statistics import NormalDist
from typing import Annotated, Self

from pydantic import Field, model_validator

from maskmill.core.edit import RANGES, Background, Edits, VariedEdit
from maskmill.core.errors import Code, FieldFault, InvalidInput
from maskmill.core.export import ExportFormat, Splits
from maskmill.core.limits import (
    IMAGES_PER_JOB_MAX,
    LAYERS_PER_RECIPE_MAX,
    PICTURES_PER_IMAGE_MAX,
    REGION_DEPTH_MAX,
    REGION_MASKS_MAX,
    SAMPLES_PER_IMAGE_MAX,
    TEMPLATES_PER_RECIPE_MAX,
    VARIANTS_PER_IMAGE_MAX,
    VARIANTS_PER_JOB_MAX,
)
from maskmill.core.model import Model, Number, content_hash
from maskmill.core.prompt import Template


class RegionOp(StrEnum):
    """How masks are combined."""

    UNION = "union"
    INTERSECT = "intersect"
    SUBTRACT = "subtract"  # the first without all others
    INVERT = "invert"  # exactly one operand


class RegionExpr(Model):
    """An expression of masks, for example subtract(shirt, logo)."""

    op: RegionOp
    of: Annotated[tuple[Region, ...], Field(min_length=1, max_length=TEMPLATES_PER_RECIPE_MAX)]

    @model_validator(mode="after")
    def _has_its_operands(self) -> Self:
        if self.op is RegionOp.INVERT and len(self.of) != 1:
            raise ValueError("invert takes exactly one region")
        if depth_of(self) > REGION_DEPTH_MAX:
            raise ValueError(f"regions nest at most {REGION_DEPTH_MAX} deep")
        if sum(1 for _ in names_in(self)) > REGION_MASKS_MAX:
            raise ValueError(f"a region names at most {REGION_MASKS_MAX} masks")
        return self


Region = str | RegionExpr  # a template id, or an expression over template ids


class Distribution(Model):
    """Values drawn from a seed: exactly one of uniform [low, high], normal [mean, standard deviation] or choice.

    What is drawn lies in the range of its edit: bounds, choices and means outside of it are refused, and the tails of a
    normal distribution are cut off there. A drawn value has six digits after the point.
    """

    uniform: tuple[Number, Number] | None = None
    normal: tuple[Number, Annotated[Number, Field(ge=0.0)]] | None = None
    choice: Annotated[tuple[Number, ...], Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if sum(value is not None for value in (self.uniform, self.normal, self.choice)) != 1:
            raise ValueError("give exactly one of uniform, normal or choice")
        if self.uniform is not None and self.uniform[0] > self.uniform[1]:
            raise ValueError("uniform needs [low, high] with low <= high")
        return self

    def named(self) -> tuple[float, ...]:
        """The values that the distribution names: its bounds, its choices or its mean."""
        return self.uniform or self.choice or (self.normal or ())[:1]


class Layer(Model):
    """One region with its edits; `vary` draws a new value per sample for the edits that it names."""

    region: Region
    edits: Edits = Edits()
    vary: dict[VariedEdit, Distribution] = {}

    @model_validator(mode="after")
    def _draws_within_ranges(self) -> Self:
        for edit, distribution in self.vary.items():
            low, high = RANGES[edit]
            for value in distribution.named():
                if not low <= value <= high:
                    raise ValueError(f"{edit} is drawn from values of {low:g} to {high:g}, not {value:g}")
        return self


class Composition(StrEnum):
    """Whether each layer makes a variant of its own, or all layers are stacked into one."""

    SEPARATE = "separate"
    STACKED = "stacked"


class OutputFormat(StrEnum):
    """The encodings of a variant."""

    WEBP = "webp"
    PNG = "png"
    JPEG = "jpeg"
    AVIF = "avif"


class Effort(StrEnum):
    """What an encoder takes its time for: `small` makes smaller files of the same quality, in two to seven times it."""

    FAST = "fast"
    SMALL = "small"


class Output(Model):
    """How variants are encoded; `quality` (1…100) is for the lossy formats, `effort` for all."""

    format: OutputFormat = OutputFormat.WEBP
    quality: Annotated[int, Field(strict=True, ge=1, le=100)] = 88
    effort: Effort = Effort.FAST


class Recipe(Model):
    """What a job does to each image of a dataset."""

    templates: Annotated[tuple[str, ...], Field(min_length=1, max_length=TEMPLATES_PER_RECIPE_MAX)]
    layers: Annotated[tuple[Layer, ...], Field(max_length=LAYERS_PER_RECIPE_MAX)] = ()
    composition: Composition = Composition.SEPARATE
    samples_per_image: Annotated[int, Field(strict=True, ge=1, le=SAMPLES_PER_IMAGE_MAX)] = 1
    seed: Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)] = 0
    output: Output = Output()
    sources: bool = True  # whether the upright sources are part of the dataset, labelled like the variants
    exports: Annotated[tuple[ExportFormat, ...], Field(max_length=len(ExportFormat))] = ()  # made when the job ends
    splits: Splits = Splits()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.templates)) != len(self.templates):
            raise ValueError("a template is named twice")
        if len(set(self.exports)) != len(self.exports):
            raise ValueError("an export is named twice")
        known = set(self.templates)
        for layer in self.layers:
            unknown = set(names_in(layer.region)) - known
            if unknown:
                raise ValueError(f"a layer names {min(unknown)!r}, which is not among the recipe's templates")
        if variants_per_image(self) > VARIANTS_PER_IMAGE_MAX:
            raise ValueError(f"the recipe makes more than {VARIANTS_PER_IMAGE_MAX} variants of each image")
        if pictures_per_image(self) > PICTURES_PER_IMAGE_MAX:
            raise ValueError(f"the recipe makes more than {PICTURES_PER_IMAGE_MAX} pictures and masks of each image")
        if self.composition is Composition.STACKED and _reshapes_before_the_end(self.layers):
            raise ValueError("in a stacked recipe only the last layer may cut out or shrink the picture")
        return self


def _reshapes_before_the_end(layers: tuple[Layer, ...]) -> bool:
    return any(layer.edits.cutout is not None or layer.edits.thumbnail is not None for layer in layers[:-1])


def depth_of(region: Region) -> int:
    """How deep an expression nests; a template alone has depth 0."""
    return 0 if isinstance(region, str) else 1 + max(depth_of(part) for part in region.of)


def names_in(region: Region) -> Iterator[str]:
    """The templates that a region names, in order, with repetitions."""
    if isinstance(region, str):
        yield region
    else:
        for part in region.of:
            yield from names_in(part)


def variants_per_image(recipe: Recipe) -> int:
    """How many variants one image yields; a recipe without layers makes labels only."""
    if not recipe.layers:
        return 0
    per_sample = 1 if recipe.composition is Composition.STACKED else len(recipe.layers)
    return per_sample * recipe.samples_per_image


def shows_source(recipe: Recipe, pixels_sha256: str) -> bool:
    """Whether the dataset holds a source itself: where the recipe wants sources, or where there are no variants."""
    return recipe.sources or not recipe.splits.has_variants(pixels_sha256)


def images_max(recipe: Recipe) -> int:
    """How many images one job may hold, by what the recipe makes of each."""
    return min(IMAGES_PER_JOB_MAX, VARIANTS_PER_JOB_MAX // max(1, variants_per_image(recipe)))


def pictures_per_image(recipe: Recipe) -> int:
    """The most pictures that one image yields: its variants, and the masks of those that are cut out or shrunk."""
    reshaping = sum(layer.edits.cutout is not None or layer.edits.thumbnail is not None for layer in recipe.layers)
    return variants_per_image(recipe) + reshaping * recipe.samples_per_image * len(recipe.templates)


def backgrounds_of(recipe: Recipe) -> tuple[str, ...]:
    """The ids of the images that a recipe puts cut-outs on, each once, in order."""
    return backgrounds_in(recipe.layers)


def backgrounds_in(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """The ids of the images that these layers put cut-outs on, each once, in order."""
    found = [
        layer.edits.cutout.image_id
        for layer in layers
        if layer.edits.cutout is not None and layer.edits.cutout.background is Background.IMAGE
    ]
    return tuple(dict.fromkeys(image_id for image_id in found if image_id is not None))


class ResolvedRecipe(Model):
    """A recipe with the templates that it named at the moment of submission, in the recipe's order."""

    recipe: Recipe
    templates: dict[str, Template]

    def name_of(self, template_id: str) -> str:
        return self.templates[template_id].name

    def identity(self) -> str:
        """SHA-256 of what it does; an empty map of overrides and the usual effort leave no trace in it."""
        values = self.model_dump(mode="json")
        if self.recipe.output.effort is Effort.FAST:
            del values["recipe"]["output"]["effort"]
        for template in values["templates"].values():
            if not template["overrides"]:
                del template["overrides"]
        return content_hash(values)


def resolve(recipe: Recipe, templates: Mapping[str, Template]) -> ResolvedRecipe:
    """Bind a recipe to its templates; raises InvalidInput when one is missing or two share a name."""
    for position, template_id in enumerate(recipe.templates):
        if template_id not in templates:
            fault = FieldFault(pointer=f"/recipe/templates/{position}", detail="no such template in this dataset")
            raise InvalidInput(Code.INVALID_RECIPE, faults=(fault,))
    chosen = {template_id: templates[template_id] for template_id in recipe.templates}
    names = [template.name.casefold() for template in chosen.values()]  # they name files, also where case is ignored
    if len(set(names)) != len(names):
        fault = FieldFault(pointer="/recipe/templates", detail="two templates have the same name: labels would mix")
        raise InvalidInput(Code.INVALID_RECIPE, faults=(fault,))
    return ResolvedRecipe(recipe=recipe, templates=chosen)


def draw(recipe: Recipe, *, source: str, sample: int) -> tuple[Layer, ...]:
    """The layers of one sample with every varied edit replaced by its drawn number.

    `source` is the identity of the source's pixels. The same recipe, source and sample give the same numbers on any
    machine: each number depends only on (seed, source, sample, layer, edit).
    """
    drawn = []
    for position, layer in enumerate(recipe.layers):
        values: dict[str, float] = {
            edit: _clamped(edit, _drawn(distribution, f"{recipe.seed}/{source}/{sample}/{position}/{edit}"))
            for edit, distribution in layer.vary.items()
        }
        drawn.append(layer.model_copy(update={"edits": layer.edits.model_copy(update=values), "vary": {}}))
    return tuple(drawn)


def _drawn(distribution: Distribution, label: str) -> float:
    fraction = (int.from_bytes(hashlib.sha256(label.encode()).digest()[:7], "big") + 0.5) / 2**56
    if distribution.uniform is not None:
        low, high = distribution.uniform
        return low + (high - low) * fraction
    if distribution.normal is not None:
        mean, deviation = distribution.normal
        return mean + deviation * NormalDist().inv_cdf(fraction)
    choices = distribution.choice or (0.0,)
    return choices[min(int(fraction * len(choices)), len(choices) - 1)]


def _clamped(edit: VariedEdit, value: float) -> float:
    low, high = RANGES[edit]
    return min(max(round(value, 6), low), high)
