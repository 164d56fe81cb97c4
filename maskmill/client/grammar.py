"""The two small languages of the command line, `--template` and `--edit`, as pure parsers; it knows no service.

    --template NAME=IMAGE:x,y[;x,y…][;!x,y…][;box=l,t,r,b][@grow=2,feather=3,islands=0.001,holes=0.001,choice=0]
    --template NAME=whole          --template NAME=centre          --template NAME=IMAGE:mask=FILE.png
    --edit REGION:key=value[,key=value…]
    REGION  a template · a+b both together · a!b a without b · a&b what they share · !… everything but that

Numbers are shares in [0, 1] of the upright picture, or pixels when they end in `px`. `!x,y` or `-x,y` is a point that
does not belong to the object. A value `a..b` is drawn anew for each sample from the range, `a|b|c` from the list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from pydantic import ValidationError

from maskmill.client.edit_grammar import NAME, NUMBER, Fault, colour_of, layer_of, number_of, pairs_of
from maskmill.client.runplan import DraftBox, DraftPoint, Measure, TemplateDraft, first_fault
from maskmill.core.export import ExportFormat, Splits
from maskmill.core.prompt import MaskChoice, Placement, Refinement
from maskmill.core.recipe import (
    Composition,
    Effort,
    Layer,
    Output,
    OutputFormat,
    Recipe,
)
from maskmill.core.recipe import names_in as names_in_region

TEMPLATE_FORM = (
    "NAME=IMAGE:x,y[;x,y][;!x,y][;box=l,t,r,b][@grow=2,feather=3], NAME=whole, NAME=centre or NAME=IMAGE:mask=FILE.png"
)
EDIT_FORM = "TEMPLATE:key=value[,key=value], for example cap:hue=40,saturation=0.3 or cap+brim!logo:paint=#ff0000/0.8"
SPLIT_FORM = "train/val or train/val/test, for example 0.8/0.1/0.1"
_MASK = "mask="
_MEASURE = re.compile(r"(\d+\.?\d*|\.\d+)(px)?", re.ASCII)
_REFINEMENT = re.compile(r"@([a-z]+=[^,@:;\s]+(?:,[a-z]+=[^,@:;\s]+)*)$")
_REFINEMENT_FIELDS = {
    "grow": "grow_px",
    "feather": "feather_px",
    "islands": "island_area_min",
    "holes": "hole_area_min",
}


class GrammarError(ValueError):
    """A text that is not of the language; the message says what is wrong and shows the correct form."""

    def __init__(self, text: str, fault: str, form: str) -> None:
        super().__init__(f"{text!r}: {fault}. The form is {form}")


def parse_template(text: str) -> TemplateDraft:
    """A `--template`; raises GrammarError."""
    try:
        return _template(text)
    except ValidationError as exc:
        raise GrammarError(text, first_fault(exc), TEMPLATE_FORM) from exc
    except Fault as exc:
        raise GrammarError(text, str(exc), TEMPLATE_FORM) from exc


def parse_edit(text: str) -> Layer:
    """An `--edit` as a layer whose region is the template's name; raises GrammarError."""
    try:
        return layer_of(text)
    except ValidationError as exc:
        raise GrammarError(text, first_fault(exc), EDIT_FORM) from exc
    except Fault as exc:
        raise GrammarError(text, str(exc), EDIT_FORM) from exc


def build_recipe(
    templates: Sequence[TemplateDraft],
    layers: Sequence[Layer],
    *,
    output_format: OutputFormat = OutputFormat.WEBP,
    quality: int = 88,
    effort: Effort = Effort.FAST,
    stacked: bool = False,
    samples: int = 1,
    seed: int = 0,
    exports: Sequence[ExportFormat] = (),
    splits: Splits = Splits(),  # noqa: B008 - a frozen value
) -> Recipe:
    """A recipe that names templates by name: those defined here first, then those that only edits name.

    Raises ValueError with one line of words when the parts do not fit together.
    """
    defined = [template.name for template in templates]
    if doubled := [name for name in defined if defined.count(name) > 1]:
        raise ValueError(f"the template {doubled[0]!r} is defined twice: give each its own name")
    used = [name for layer in layers for name in names_in_region(layer.region)]
    try:
        return Recipe(
            templates=tuple(dict.fromkeys([*defined, *used])),
            layers=tuple(layers),
            composition=Composition.STACKED if stacked else Composition.SEPARATE,
            samples_per_image=samples,
            seed=seed,
            output=Output(format=output_format, quality=quality, effort=effort),
            exports=tuple(exports),
            splits=splits,
        )
    except ValidationError as exc:
        raise ValueError(first_fault(exc)) from exc


def parse_splits(text: str) -> Splits:
    """Shares of train, validation and test such as `0.8/0.1/0.1` or `80/20`; raises GrammarError."""
    parts = text.split("/")
    if not 1 <= len(parts) <= 3 or not all(NUMBER.fullmatch(part) and float(part) >= 0 for part in parts):
        raise GrammarError(text, "these are no shares", SPLIT_FORM)
    shares = [float(part) for part in parts] + [0.0] * (3 - len(parts))
    total = sum(shares)
    if not total or not math.isfinite(total):
        raise GrammarError(text, "these shares do not add up", SPLIT_FORM)
    return Splits(train=shares[0] / total, val=shares[1] / total, test=shares[2] / total)


def parse_recipe(text: str | bytes) -> Recipe:
    """A recipe file: core.recipe.Recipe as JSON, with names of templates in place of ids where you like."""
    try:
        return Recipe.model_validate_json(text)
    except ValidationError as exc:
        raise ValueError(f"the recipe is not valid: {first_fault(exc)}") from exc


def _template(text: str) -> TemplateDraft:
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals or not rest.strip():
        raise Fault("'=' and what to look for are missing after the name")
    if not NAME.fullmatch(name):
        raise Fault(f"{name!r} is not a name (letters, digits, '_', '.', '-')")
    rest, options = _options(rest.strip())
    if rest in (Placement.WHOLE.value, Placement.CENTRE.value):
        return TemplateDraft(name=name, placement=Placement(rest), **options)  # type: ignore[arg-type]
    image, colon, places = rest.rpartition(":")
    if not colon or not image.strip():
        raise Fault("the picture and ':' are missing before the points")
    if places.strip().startswith(_MASK):
        return _given(name, image.strip(), places.strip().removeprefix(_MASK).strip(), options)
    points, box = _places(places)
    return TemplateDraft(
        name=name,
        placement=Placement.FIXED,
        image=image.strip(),
        points=points,
        box=box,
        **options,  # type: ignore[arg-type]
    )


def _given(name: str, image: str, file: str, options: dict[str, object]) -> TemplateDraft:
    if not file or "choice" in options:
        raise Fault("a given mask is mask=FILE.png, and there is nothing to choose")
    return TemplateDraft(name=name, placement=Placement.MASK, image=image, mask=file, **options)  # type: ignore[arg-type]


def _places(text: str) -> tuple[tuple[DraftPoint, ...], DraftBox | None]:
    points: list[DraftPoint] = []
    box: DraftBox | None = None
    for token in filter(None, re.split(r"[;\s]+", text)):
        if token.startswith("box="):
            if box is not None:
                raise Fault("there are two boxes")
            box = DraftBox(*_measures(token.removeprefix("box="), 4, "a box is box=left,top,right,bottom"))
        else:
            x, y = _measures(token.lstrip("!-"), 2, "a point is x,y")
            points.append(DraftPoint(x=x, y=y, positive=token[0] not in "!-"))
    if box is None and not any(point.positive for point in points):
        raise Fault("at least one point that belongs to the object, or a box, is needed")
    return tuple(points), box


def _measures(text: str, count: int, form: str) -> list[Measure]:
    parts = text.split(",")
    if len(parts) != count:
        raise Fault(f"{text!r} has {len(parts)} of {count} numbers: {form}")
    return [_measure(part.strip()) for part in parts]


def _measure(text: str) -> Measure:
    found = _MEASURE.fullmatch(text)
    if found is None:
        raise Fault(f"{text!r} is not a number such as 0.52 or 412px")
    value, is_px = float(found.group(1)), found.group(2) is not None
    if not is_px and value > 1:
        raise Fault(f"{text} lies outside [0, 1]: write {text}px for pixels")
    return Measure(value=value, is_px=is_px)


def _options(text: str) -> tuple[str, dict[str, object]]:
    """What stands before `@…`, and the options that stand there."""
    found = _REFINEMENT.search(text)
    if found is None:
        return text, {}
    refinement: dict[str, float] = {}
    options: dict[str, object] = {}
    for key, value in pairs_of(found.group(1)):
        if key == "choice":
            options["choice"] = _choice(value)
        elif key in ("colour", "color"):
            options["colour"] = colour_of(value)
        elif key in _REFINEMENT_FIELDS:
            number = number_of(key, value)
            refinement[_REFINEMENT_FIELDS[key]] = int(number) if key == "grow" and number.is_integer() else number
        else:
            raise Fault(f"{key!r} is unknown: use {', '.join([*_REFINEMENT_FIELDS, 'choice', 'colour'])}")
    options["refinement"] = Refinement.model_validate(refinement)
    return text[: found.start()].rstrip(), options


def _choice(text: str) -> MaskChoice:
    if text not in MaskChoice._value2member_map_:
        raise Fault(f"choice={text} is unknown: use best, 0, 1 or 2")
    return MaskChoice(text)
