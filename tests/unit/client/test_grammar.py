"""The grammars of --template and --edit: what each form means, and words for each form that is wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskmill.client.grammar import GrammarError, build_recipe, parse_edit, parse_recipe, parse_template
from maskmill.client.runplan import with_ids
from maskmill.core.edit import RANGES, Background
from maskmill.core.errors import InvalidInput
from maskmill.core.geometry import Box, Point, Size
from maskmill.core.prompt import MaskChoice, Placement
from maskmill.core.recipe import Composition, OutputFormat, Region, RegionExpr

SIZE = Size(height_px=300, width_px=400)


def test_a_template_names_its_picture_and_one_point() -> None:
    draft = parse_template("cap=photo.jpg:0.52,0.40")
    assert (draft.name, draft.image, draft.placement) == ("cap", "photo.jpg", Placement.FIXED)
    template = draft.template(image_id="i1", size=SIZE)
    assert template.prompt is not None
    assert template.prompt.points == (Point(x=0.52, y=0.40),)
    assert template.reference_image_id == "i1"


@pytest.mark.parametrize("separator", [";", " ", "; ", "\t"])
def test_points_are_separated_by_semicolons_or_spaces(separator: str) -> None:
    draft = parse_template(f"a=p.jpg:0.1,0.2{separator}!0.3,0.4{separator}-0.5,0.6")
    assert [point.positive for point in draft.points] == [True, False, False]
    assert [point.x.value for point in draft.points] == [0.1, 0.3, 0.5]


def test_pixels_become_the_centre_of_their_pixel() -> None:
    prompt = parse_template("a=p.jpg:200px,0px").template(size=SIZE).prompt
    assert prompt is not None
    assert prompt.points == (Point(x=200.5 / 400, y=0.5 / 300),)


def test_a_box_may_be_given_in_shares_or_pixels() -> None:
    prompt = parse_template("a=p.jpg:box=0.1,30px,200px,0.9").template(size=SIZE).prompt
    assert prompt is not None
    assert prompt.box == Box(left=0.1, top=0.1, right=0.5, bottom=0.9)


@pytest.mark.parametrize("placement", [Placement.WHOLE, Placement.CENTRE])
def test_whole_and_centre_need_no_picture(placement: Placement) -> None:
    template = parse_template(f"all={placement.value}").template()
    assert (template.placement, template.prompt) == (placement, None)


def test_a_refinement_stands_behind_an_at_sign() -> None:
    text = "a=p@2x.jpg:0.1,0.2@grow=-2,feather=3,islands=0.001,holes=0.002,choice=1,colour=#00ff00"
    draft = parse_template(text)
    assert draft.image == "p@2x.jpg"
    assert draft.refinement.model_dump() == {
        "grow_px": -2,
        "feather_px": 3.0,
        "island_area_min": 0.001,
        "hole_area_min": 0.002,
    }
    assert (draft.choice, draft.template(size=SIZE).colour) == (MaskChoice.SECOND, "#00ff00")


def test_a_picture_may_have_colons_and_equal_signs_in_its_name() -> None:
    assert parse_template(r"a=C:\x=1\p q.jpg:0.1,0.2").image == r"C:\x=1\p q.jpg"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing after the name"),
        ("cap", "missing after the name"),
        ("cap=", "missing after the name"),
        ("my cap=p.jpg:0.1,0.1", "not a name"),
        ("cap=p.jpg", "the picture and ':'"),
        ("cap=:0.1,0.1", "the picture and ':'"),
        ("cap=p.jpg:", "at least one point"),
        ("cap=p.jpg:!0.1,0.1", "at least one point"),
        ("cap=p.jpg:0.1", "1 of 2 numbers"),
        ("cap=p.jpg:0.1,0.2,0.3", "3 of 2 numbers"),
        ("cap=p.jpg:52,40", "write 52px for pixels"),
        ("cap=p.jpg:a,b", "not a number"),
        ("cap=p.jpg:box=0.1,0.2", "a box is box="),
        ("cap=p.jpg:box=0,0,1,1;box=0,0,1,1", "two boxes"),
        ("cap=p.jpg:0.1,0.1@grow=2.5", "grow_px"),
        ("cap=p.jpg:0.1,0.1@grow=900", "grow_px"),
        ("cap=p.jpg:0.1,0.1@soft=1", "'soft' is unknown"),
        ("cap=p.jpg:0.1,0.1@choice=9", "use best, 0, 1 or 2"),
        ("cap=p.jpg:0.1,0.1@feather=1,feather=2", "given twice"),
    ],
)
def test_a_wrong_template_is_explained_with_the_form(text: str, words: str) -> None:
    with pytest.raises(GrammarError) as raised:
        parse_template(text)
    assert words in str(raised.value)
    assert "NAME=IMAGE:x,y" in str(raised.value)


def test_a_pixel_outside_the_picture_is_refused_once_the_size_is_known() -> None:
    with pytest.raises(InvalidInput, match="outside the picture of 400 × 300"):
        parse_template("cap=p.jpg:400px,1px").template(size=SIZE)


def test_an_empty_box_is_refused() -> None:
    with pytest.raises(InvalidInput, match="box is empty"):
        parse_template("cap=p.jpg:box=0.5,0.5,0.2,0.9").template(size=SIZE)


@pytest.mark.parametrize("key", sorted(RANGES))
def test_each_numeric_edit_is_known_with_its_range(key: str) -> None:
    low, high = RANGES[key]
    assert getattr(parse_edit(f"cap:{key}={low}").edits, key) == low
    assert getattr(parse_edit(f"cap:{key}={high}").edits, key) == high
    with pytest.raises(GrammarError, match=f"{key} takes"):
        parse_edit(f"cap:{key}={high + 0.5}")


def test_paint_blur_cutout_and_thumbnail() -> None:
    edits = parse_edit("cap:paint=#ff0000/0.8,blur=8,cutout=#00ff00,crop,thumbnail=256").edits
    assert edits.paint is not None
    assert (edits.paint.colour, edits.paint.strength, edits.paint.keep_shading) == ("#ff0000", 0.8, True)
    assert edits.blur is not None
    assert edits.blur.radius == 8
    assert edits.cutout is not None
    assert (edits.cutout.background, edits.cutout.colour, edits.cutout.crop) == (Background.COLOUR, "#00ff00", True)
    assert edits.thumbnail is not None
    assert edits.thumbnail.long_side == 256


def test_paint_may_be_flat() -> None:
    paint = parse_edit("cap:paint=#ff0000/flat").edits.paint
    assert paint is not None
    assert (paint.strength, paint.keep_shading) == (1.0, False)


def test_ranges_and_lists_are_drawn() -> None:
    layer = parse_edit("cap:hue=-40..40,brightness=-0.2|0|0.2")
    assert layer.vary["hue"].uniform == (-40, 40)
    assert layer.vary["brightness"].choice == (-0.2, 0, 0.2)


def test_an_exclamation_mark_means_everything_but_the_object() -> None:
    region = parse_edit("!cap:blur=8").region
    assert isinstance(region, RegionExpr)
    assert region.of == ("cap",)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a", "a"),
        ("a+b+c", ("union", "a", "b", "c")),
        ("wall!lamp!door", ("subtract", "wall", "lamp", "door")),
        ("a+b!c", ("subtract", ("union", "a", "b"), "c")),
        ("a & b", ("intersect", "a", "b")),
        ("!a+b", ("invert", ("union", "a", "b"))),
    ],
)
def test_masks_are_combined_from_left_to_right(text: str, meant: object) -> None:
    def told(region: Region) -> object:
        return region if isinstance(region, str) else (region.op.value, *map(told, region.of))

    assert told(parse_edit(f"{text}:hue=3").region) == meant


@pytest.mark.parametrize("text", ["a+:hue=3", "+a:hue=3", "a++b:hue=3", "!:hue=3", "a!!b:hue=3", "a b:hue=3"])
def test_what_is_no_combination_is_refused(text: str) -> None:
    with pytest.raises(GrammarError, match="is no name of a template"):
        parse_edit(text)


def test_a_mask_of_ones_own_is_a_file() -> None:
    draft = parse_template("sky=photo 1.jpg:mask=my masks/sky.png@grow=2")
    assert (draft.placement, draft.image, draft.mask) == (Placement.MASK, "photo 1.jpg", "my masks/sky.png")
    assert draft.refinement.grow_px == 2
    for text in ("sky=photo.jpg:mask=", "sky=photo.jpg:mask=sky.png@choice=1", "sky=mask=sky.png"):
        with pytest.raises(GrammarError):
            parse_template(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cap", "the name of a template"),
        ("cap:", "not key=value"),
        ("cap:hue", "not key=value"),
        ("cap:hue=", "not key=value"),
        (":hue=1", "the name of a template"),
        ("cap:hue=red", "not a number"),
        ("cap:hue=nan", "not a number"),
        ("cap:hue=1,hue=2", "given twice"),
        ("cap:hue=40..-40", "low <= high"),
        ("cap:tint=3", "'tint' is no edit"),
        ("cap:crop", "crop belongs to a cut-out"),
        ("cap:cutout=red", "use transparent, blur or a colour"),
        ("cap:paint=red", "not a colour"),
        ("cap:paint=#ff0000/2", "paint.strength"),
        ("cap:paint=#ff0000/0.5/0.5", "too many parts"),
        ("cap:blur=99", "blur.radius"),
        ("cap:thumbnail=1.5", "whole number"),
        ("cap:thumbnail=\u00b2", "whole number"),
    ],
)
def test_a_wrong_edit_is_explained_with_the_form(text: str, words: str) -> None:
    with pytest.raises(GrammarError) as raised:
        parse_edit(text)
    assert words in str(raised.value)
    assert "TEMPLATE:key=value" in str(raised.value)


def test_a_recipe_lists_defined_templates_and_those_that_edits_name() -> None:
    drafts = [parse_template("cap=whole")]
    layers = [parse_edit("cap:hue=1"), parse_edit("!shirt:blur=2")]
    recipe = build_recipe(drafts, layers, stacked=True, samples=3, seed=9, output_format=OutputFormat.PNG)
    assert recipe.templates == ("cap", "shirt")
    assert (recipe.composition, recipe.samples_per_image, recipe.seed) == (Composition.STACKED, 3, 9)
    renamed = with_ids(recipe, {"cap": "p1", "shirt": "p2"})
    assert renamed.templates == ("p1", "p2")
    assert renamed.layers[0].region == "p1"
    assert isinstance(renamed.layers[1].region, RegionExpr)
    assert renamed.layers[1].region.of == ("p2",)


def test_parts_that_do_not_fit_together_are_explained() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        build_recipe([parse_template("cap=whole")] * 2, [])
    layers = [parse_edit("cap:cutout=blur"), parse_edit("cap:hue=1")]
    with pytest.raises(ValueError, match="only the last layer"):
        build_recipe([parse_template("cap=whole")], layers, stacked=True)
    with pytest.raises(ValueError, match="the recipe is not valid: layers"):
        parse_recipe('{"templates": ["cap"], "layers": 3}')


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_explained(text: str) -> None:
    for parse in (parse_template, parse_edit):
        with suppress(GrammarError):  # and nothing else
            parse(text)


Share = st.integers(0, 1000).map(lambda number: number / 1000)


@given(st.lists(st.tuples(Share, Share, st.booleans()), min_size=1, max_size=64))
def test_points_survive_being_written_and_read(points: list[tuple[float, float, bool]]) -> None:
    first_is_positive = [(x, y, positive or index == 0) for index, (x, y, positive) in enumerate(points)]
    text = ";".join(f"{'' if positive else '!'}{x},{y}" for x, y, positive in first_is_positive)
    prompt = parse_template(f"cap=p.jpg:{text}").template(size=SIZE).prompt
    assert prompt is not None
    assert [(point.x, point.y, point.positive) for point in prompt.points] == first_is_positive
