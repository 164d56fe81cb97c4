"""Recipes: what fits together, what is drawn, and that the same seed draws the same numbers."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maskmill.core.edit import RANGES, Edits
from maskmill.core.errors import Code, InvalidInput
from maskmill.core.geometry import Point, Size
from maskmill.core.limits import OVERRIDES_PER_TEMPLATE_MAX
from maskmill.core.mask import Rle
from maskmill.core.model import canonical_json, content_hash
from maskmill.core.plan import PlannedItem, mask_key_for
from maskmill.core.prompt import Placement, Prompt, Template, given_mask, placed_prompt
from maskmill.core.recipe import Distribution, Recipe, draw, resolve, variants_per_image
from maskmill.core.result import file_stem, variant_stems
from tests.unit.lambdas.gateway import normal_image

CAP = Template(name="cap", prompt=Prompt(points=(Point(x=0.5, y=0.4),)))


def recipe_of(**values: Any) -> Recipe:
    return Recipe.model_validate({"templates": ["a", "b"], **values})


def layer(**values: Any) -> dict[str, Any]:
    return {"region": "a", **values}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"templates": ["a", "a"]}, "twice"),
        ({"templates": []}, "at least 1"),
        ({"layers": [layer(region="c")]}, "'c'"),
        ({"layers": [layer(region={"op": "invert", "of": ["a", "b"]})]}, "exactly one"),
        ({"layers": [layer(edits={"hue": 181})]}, "less than or equal to 180"),
        ({"layers": [layer(edits={"hue": float("nan")})]}, "finite"),
        ({"layers": [layer(edits={"sharpness": 1})]}, "Extra inputs"),
        ({"layers": [layer(edits={"hue": True})]}, "valid number"),
        ({"layers": [layer(vary={"paint": {"choice": [1]}})]}, "Input should be"),
        ({"layers": [layer(vary={"hue": {"choice": [1], "uniform": [0, 1]}})]}, "exactly one"),
        ({"layers": [layer(vary={"hue": {"uniform": [2, 1]}})]}, "low <= high"),
        (
            {"layers": [layer(vary={"hue": {"uniform": [-181, 10]}})]},
            "hue is drawn from values of -180 to 180, not -181",
        ),
        (
            {"layers": [layer(vary={"noise": {"choice": [0.1, 0.3]}})]},
            "noise is drawn from values of 0 to 0.2, not 0.3",
        ),
        ({"layers": [layer(vary={"gamma": {"normal": [2.5, 0.1]}})]}, "not 2.5"),
        ({"layers": [layer()] * 5, "samples_per_image": 50}, "more than 200"),
        ({"layers": [layer(edits={"cutout": {}}), layer()], "composition": "stacked"}, "only the last layer"),
        ({"output": {"format": "exe"}}, "'webp'"),
        ({"output": {"quality": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_recipe_that_does_not_fit_together_is_refused_with_the_reason(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recipe_of(**values)


def test_regions_nest_only_so_deep() -> None:
    region: Any = "a"
    for _ in range(9):
        region = {"op": "invert", "of": [region]}
    with pytest.raises(ValidationError, match="nest"):
        recipe_of(layers=[layer(region=region)])


def test_resolving_names_the_missing_template_by_its_pointer() -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(recipe_of(), {"a": CAP})
    assert caught.value.code is Code.INVALID_RECIPE
    assert caught.value.faults[0].pointer == "/recipe/templates/1"


def test_two_templates_of_one_name_would_mix_labels() -> None:
    with pytest.raises(InvalidInput, match="invalid_recipe"):
        resolve(recipe_of(), {"a": CAP, "b": CAP})


def distributions(edit: str) -> st.SearchStrategy[Distribution]:
    values = st.floats(*RANGES[edit])
    return st.one_of(
        st.tuples(values, values).map(lambda pair: Distribution(uniform=(min(pair), max(pair)))),
        st.tuples(values, st.floats(0, 1000)).map(lambda pair: Distribution(normal=pair)),
        st.lists(values, min_size=1, max_size=8).map(lambda found: Distribution(choice=tuple(found))),
    )


@given(st.data(), st.sampled_from(sorted(RANGES)), st.integers(0, 2**63 - 1))
def test_drawn_values_are_valid_edits_and_repeat(data: st.DataObject, edit: str, seed: int) -> None:
    distribution = data.draw(distributions(edit))
    recipe = recipe_of(layers=[layer(vary={edit: distribution.model_dump()})], seed=seed)
    first = draw(recipe, source="s", sample=3)
    assert first == draw(recipe, source="s", sample=3)
    Edits.model_validate(first[0].edits.model_dump())


def test_uniform_draws_cover_their_range_and_differ_between_sources() -> None:
    recipe = recipe_of(layers=[layer(vary={"hue": {"uniform": [-40, 40]}})])
    values = [draw(recipe, source=str(source), sample=0)[0].edits.hue for source in range(2000)]
    assert -40 <= min(values) < -39
    assert 39 < max(values) <= 40
    assert abs(statistics.fmean(values)) < 2


def test_normal_draws_have_their_mean_and_deviation() -> None:
    recipe = recipe_of(layers=[layer(vary={"hue": {"normal": [10, 5]}})])
    values = [draw(recipe, source=str(source), sample=0)[0].edits.hue for source in range(3000)]
    assert abs(statistics.fmean(values) - 10) < 0.5
    assert abs(statistics.stdev(values) - 5) < 0.5


def test_stems_are_unique_and_safe() -> None:
    recipe = recipe_of(layers=[layer(), layer(), layer(region={"op": "union", "of": ["a", "b"]})], samples_per_image=2)
    stems = variant_stems(file_stem(6, "../Ünïcode name\n.JPG"), recipe, {"a": "cap", "b": "shoe"})
    assert stems[0] == [
        "0007_unicode-name__cap_s01",
        "0007_unicode-name__cap-2_s01",
        "0007_unicode-name__region-3_s01",
    ]
    flat = [stem for sample in stems for stem in sample]
    assert len(set(flat)) == len(flat) == variants_per_image(recipe)


@pytest.mark.parametrize("name", ["", ".", "..", "CON", "\x00", "日本語.png", "a" * 500])
def test_any_name_gives_a_safe_stem(name: str) -> None:
    stem = file_stem(0, name)
    assert stem.startswith("0001_")
    assert stem.replace("_", "").replace("-", "").isalnum()
    assert len(stem) < 80


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_canonical_json_is_json_and_stable(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert text.isascii()


def test_whole_floats_and_integers_are_the_same_value() -> None:
    assert content_hash({"x": 1.0}) == content_hash({"x": 1})
    assert content_hash(-0.0) == content_hash(0)


def test_match_is_not_available_yet() -> None:
    with pytest.raises(ValidationError, match="not_implemented"):
        Template(name="cap", prompt=CAP.prompt, placement=Placement.MATCH)


def test_fixed_needs_a_prompt_and_a_prompt_an_object() -> None:
    with pytest.raises(ValidationError, match="need_positive_point"):
        Template(name="cap")
    with pytest.raises(ValidationError, match="need_positive_point"):
        Prompt(points=(Point(x=0.1, y=0.1, positive=False),))


def test_placements() -> None:
    assert placed_prompt(CAP, "i") == CAP.prompt
    assert placed_prompt(Template(name="all", placement=Placement.WHOLE), "i") is None
    brought = Rle(size=Size(height_px=3, width_px=3), counts="9")
    template = Template(name="part", prompt=Prompt(previous=brought), placement=Placement.MASK)
    assert (placed_prompt(template, "i"), given_mask(template, "i")) == (None, brought)
    assert given_mask(Template(name="part", prompt=Prompt(previous=brought)), "i") is None
    centre = placed_prompt(Template(name="mid", placement=Placement.CENTRE), "i")
    assert centre is not None
    assert (centre.points[0].x, centre.points[0].y) == (0.5, 0.5)


@pytest.mark.parametrize("placement", [Placement.FIXED, Placement.WHOLE, Placement.CENTRE, Placement.MASK])
def test_an_override_counts_on_its_image_alone_whatever_the_placement(placement: Placement) -> None:
    own = Prompt(points=(Point(x=0.9, y=0.9),))
    brought = Prompt(previous=Rle(size=Size(height_px=3, width_px=3), counts="9"))
    plain = Template(name="cap", prompt=brought if placement is Placement.MASK else CAP.prompt, placement=placement)
    template = plain.model_copy(update={"overrides": {"i": own}})
    assert (placed_prompt(template, "i"), given_mask(template, "i")) == (own, None)
    for image_id in ("other", ""):
        assert placed_prompt(template, image_id) == placed_prompt(plain, image_id)
        assert given_mask(template, image_id) == given_mask(plain, image_id)


def test_overrides_are_bounded_and_have_points_or_a_box() -> None:
    own = {"points": [{"x": 0.1, "y": 0.2}]}
    fits = {f"i{number}": own for number in range(OVERRIDES_PER_TEMPLATE_MAX)}
    assert len(Template.model_validate({"name": "cap", "prompt": own, "overrides": fits}).overrides) == len(fits)
    mask = {"size": {"height_px": 3, "width_px": 3}, "counts": "9"}
    for overrides, words in (
        (fits | {"more": own}, "at most 200"),
        ({"i": own | {"previous": mask}}, "no previous mask"),
        ({"i": {}}, "need_positive_point"),
        ({"i" * 41: own}, "at most 40"),
    ):
        with pytest.raises(ValidationError, match=words):
            Template.model_validate({"name": "cap", "prompt": own, "overrides": overrides})


def test_what_has_no_overrides_is_what_it_was_before_there_were_any() -> None:
    """A job of a template that nobody has touched since gives the same manifest and asks for no mask again."""
    template = Template(name="cap", prompt=Prompt(points=(Point(x=0.52, y=0.4),)))
    recipe = Recipe.model_validate({"templates": ["a"], "layers": [{"region": "a", "edits": {"hue": 40}}]})
    assert resolve(recipe, {"a": template}).identity() == (
        "b646f89d37016b46da2167fbdd413a5e35aa88e99f363b1eeffcb13edec78724"
    )
    item = PlannedItem(index=0, image_id="i", name="n", normal=normal_image())
    assert mask_key_for(item, template, "classic-1") == "5df8e85f62e4ef20f40bf349bc5bb8213d0ba39e"
    own = template.model_copy(update={"overrides": {"other": CAP.prompt}})
    assert mask_key_for(item, own, "classic-1") == "5df8e85f62e4ef20f40bf349bc5bb8213d0ba39e"
    assert resolve(recipe, {"a": own}).identity() != resolve(recipe, {"a": template}).identity()


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "a\n", "x" * 121, "é"])
def test_a_template_name_is_a_plain_label(name: str) -> None:
    with pytest.raises(ValidationError):
        Template(name=name, prompt=CAP.prompt)
