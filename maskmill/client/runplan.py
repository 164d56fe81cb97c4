"""What a user asks of one run, before anything is sent: drafts that still name pictures and templates by name.

A draft becomes a template once the picture it was clicked on has been examined, because only then its size is known.
It knows no service and no text grammar (maskmill.client.grammar parses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Box, PixelPoint, Point, Size, point_of
from maskmill.core.mask import Rle
from maskmill.core.prompt import MaskChoice, Placement, Prompt, Refinement, Template
from maskmill.core.recipe import Composition, Layer, Recipe, Region, RegionExpr, names_in

Value = TypeVar("Value")

NEUTRAL = Refinement()


@dataclass(frozen=True, slots=True)
class Measure:
    """A place along one side of a picture: a share of it in [0, 1], or a pixel."""

    value: float
    is_px: bool = False

    def edge(self, side_px: int) -> float:
        """The place as a share, where an edge is meant: pixel 0 is 0.0 and the side's length 1.0."""
        return self.value / side_px if self.is_px else self.value


@dataclass(frozen=True, slots=True)
class DraftPoint:
    """A click as it was written."""

    x: Measure
    y: Measure
    positive: bool = True


@dataclass(frozen=True, slots=True)
class DraftBox:
    """A rectangle as it was written."""

    left: Measure
    top: Measure
    right: Measure
    bottom: Measure


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template as it was written; `image` is the file name, path or id of the picture it was clicked on."""

    name: str
    placement: Placement
    image: str | None = None
    points: tuple[DraftPoint, ...] = ()
    box: DraftBox | None = None
    mask: str | None = None  # the path of a PNG, where the object is given and not found
    refinement: Refinement = NEUTRAL
    choice: MaskChoice = MaskChoice.BEST
    colour: str | None = None

    @property
    def needs_size(self) -> bool:
        """Whether something is given in pixels."""
        measures = [m for point in self.points for m in (point.x, point.y)]
        if self.box is not None:
            measures += [self.box.left, self.box.top, self.box.right, self.box.bottom]
        return any(measure.is_px for measure in measures)

    def template(self, *, image_id: str | None = None, size: Size | None = None, mask: Rle | None = None) -> Template:
        """The template, given the picture's id and upright size, and the mask in its file; raises InvalidInput."""
        try:
            values: dict[str, object] = {
                "name": self.name,
                "prompt": self._prompt(size) if mask is None else self._given(size, mask),
                "reference_image_id": image_id,
                "placement": self.placement,
                "choice": self.choice,
                "refinement": self.refinement,
            }
            return Template.model_validate(values | ({"colour": self.colour} if self.colour else {}))
        except ValidationError as exc:
            raise InvalidInput(message=f"template {self.name}: {first_fault(exc)}") from exc

    def _given(self, size: Size | None, mask: Rle) -> Prompt:
        if size is not None and size != mask.size:
            words = (
                f"{mask.size.width_px} × {mask.size.height_px} pixels, the picture {size.width_px} × {size.height_px}"
            )
            raise InvalidInput(message=f"template {self.name}: the mask in {self.mask} has {words}")
        return Prompt(previous=mask)

    def _prompt(self, size: Size | None) -> Prompt | None:
        if self.placement is not Placement.FIXED:
            return None
        if size is None and self.needs_size:
            raise InvalidInput(message=f"template {self.name}: pixels need a picture whose size is known")
        side = size or Size(height_px=1, width_px=1)
        points = tuple(self._point(point, side) for point in self.points)
        return Prompt(points=points, box=self._box(side))

    def _point(self, point: DraftPoint, size: Size) -> Point:
        """Whole pixels mean their centre."""
        for measure, side_px in ((point.x, size.width_px), (point.y, size.height_px)):
            if measure.is_px and not 0 <= measure.value < side_px:
                words = f"{measure.value:g}px lies outside the picture of {size.width_px} × {size.height_px} pixels"
                raise InvalidInput(message=f"template {self.name}: {words}")
        pixel = PixelPoint(row=int(point.y.value), column=int(point.x.value))
        centre = point_of(pixel, size)
        return Point(
            x=centre.x if point.x.is_px else point.x.value,
            y=centre.y if point.y.is_px else point.y.value,
            positive=point.positive,
        )

    def _box(self, size: Size) -> Box | None:
        if self.box is None:
            return None
        return Box(
            left=self.box.left.edge(size.width_px),
            top=self.box.top.edge(size.height_px),
            right=self.box.right.edge(size.width_px),
            bottom=self.box.bottom.edge(size.height_px),
        )


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run: photos in, dataset out.

    `recipe` names templates by the drafts' names, by the names of templates of the dataset, or by ids. `key` makes
    the job repeatable: the same key with the same recipe and photos is the same job; without one each run is a new job.
    `each_job_apart` is for many runs after one another: a job is known by what it does, so that the same photos are not
    worked on twice, and its dataset lies in a folder of its own below `out`.
    """

    sources: tuple[Path, ...]
    dataset: str
    templates: tuple[TemplateDraft, ...]
    recipe: Recipe
    out: Path
    key: str | None = None
    recursive: bool = False
    each_job_apart: bool = False


def with_ids(recipe: Recipe, ids: Mapping[str, str]) -> Recipe:
    """The recipe with the names of templates replaced by their ids; what is no name is left as it is."""
    layers = tuple(layer.model_copy(update={"region": _region(layer.region, ids)}) for layer in recipe.layers)
    templates = tuple(ids.get(name, name) for name in recipe.templates)
    return Recipe.model_validate(recipe.model_copy(update={"templates": templates, "layers": layers}).model_dump())


def unvaried(recipe: Recipe) -> tuple[str, ...]:
    """The templates of the edits whose samples will be equal: no value of theirs is drawn, and there is no noise."""
    if recipe.samples_per_image == 1:
        return ()
    is_varied_together = recipe.composition is Composition.STACKED and any(map(_differs, recipe.layers))
    fixed = [layer for layer in recipe.layers if not _differs(layer) and not is_varied_together]
    return tuple(dict.fromkeys(name for layer in fixed for name in names_in(layer.region)))


def _differs(layer: Layer) -> bool:
    """Whether two samples of a layer differ."""
    return bool(layer.vary) or layer.edits.noise > 0


def same_template(first: Template, second: Template) -> bool:
    """Whether two templates find the same in the same way; the picture they were clicked on may differ."""
    ignored = {"template_id", "reference_image_id"}
    return first.model_dump(exclude=ignored) == second.model_dump(exclude=ignored)


def first_fault(exc: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    fault = exc.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    words = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {words}" if where else words


def unique(named: Mapping[str, list[Value]], name: str, what: str) -> Value | None:
    """The one thing of a name; raises InvalidInput when there are several."""
    found = named.get(name, [])
    if len(found) > 1:
        message = f"There are {len(found)} {what}s called {name!r}. Use the id of the one that you mean."
        raise InvalidInput(Code.INVALID_REQUEST, message=message)
    return found[0] if found else None


def _region(region: Region, ids: Mapping[str, str]) -> Region:
    if isinstance(region, str):
        return ids.get(region, region)
    return RegionExpr(op=region.op, of=tuple(_region(part, ids) for part in region.of))
