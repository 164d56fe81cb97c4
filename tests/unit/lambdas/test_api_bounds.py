"""What is too large is refused before anything is written; what is allowed fits where it is kept and shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.plan_job import logic as plan_job
from lambdas.serve_api import jobs
from maskmill.core import limits, rows
from maskmill.core.geometry import Size
from maskmill.core.job import JobStatus
from maskmill.core.messages import PlanJob
from maskmill.core.runs import rle_of_runs
from tests.contract import aws
from tests.unit.lambdas.gateway import PROMPT, Api, recipe

ROW_BYTES_MAX = 400 * 1024  # of DynamoDB
ANSWER_BYTES_MAX = 6 * 1024 * 1024  # of a Lambda function
SIZE = {"height_px": 4000, "width_px": 3000}


def large_template(name: str, chars: int) -> dict[str, Any]:
    """A template with a mask of nothing, written as long as is asked: empty runs after the whole picture."""
    nothing = rle_of_runs([SIZE["height_px"] * SIZE["width_px"], 0, 0], Size.model_validate(SIZE)).counts
    counts = nothing + "0" * (chars - len(nothing))
    return {"name": name, "prompt": {**PROMPT, "previous": {"size": SIZE, "counts": counts}}}


def test_a_template_that_is_too_large_is_refused_and_costs_no_place(api: Api) -> None:
    dataset = api.dataset()
    answer = api.post(f"/datasets/{dataset}/templates", large_template("cap", limits.TEMPLATE_BYTES_MAX))
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", [""])
    assert str(limits.TEMPLATE_BYTES_MAX) in answer.text
    assert api.get(f"/datasets/{dataset}/templates").json["items"] == []
    assert "templates_reserved" not in api.ports.table.get(rows.dataset_key(api.tenant, dataset))


def test_a_recipe_whose_templates_are_together_too_large_for_a_row_is_refused(api: Api) -> None:
    dataset, _, _ = api.ready_dataset()
    chars = limits.TEMPLATE_BYTES_MAX - 1000
    ids = [
        str(api.post(f"/datasets/{dataset}/templates", large_template(f"cap{n}", chars)).json["template_id"])
        for n in range(6)
    ]
    path = f"/datasets/{dataset}/jobs"
    answer = api.post(path, {"recipe": {"templates": ids}})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_recipe", ["/recipe"])
    assert api.get("/jobs").json["items"] == []
    answer = api.post(path, {"recipe": {"templates": ids[:4]}})
    assert answer.status == 202, answer.text
    row = api.ports.table.get(rows.job_key(api.tenant, answer.json["job_id"]))
    assert len(json.dumps(row)) < ROW_BYTES_MAX


def test_a_recipe_that_is_too_large_to_be_listed_is_refused(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    varied = {name: {"choice": [0.123456789012] * 64} for name in ("brightness", "contrast", "gamma", "hue")}
    layers = [{"region": template, "vary": varied}] * 16
    answer = api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template, layers=layers)})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_recipe", ["/recipe"])


def test_a_region_names_a_bounded_number_of_masks(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    part = {"op": "union", "of": [template] * 16}
    wide = {"op": "union", "of": [part] * 5}
    answer = api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template, layers=[{"region": wide}])})
    assert (answer.status, answer.code) == (422, "invalid_recipe")
    wide["of"] = [part] * 4
    answer = api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template, layers=[{"region": wide}])})
    assert answer.status == 202, answer.text


def test_cut_outs_of_many_labels_are_bounded(api: Api) -> None:
    """Each of them has masks of its own: 200 variants of 16 templates would leave 3,400 pictures behind."""
    dataset, first, _ = api.ready_dataset()
    ids = [first, *(api.template(dataset, f"cap{n}") for n in range(7))]
    layers = [{"region": first, "edits": {"cutout": {}}}] * 16
    body = {"recipe": {"templates": ids, "layers": layers, "samples_per_image": 8}}
    answer = api.post(f"/datasets/{dataset}/jobs", body)
    assert (answer.status, answer.code) == (422, "invalid_recipe")
    assert str(limits.PICTURES_PER_IMAGE_MAX) in answer.text


@pytest.mark.parametrize("is_named", [False, True])
def test_more_variants_than_one_run_can_pack_are_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    monkeypatch.setattr("maskmill.core.recipe.VARIANTS_PER_JOB_MAX", 5)
    dataset, template, image_ids = api.ready_dataset(images=3)
    images = {"image_ids": image_ids} if is_named else {}
    body = {"recipe": recipe(template, samples_per_image=2), **images}
    answer = api.post(f"/datasets/{dataset}/jobs", body)
    assert (answer.status, answer.code) == (422, "too_many_images")
    assert api.get("/jobs").json["items"] == []
    body["recipe"] = recipe(template)
    assert api.post(f"/datasets/{dataset}/jobs", body).status == 202


def test_images_that_arrive_between_submission_and_planning_are_counted_as_well(
    api: Api, monkeypatch: pytest.MonkeyPatch, account: dict[str, str]
) -> None:
    monkeypatch.setattr("maskmill.core.recipe.VARIANTS_PER_JOB_MAX", 2)
    dataset, template, _ = api.ready_dataset(images=2)
    job = api.submit(dataset, template).json["job_id"]
    for image_id in api.announce(dataset, "late.jpg"):
        api.settle(dataset, image_id)
    ports = plan_job.Ports(
        api.ports.table, api.ports.media, api.ports.queues, api.ports.clock, chunk_items=25, window_shards=4
    )
    plan_job.plan(ports, PlanJob(tenant=api.tenant, job_id=job))
    view = api.get(f"/jobs/{job}").json
    assert (view["status"], view["refusal"]["code"]) == (JobStatus.FAILED, "too_many_images")
    assert view["items_total"] == 0
    aws.received(account["plan"])


def test_the_longest_lists_fit_into_an_answer() -> None:
    assert limits.TEMPLATES_PER_DATASET_MAX * limits.TEMPLATE_BYTES_MAX < ANSWER_BYTES_MAX
    assert jobs.LISTED_MAX * limits.RECIPE_BYTES_MAX < ANSWER_BYTES_MAX
    assert limits.RESULT_ROW_BYTES_MAX < limits.JOB_BYTES_MAX < ROW_BYTES_MAX
