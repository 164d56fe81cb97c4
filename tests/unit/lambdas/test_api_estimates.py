"""The estimate over the API: the same body as a submission, the same refusals, no effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maskmill.core import rows
from maskmill.core.bill import Estimate
from maskmill.core.table import Put
from tests.contract import aws
from tests.unit.lambdas.gateway import Api, recipe
from tests.unit.lambdas.studio import BOX, Studio, picture


def estimate(api: Api, dataset: str, template: str, **more: Any) -> Any:
    return api.post(f"/datasets/{dataset}/jobs/estimate", {"recipe": recipe(template), **more})


def test_an_estimate_tells_what_a_job_would_take_and_makes_none(api: Api, account: dict[str, str]) -> None:
    dataset, template, _ = api.ready_dataset(images=3)
    aws.received(account["plan"])
    answer = estimate(api, dataset, template)
    assert answer.status == 200
    made = Estimate.model_validate_json(answer.text)
    assert (made.images, made.variants, made.masks.needed, made.lane) == (3, 3, 3, "endpoint")
    assert made.cost.dollars > 0
    assert api.get("/jobs").json["items"] == []
    assert aws.received(account["plan"]) == []


def test_photos_of_a_split_without_variants_are_not_charged_for_any(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=3)
    asked = recipe(template) | {"splits": {"train": 0.0, "val": 1.0}}
    made = api.post(f"/datasets/{dataset}/jobs/estimate", {"recipe": asked}).json
    assert (made["images"], made["variants"]) == (3, 0)
    assert api.post(f"/datasets/{dataset}/jobs", {"recipe": asked}).status == 202
    assert api.get("/usage").json["variants_per_day"]["used"] == 0


def test_a_job_keeps_the_estimate_that_was_made_of_it(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=2)
    before = estimate(api, dataset, template).json
    job = api.submit(dataset, template).json
    assert job["cost"] == {"estimate": before, "actual": None}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"image_ids": ["nothing"]}, "invalid_request"),
        ({"image_ids": []}, "no_images"),
        ({"recipe": recipe("unknown")}, "invalid_recipe"),
        ({"recipe": recipe("t") | {"samples_per_image": 0}}, "invalid_request"),
        ({"seed": 3}, "invalid_request"),
    ],
)
def test_what_a_submission_refuses_an_estimate_refuses(api: Api, more: dict[str, Any], code: str) -> None:
    dataset, template, _ = api.ready_dataset()
    assert estimate(api, dataset, template, **more).code == code


def test_an_estimate_belongs_to_its_tenant(api: Api, other: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    assert estimate(other, dataset, template).code == "not_found"


def test_a_quota_that_a_job_would_exceed_is_a_warning(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    api.ports.table.write(Put(rows.limits_key(api.tenant), {"variants_per_day": 0}))
    warnings = estimate(api, dataset, template).json["warnings"]
    assert [warning["code"] for warning in warnings] == ["quota"]


def test_an_estimate_finds_the_masks_that_earlier_jobs_made() -> None:
    studio = Studio()
    dataset_id, _ = studio.dataset(**{f"{number}.png": picture(number) for number in range(4)})
    ball, box = studio.template(dataset_id, "ball"), studio.template(dataset_id, "box", prompt={"points": [BOX]})
    one = {"templates": [ball], "layers": [{"region": ball, "edits": {"hue": 30}}]}
    both = {"templates": [ball, box], "layers": [{"region": box, "edits": {"hue": 30}}]}
    first = studio.job(dataset_id, one).cost
    assert first.estimate is not None and first.actual is not None
    assert (first.estimate.masks.known, first.estimate.masks.needed) == (0, 4)
    assert first.actual.masks_computed == 4
    second = studio.job(dataset_id, both).cost
    assert second.estimate is not None and second.actual is not None
    assert (second.estimate.masks.known, second.estimate.masks.needed) == (4, 8)
    assert (second.actual.masks_computed, second.actual.masks_reused) == (4, 4)
    third = studio.job(dataset_id, both).cost
    assert third.estimate is not None and third.actual is not None
    assert (third.estimate.lane, third.actual.masks_computed, third.actual.variants_made) == ("none", 0, 0)


def test_images_with_prompts_of_their_own_are_estimated_segmented_rendered_and_billed_by_these() -> None:
    studio = Studio()
    dataset_id, ids = studio.dataset(**{f"{number}.png": picture(number) for number in range(4)})
    own = {ids["1.png"]: {"points": [BOX]}, ids["2.png"]: {"points": [BOX]}}
    ball = studio.template(dataset_id, "ball", overrides={ids["1.png"]: own[ids["1.png"]], "gone": {"points": [BOX]}})
    whole = studio.template(dataset_id, "all", placement="whole", overrides=own)
    recipe = {"templates": [ball, whole], "layers": [{"region": ball, "edits": {"hue": 30}}]}
    for known in (0, 5):  # two prompts on 2.png, one on each of the others: both templates ask the same on 1.png
        job = studio.job(dataset_id, recipe)
        assert job.cost.estimate is not None and job.cost.actual is not None
        assert (job.cost.estimate.masks.needed, job.cost.estimate.masks.known) == (5, known)
        assert (job.cost.actual.masks_computed, job.cost.actual.masks_reused) == (5 - known, known)
    areas = {
        line["image_name"]: {mask["name"]: mask["area_px"] for mask in line["masks"]}
        for line in map(json.loads, studio.lines(job.job_id))
        if line["kind"] == "source"
    }
    (ball_px,) = {areas["0.png"]["ball"], areas["3.png"]["ball"], areas["2.png"]["ball"]}
    (box_px,) = {areas["1.png"]["ball"], areas["1.png"]["all"], areas["2.png"]["all"]}
    assert ball_px != box_px
    assert areas["0.png"]["all"] == areas["3.png"]["all"] == 60 * 80
