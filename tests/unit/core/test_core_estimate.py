"""The estimate is arithmetic: more work never costs less, known work costs less, and the prices are those of the list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskmill.core import prices, rates
from maskmill.core.bill import Estimate, Fleet, Lane, WarningCode, masks_needed, overridden
from maskmill.core.cost import priced
from maskmill.core.engines import Engine
from maskmill.core.estimate import Known, Pictures, estimate
from maskmill.core.geometry import Point
from maskmill.core.prices import PRICES, Resource
from maskmill.core.prompt import MaskChoice, Placement, Prompt, Template
from maskmill.core.recipe import OutputFormat, Recipe, ResolvedRecipe, resolve
from maskmill.core.work import Spent, Usage, Work, total, usage_of

FLEET = Fleet(instance_type="ml.g5.xlarge", instances_max=1, idle_s=300, chunk_items=16, renders_at_once=20)
MEGAPIXEL = 1_000_000


def resolved(*, templates: int = 1, **recipe: Any) -> ResolvedRecipe:
    """A recipe whose templates have prompts of their own; one layer on the first, unless it says otherwise."""
    named = {
        f"t{number}": Template(name=f"thing-{number}", prompt=Prompt(points=(Point(x=0.1 + number / 50, y=0.5),)))
        for number in range(templates)
    }
    recipe.setdefault("layers", [{"region": "t0", "edits": {"hue": 30}}])
    return resolve(Recipe.model_validate({"templates": list(named), **recipe}), named)


def pictures(ready: int, *, megapixels: float = 2.0) -> Pictures:
    pixels = round(megapixels * MEGAPIXEL)
    return Pictures(ready=ready, pixels=ready * pixels, source_bytes=ready * pixels)


def told(recipe: ResolvedRecipe, found: Pictures, *, known: float = 0.0, fleet: Fleet = FLEET) -> Estimate:
    looked_for = found.ready * masks_needed(recipe, "")
    share = Known(looked_for=looked_for, found=round(known * looked_for))
    return estimate(recipe, found, share, segmenter="sam-vit-b-ec2df6273261", fleet=fleet)


def test_a_job_is_told_in_numbers_before_it_runs() -> None:
    recipe = resolved(templates=2, samples_per_image=3)
    made = told(recipe, replace(pictures(100), refused=4, expected=2))
    assert (made.images, made.images_refused, made.images_not_here) == (100, 4, 2)
    assert (made.variants, made.pictures) == (300, 400)
    assert (made.masks.needed, made.masks.known, made.masks.is_sampled) == (200, 0, False)
    assert made.lane is Lane.ENDPOINT
    pace = rates.PACES[Engine.SAM_VIT_B]
    assert made.seconds.segmenting_s == round(100 * pace.image_s + 200 * pace.mask_s, 1)
    assert made.seconds.total_s == pytest.approx(made.seconds.total_if_awake_s + rates.WAKING_S)
    assert made.waking_dollars == pytest.approx((rates.WAKING_S + 300) * 1.408 / 3600, rel=1e-3)


def test_an_instance_that_is_always_there_is_neither_waited_for_nor_paid_for_by_a_job() -> None:
    made = told(resolved(), pictures(100), fleet=replace(FLEET, instances_min=1))
    assert made.lane is Lane.ENDPOINT
    assert made.seconds.waking_s == 0
    assert made.seconds.total_s == made.seconds.total_if_awake_s
    assert made.waking_dollars == 0


def test_known_masks_need_no_endpoint() -> None:
    made = told(resolved(), pictures(50), known=1.0)
    assert (made.lane, made.masks.known, made.waking_dollars) == (Lane.NONE, 50, 0)
    assert made.seconds.waking_s == made.seconds.segmenting_s == 0
    whole = {"t": Template(name="all", placement=Placement.WHOLE)}
    recipe = resolve(Recipe.model_validate({"templates": ["t"], "layers": [{"region": "t"}]}), whole)
    assert masks_needed(recipe, "i") == 0
    made = estimate(recipe, pictures(50), Known(looked_for=0, found=0), segmenter="classic-1", fleet=FLEET)
    assert (made.lane, made.masks.needed, made.masks.is_sampled) == (Lane.NONE, 0, False)


def test_a_sample_stands_for_all_images_and_says_so() -> None:
    recipe = resolved()
    made = estimate(recipe, pictures(1000), Known(looked_for=200, found=50), segmenter="classic-1", fleet=FLEET)
    assert (made.masks.known, made.masks.is_sampled) == (250, True)
    assert [warning.code for warning in made.warnings] == [WarningCode.MASKS_SAMPLED]


def test_templates_that_ask_the_same_share_a_mask() -> None:
    prompt = Prompt(points=(Point(x=0.5, y=0.5),))
    named = {
        "a": Template(name="a", prompt=prompt),
        "b": Template(name="b", prompt=prompt, colour="#000000"),
        "c": Template(name="c", prompt=prompt, choice=MaskChoice.FIRST),
        "d": Template(name="d", placement=Placement.CENTRE),
    }
    recipe = resolve(Recipe(templates=tuple(named)), named)
    assert masks_needed(recipe, "i") == 2
    named["b"] = named["b"].model_copy(update={"overrides": {"i": Prompt(points=(Point(x=0.1, y=0.5),))}})
    recipe = resolve(recipe.recipe, named)
    assert (masks_needed(recipe, "i"), masks_needed(recipe, "other")) == (3, 2)


def test_an_image_with_a_prompt_of_its_own_needs_a_mask_where_the_others_need_none() -> None:
    own = Prompt(points=(Point(x=0.5, y=0.5),))
    named = {"t": Template(name="all", placement=Placement.WHOLE, overrides={"i": own, "gone": own})}
    recipe = resolve(Recipe.model_validate({"templates": ["t"], "layers": [{"region": "t"}]}), named)
    assert overridden(recipe) == {"i", "gone"}
    found = replace(pictures(50), overridden=("i",))
    made = estimate(recipe, found, Known(looked_for=1, found=0), segmenter="classic-1", fleet=FLEET)
    assert (made.lane, made.masks.needed, made.masks.known, made.masks.is_sampled) == (Lane.ENDPOINT, 1, 0, False)
    pace = rates.pace_of("classic-1")
    assert made.seconds.segmenting_s == round(pace.image_s + pace.mask_s, 1)


@pytest.mark.parametrize(
    ("found", "fleet", "code"),
    [
        (replace(pictures(3), expected=1), FLEET, WarningCode.IMAGES_NOT_HERE),
        (pictures(3), FLEET, WarningCode.PACE_NOT_MEASURED),
        (pictures(3), replace(FLEET, instance_type="ml.p9.huge"), WarningCode.INSTANCE_NOT_PRICED),
    ],
)
def test_what_should_be_known_beforehand_is_a_warning(found: Pictures, fleet: Fleet, code: WarningCode) -> None:
    made = told(resolved(output={"format": "png"}), found, fleet=fleet)
    assert code in {warning.code for warning in made.warnings}


COUNTS = st.integers(1, 3000)
FORMATS = st.sampled_from(list(OutputFormat))


@given(st.data())
def test_more_of_anything_never_takes_or_costs_less(data: st.DataObject) -> None:
    ready, samples, templates = data.draw(COUNTS), data.draw(st.integers(1, 20)), data.draw(st.integers(1, 5))
    megapixels, known = data.draw(st.floats(0.1, 40)), data.draw(st.floats(0, 1))
    recipe = resolved(templates=templates, samples_per_image=samples, output={"format": data.draw(FORMATS)})
    base = told(recipe, pictures(ready, megapixels=megapixels), known=known)
    more_samples = resolved(
        templates=templates, samples_per_image=samples + 1, output=recipe.recipe.output.model_dump()
    )
    for other in (
        told(recipe, pictures(ready * 2, megapixels=megapixels), known=known),
        told(recipe, pictures(ready, megapixels=megapixels * 1.5), known=known),
        told(recipe, pictures(ready, megapixels=megapixels), known=known / 2),
        told(more_samples, pictures(ready, megapixels=megapixels), known=known),
    ):
        assert other.seconds.total_s >= base.seconds.total_s - 0.2  # tenths are rounded
        assert other.cost.dollars >= base.cost.dollars
        assert other.cost.dollars_to_keep_a_month >= base.cost.dollars_to_keep_a_month


@given(COUNTS, st.integers(1, 8))
def test_more_instances_take_no_longer_and_cost_the_same(ready: int, instances: int) -> None:
    one = told(resolved(), pictures(ready))
    many = told(resolved(), pictures(ready), fleet=replace(FLEET, instances_max=instances))
    assert many.seconds.total_s <= one.seconds.total_s
    assert many.cost == one.cost


def test_a_line_is_its_amount_at_the_listed_price_and_the_sum_leaves_out_what_comes_later() -> None:
    usage = Usage({Resource.OBJECT_WRITES: 2000, Resource.INSTANCE_S: 3600, Resource.STORED_GB: 10})
    cost = priced(usage, instance_type="ml.g5.xlarge")
    assert {line.resource: line.dollars for line in cost.lines} == {
        Resource.OBJECT_WRITES: 0.01,
        Resource.INSTANCE_S: 1.408,
        Resource.STORED_GB: 0.23,
    }
    assert (cost.dollars, cost.dollars_to_keep_a_month) == (1.418, 0.23)


def test_every_resource_has_a_price_with_its_source() -> None:
    assert PRICES.keys() | {Resource.INSTANCE_S} == set(Resource)
    for price in (*PRICES.values(), *prices.INSTANCES.values()):
        assert price.dollars > 0 and price.source


def test_every_engine_has_a_pace_with_its_source() -> None:
    assert rates.PACES.keys() == set(Engine)
    for engine, pace in rates.PACES.items():
        assert pace.source
        assert rates.pace_of(f"{engine}-0123456789ab") is pace
    assert rates.pace_of("another-1").image_s == max(pace.image_s for pace in rates.PACES.values())


def test_what_items_spent_is_added_field_by_field() -> None:
    parts = [Spent(shards=1, variants=2, made_bytes=5), Spent(variants=3, rendering_ms=7)]
    assert total(parts) == Spent(shards=1, variants=5, made_bytes=5, rendering_ms=7)
    assert total([]) == Spent()


def test_a_job_of_look_ups_writes_next_to_nothing() -> None:
    made = Work(
        images=100, chunks=7, shards=7, masks_computed=100, masks_reused=0, labels=100, labels_made=100,
        variants_made=500, variants_reused=0, segmenting_s=10, rendering_s=50, finishing_s=5, made_bytes=10**8,
        dataset_bytes=10**8,
    )  # fmt: skip
    again = made.model_copy(
        update={
            "shards": 0, "masks_computed": 0, "masks_reused": 100, "labels_made": 0, "variants_made": 0,
            "variants_reused": 500, "segmenting_s": 0.0, "made_bytes": 0,
        }
    )  # fmt: skip
    first, second = usage_of(made).amounts, usage_of(again).amounts
    assert second[Resource.OBJECT_WRITES] < 0.05 * first[Resource.OBJECT_WRITES]
    assert second[Resource.INSTANCE_S] == 0
    assert second[Resource.NOTICES] == 0
