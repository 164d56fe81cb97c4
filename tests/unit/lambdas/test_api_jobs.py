"""Jobs through the API: accepted once, shown as they are, cancelled, and what they leave behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas import records
from lambdas.known import Facts
from lambdas.serve_api import results, submissions
from maskmill.core import rows
from maskmill.core.image import Refusal
from maskmill.core.item import ItemStatus
from maskmill.core.job import JobStatus, job_id_of
from maskmill.core.messages import PlanJob
from maskmill.core.recipe import Layer, RegionExpr, RegionOp
from tests.contract import aws
from tests.unit.lambdas.gateway import Api, item_result, recipe

MISSING = "01j0000000000000000000000z"


@pytest.fixture
def sent(account: dict[str, str]) -> Any:
    """The plan messages that were sent since the last look."""
    aws.received(account["plan"])
    return lambda: [found["Body"] for found in aws.received(account["plan"])]


def test_a_job_is_accepted_and_planning_is_asked_for(api: Api, sent: Any) -> None:
    dataset, template, _ = api.ready_dataset()
    answer = api.submit(dataset, template, key="k1")
    job = answer.json["job_id"]
    assert answer.status == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{job}"
    assert int(answer.headers["Retry-After"]) > 0
    assert (answer.json["status"], answer.json["dataset_id"]) == ("accepted", dataset)
    assert job == job_id_of(api.tenant, "k1")
    assert sent() == [PlanJob(tenant=api.tenant, job_id=job).model_dump_json()]
    row = rows.job_of(api.ports.table.get(rows.job_key(api.tenant, job)))
    assert row.job.segmenter == "classic-1"
    assert row.job.recipe.templates[template].name == "shirt"
    assert row.job.image_ids is None


def test_the_same_call_twice_is_one_job_and_asks_again_until_it_is_planned(api: Api, sent: Any) -> None:
    dataset, template, _ = api.ready_dataset()
    first, second = (api.submit(dataset, template, key="k1") for _ in range(2))
    assert second.json == first.json
    assert len(sent()) == 2
    api.plan(first.json["job_id"], items=1, chunk_items=1)
    third = api.submit(dataset, template, key="k1")
    assert (third.status, third.json["status"]) == (202, "running")
    assert sent() == []
    assert len(api.get("/jobs").json["items"]) == 1


def test_the_same_body_written_differently_is_the_same_call(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    headers = {"Idempotency-Key": "k1"}
    path = f"/datasets/{dataset}/jobs"
    whole = api.call("POST", path, {"recipe": recipe(template)}, headers=headers)
    spelled = f'{{"image_ids":null,"recipe":{{"layers":[{{"edits":{{"hue":30.0}},"region":"{template}"}}],'
    again = api.call("POST", path, f'{spelled}"templates":["{template}"],"seed":0}}}}', headers=headers)
    assert (whole.status, again.status) == (202, 202)
    assert again.json["job_id"] == whole.json["job_id"]


def test_the_same_key_with_another_body_or_dataset_is_refused(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    api.submit(dataset, template, key="k1")
    other_body = api.post(f"/datasets/{dataset}/jobs", {"recipe": recipe(template, seed=1)}, idempotency_key="k1")
    assert (other_body.status, other_body.code) == (422, "idempotency_mismatch")
    other_dataset, other_template, _ = api.ready_dataset()
    assert api.submit(other_dataset, other_template, key="k1").code == "idempotency_mismatch"


def test_a_repeated_call_is_answered_although_the_dataset_has_changed(api: Api) -> None:
    """The answer to a repeated call comes from the row, not from another look at what it was made of."""
    dataset, template, _ = api.ready_dataset()
    first = api.submit(dataset, template, key="k1")
    api.plan(first.json["job_id"], items=1, chunk_items=1)
    assert api.submit(dataset, template, key="k1").json["items_total"] == 1


def test_without_a_key_every_call_is_a_new_job(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    assert len({api.submit(dataset, template).json["job_id"] for _ in range(3)}) == 3


@pytest.mark.parametrize("key", ["", "x" * 129, "ä", "a\nb", "a\x00"])
def test_a_key_is_short_and_visible(api: Api, key: str) -> None:
    dataset, template, _ = api.ready_dataset()
    answer = api.submit(dataset, template, key=key)
    assert (answer.status, answer.code) == (422, "invalid_request")


def test_a_lost_race_for_the_row_is_answered_from_the_winner(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls at once: both see no row, one puts it, the other meets it."""
    dataset, template, _ = api.ready_dataset()
    first = api.submit(dataset, template, key="k1")
    table = type(api.ports.table)
    real_get, blind = table.get, [True]

    def get(self: Any, key: Any) -> Any:
        if key == rows.job_key(api.tenant, first.json["job_id"]) and blind.pop():
            return None
        return real_get(self, key)

    monkeypatch.setattr(table, "get", get)
    again = api.submit(dataset, template, key="k1")
    assert blind == []
    assert again.json["job_id"] == first.json["job_id"]
    assert again.json["created_at"] == first.json["created_at"]


# What a job may be made of -----------------------------------------------------------------------------------------


def test_a_job_needs_an_image_that_has_settled(api: Api) -> None:
    dataset = api.dataset()
    template = api.template(dataset)
    assert api.submit(dataset, template).code == "no_images"
    (image_id,) = api.announce(dataset, "a.jpg")
    answer = api.submit(dataset, template, image_ids=[image_id])
    assert (answer.status, answer.code) == (422, "no_images")
    assert api.submit(dataset, template, image_ids=[]).code == "no_images"
    api.settle(dataset, image_id, refusal=Refusal(code="corrupt_image", message="broken"))
    assert api.submit(dataset, template).status == 202


def test_named_images_belong_to_the_dataset_and_are_taken_once(api: Api) -> None:
    dataset, template, image_ids = api.ready_dataset(images=3)
    answer = api.submit(dataset, template, image_ids=[image_ids[0], MISSING, image_ids[0], "../x"])
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", ["/image_ids/1", "/image_ids/3"])
    answer = api.submit(dataset, template, image_ids=[image_ids[2], image_ids[0], image_ids[2]])
    state = rows.job_of(api.ports.table.get(rows.job_key(api.tenant, answer.json["job_id"])))
    assert state.job.image_ids == (image_ids[2], image_ids[0])


def test_many_named_images_are_checked_like_few(api: Api) -> None:
    dataset, template, image_ids = api.ready_dataset(images=submissions.FETCHED_ONE_BY_ONE_MAX + 5)
    assert api.submit(dataset, template, image_ids=image_ids).status == 202
    answer = api.submit(dataset, template, image_ids=[*image_ids, MISSING])
    assert answer.pointers == [f"/image_ids/{len(image_ids)}"]


def test_a_recipe_names_templates_of_the_dataset_once_each(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    for unknown in (MISSING, "../x", ""):
        body = {"recipe": {"templates": [template, unknown]}}
        answer = api.post(f"/datasets/{dataset}/jobs", body)
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid_recipe", ["/recipe/templates/1"])
    twin = api.template(dataset)
    answer = api.post(f"/datasets/{dataset}/jobs", {"recipe": {"templates": [template, twin]}})
    assert (answer.code, answer.pointers) == ("invalid_recipe", ["/recipe/templates"])


def test_a_background_is_a_ready_image_of_the_dataset(api: Api) -> None:
    dataset, template, (image_id,) = api.ready_dataset()
    (expected,) = api.announce(dataset, "late.jpg")

    def submit(**cutout: Any) -> Any:
        layers = [{"region": template, "edits": {"cutout": {"background": "image", **cutout}}}]
        return api.post(f"/datasets/{dataset}/jobs", {"recipe": {"templates": [template], "layers": layers}})

    assert submit(image_id=image_id).status == 202
    for wrong in ({"image_id": expected}, {"image_id": MISSING}, {"image_id": "../x"}, {}):
        answer = submit(**wrong)
        assert (answer.code, answer.pointers) == ("invalid_recipe", ["/recipe/layers/0/edits/cutout/image_id"])


# How a job is shown ------------------------------------------------------------------------------------------------


def end(api: Api, job: str, number: int, index: int, status: ItemStatus) -> None:
    refusal = Refusal(code="model_failed", message="no") if status is ItemStatus.FAILED else None
    api.ports.table.write(rows.end_items(api.tenant, job, number, {index: rows.Ending(status, refusal)}, now_s=9))


def lease(api: Api, job: str, number: int, *indices: int) -> None:
    chunk = rows.chunk_of(api.ports.table.get(rows.chunk_key(api.tenant, job, number)))
    api.ports.table.write(
        rows.lease_items(
            api.tenant,
            job,
            number,
            indices=indices,
            seen=chunk.items,
            attempt=1,
            request_id="r",
            now_s=5,
            lease_until_s=99,
        )
    )


def test_the_counters_of_a_job_are_those_of_its_chunks(api: Api) -> None:
    job = api.job()
    api.plan(job, items=7, chunk_items=3)
    end(api, job, 0, 1, ItemStatus.FAILED)
    end(api, job, 2, 6, ItemStatus.NO_MATCH)
    lease(api, job, 1, 3, 4)
    view = api.get(f"/jobs/{job}").json
    expected = {"pending": 3, "segmenting": 2, "rendering": 0, "done": 0, "failed": 1}
    assert view["items"] == {**expected, "no_match": 1, "skipped": 0, "cancelled": 0}
    assert (view["items_total"], view["status"]) == (7, "running")


def test_a_job_waits_for_the_gpu_while_every_open_item_does_and_nothing_has_come_back(api: Api) -> None:
    job = api.job()
    api.plan(job, items=2, chunk_items=2)

    def waits() -> bool:
        return bool(api.get(f"/jobs/{job}").json["waiting_for_gpu"])

    assert not waits()
    lease(api, job, 0, 0)
    assert waits()  # the other one waits for its turn with the same segmenter
    lease(api, job, 0, 1)
    assert waits()
    api.ports.table.write(rows.start_rendering(api.tenant, job, 0, indices=[0], now_s=6))
    assert not waits()
    end(api, job, 0, 0, ItemStatus.DONE)
    assert not waits()


def test_a_job_whose_first_item_failed_waits_for_the_gpu_with_the_others(api: Api) -> None:
    job = api.job()
    api.plan(job, items=3, chunk_items=3)
    lease(api, job, 0, 0, 1, 2)
    end(api, job, 0, 2, ItemStatus.FAILED)
    assert api.get(f"/jobs/{job}").json["waiting_for_gpu"] is True


def test_an_unchanged_job_is_not_sent_again(api: Api) -> None:
    job = api.job()
    first = api.get(f"/jobs/{job}")
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = api.call("GET", f"/jobs/{job}", headers={"if-none-match": known})
        assert (answer.status, answer.text, answer.headers["ETag"]) == (304, "", tag)
    assert api.call("GET", f"/jobs/{job}", headers={"If-None-Match": '"x"'}).status == 200
    api.plan(job, items=1, chunk_items=1)
    changed = api.call("GET", f"/jobs/{job}", headers={"if-none-match": tag})
    assert (changed.status, changed.headers["ETag"] == tag) == (200, False)


def test_jobs_are_listed_newest_first(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    jobs = [api.submit(dataset, template).json["job_id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = api.get("/jobs", limit="2", **cursor).json
        seen += [job["job_id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == jobs[::-1]


# Cancelling --------------------------------------------------------------------------------------------------------


def close(api: Api, job: str, *, dataset_bytes: int = 0) -> None:
    api.ports.table.write(
        rows.close_job(
            api.tenant,
            job,
            status=JobStatus.SUCCEEDED,
            finished_at=datetime(2026, 11, 1, tzinfo=UTC),
            dataset_bytes=dataset_bytes,
        )
    )


def test_cancelling_is_a_request_that_the_planner_hears_of(api: Api, sent: Any) -> None:
    job = api.job()
    sent()
    for _ in range(2):
        answer = api.post(f"/jobs/{job}/cancel")
        assert (answer.status, answer.json["cancel_requested"]) == (202, True)
    assert sent() == [PlanJob(tenant=api.tenant, job_id=job).model_dump_json()] * 2


def test_an_ended_job_cannot_be_cancelled(api: Api) -> None:
    job = api.job()
    close(api, job)
    answer = api.post(f"/jobs/{job}/cancel")
    assert (answer.status, answer.code) == (409, "conflict")


# What a job leaves -------------------------------------------------------------------------------------------------


def test_items_are_listed_chunk_by_chunk_with_their_reasons(api: Api) -> None:
    job = api.job()
    api.plan(job, items=7, chunk_items=3)
    end(api, job, 1, 4, ItemStatus.FAILED)
    items = api.get(f"/jobs/{job}/items").json["items"]
    assert [item["index"] for item in items] == list(range(7))
    assert [item["name"] for item in items] == [f"{index}.jpg" for index in range(7)]
    assert items[4]["refusal"] == {"code": "model_failed", "message": "no"}
    failed = api.get(f"/jobs/{job}/items", status="failed").json
    assert [item["index"] for item in failed["items"]] == [4]
    assert api.get(f"/jobs/{job}/items", status="done").json == {"items": [], "next_cursor": None}


def test_pages_of_items_cover_a_large_job_exactly_once(api: Api) -> None:
    job = api.job()
    api.plan(job, items=260, chunk_items=25)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(5):
        page = api.get(f"/jobs/{job}/items", **cursor).json
        assert len(page["items"]) <= 100
        seen += [item["index"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list(range(260))


def test_a_finished_item_shows_its_source_its_labels_and_its_variants(api: Api) -> None:
    job = api.job()
    api.plan(job, items=1, chunk_items=1)
    api.result(job, 0)
    (item,) = api.get(f"/jobs/{job}/variants").json["items"]
    assert item["source_file_name"] == "sources/0001_0.png"
    assert f"{api.tenant}/px/{'ab' * 32}/normal.png" in item["source_url"]
    (label,) = item["labels"]
    assert label["file_name"] == "masks/0001_0/shirt.png"
    assert f"/labels/{'cd' * 20}.png" in label["mask_url"]
    plain, reshaped = item["variants"]
    assert plain["file_name"] == "variants/0001_0__shirt_s00.jpg"
    assert f"/variants/{0:040x}.jpg" in plain["url"]
    assert f"t/{api.tenant}/px/{'ab' * 32}/variants/{0:040x}.thumbnail.webp" in plain["thumbnail_url"]
    assert reshaped["thumbnail_url"] is None, "it is older than thumbnails"
    assert plain["labels"] is None
    assert [own["file_name"] for own in reshaped["labels"]] == ["masks/0001_0__shirt_s01/shirt.png"]


def results_of(api: Api, job: str, count: int, template: str) -> list[str]:
    """Items that have ended: the even ones have a variant of this template, the odd ones one of another."""
    api.plan(job, items=count, chunk_items=25)
    for index in range(count):
        result = item_result(index, 1)
        layer = Layer(region=RegionExpr(op=RegionOp.INVERT, of=("other" if index % 2 else template,)))
        (variant,) = result.variants
        made = result.model_copy(update={"variants": (variant.model_copy(update={"layers": (layer,), "layer": 0}),)})
        nothing = Facts(api.ports.table, api.ports.media, api.tenant)
        records.keep_results(api.ports.table, api.ports.media, api.tenant, job, [made], nothing)
    return [f"{index}.jpg" for index in range(count)]


def test_results_are_read_from_any_item_on_and_one_alone(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    names = results_of(api, job, 7, template)

    def read(**query: str) -> list[str]:
        return [item["name"] for item in api.get(f"/jobs/{job}/variants", **query).json["items"]]

    assert read(**{"from": "0"}) == read() == names
    assert read(**{"from": "5"}) == names[5:]
    assert read(**{"from": "2", "limit": "1"}) == names[2:3]
    assert read(**{"from": "7"}) == []
    first = api.get(f"/jobs/{job}/variants", **{"from": "2", "limit": "2"}).json
    later = api.get(f"/jobs/{job}/variants", **{"from": "2", "limit": "9", "cursor": first["next_cursor"]}).json
    assert [item["index"] for item in (*first["items"], *later["items"])] == [2, 3, 4, 5, 6]
    for query in ({"from": "-1"}, {"from": "x"}, {"from": "10000"}, {"limit": "51"}, {"limit": "0"}):
        answer = api.get(f"/jobs/{job}/variants", **query)
        assert (answer.code, answer.pointers) == ("invalid_request", [f"/{next(iter(query))}"])


@pytest.mark.parametrize("bytes_max", [1, 1_000_000])
def test_variants_of_one_template_come_without_the_others(
    api: Api, monkeypatch: pytest.MonkeyPatch, bytes_max: int
) -> None:
    monkeypatch.setattr(results, "PAGE_BYTES_MAX", bytes_max)
    dataset, template, _ = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    results_of(api, job, 6, template)
    found, cursor = [], {}
    for _ in range(7):
        page = api.get(f"/jobs/{job}/variants", template=template, limit="2", **cursor).json
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [(item["index"], [one["layer"] for one in item["variants"]]) for item in found] == [
        (0, [0]),
        (2, [0]),
        (4, [0]),
    ]
    answer = api.get(f"/jobs/{job}/variants", template="other")
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", ["/template"])


@pytest.mark.parametrize("bytes_max", [1, 40_000, 1_000_000])
def test_pages_of_variants_cover_a_job_exactly_once(api: Api, monkeypatch: pytest.MonkeyPatch, bytes_max: int) -> None:
    monkeypatch.setattr(results, "PAGE_BYTES_MAX", bytes_max)
    monkeypatch.setattr(results, "RESULTS_PER_QUERY", 4)
    job = api.job()
    api.plan(job, items=9, chunk_items=25)
    for index in range(9):
        api.result(job, index)
    seen: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(10):
        page = api.get(f"/jobs/{job}/variants", **cursor).json
        seen += [item["index"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list(range(9))


def test_files_are_there_once_the_job_has_ended_with_a_dataset(api: Api) -> None:
    job = api.job()
    assert (api.get(f"/jobs/{job}/files").status, api.get(f"/jobs/{job}/files").code) == (409, "conflict")
    close(api, job, dataset_bytes=123)
    files = api.get(f"/jobs/{job}/files").json
    for name, path in (("annotations", "annotations/instances.json"), ("manifest", "manifest.jsonl")):
        assert f"{api.tenant}/jobs/{job}/dataset/{path}?" in files[f"{name}_url"]
    view = api.get(f"/jobs/{job}").json
    assert (view["dataset_bytes"], view["status"]) == (123, "succeeded")
    assert view["finished_at"].startswith("2026-11-01T00:00:00")


def test_a_job_that_ended_without_a_dataset_has_no_files(api: Api) -> None:
    job = api.job()
    close(api, job)
    assert api.get(f"/jobs/{job}/files").status == 409
    assert api.get(f"/jobs/{job}").json["dataset_bytes"] is None


def test_an_ended_job_with_failures_is_retried_as_a_new_job(api: Api, other: Api) -> None:
    job = api.job()
    assert api.post(f"/jobs/{job}/retry").code == "conflict"
    api.plan(job, items=1, chunk_items=4)
    failed = Refusal(code="model_failed", message="no")
    api.ports.table.write(rows.end_items(api.tenant, job, 0, {0: rows.Ending(ItemStatus.FAILED, failed)}, now_s=1))
    write = rows.begin_finishing(api.tenant, job, run="r", now_s=1, until_s=2)
    api.ports.table.write(write)
    api.ports.table.write(rows.close_job(api.tenant, job, status=JobStatus.FAILED, finished_at=api.ports.clock.now()))
    assert other.post(f"/jobs/{job}/retry").code == "not_found"
    answer = api.post(f"/jobs/{job}/retry", idempotency_key="again")
    assert (answer.status, answer.json["retry_of"]) == (202, job)
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['job_id']}"
    assert api.post(f"/jobs/{job}/retry", idempotency_key="again").json == answer.json
    assert api.get(f"/jobs/{job}").json["retried_by"] == [answer.json["job_id"]]


def test_the_jobs_of_one_dataset_are_listed_newest_first(api: Api, other: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    made = [api.submit(dataset, template).json["job_id"] for _ in range(3)]
    api.job()
    first = api.get("/jobs", dataset=dataset, limit="2").json
    rest = api.get("/jobs", dataset=dataset, limit="2", cursor=first["next_cursor"]).json
    assert [job["job_id"] for job in first["items"] + rest["items"]] == made[::-1]
    assert api.get("/jobs", cursor=first["next_cursor"]).code == "invalid_cursor"
    for answer in (other.get("/jobs", dataset=dataset), api.get("/jobs", dataset="A B")):
        assert (answer.status, answer.code) == (404, "not_found")


def test_one_key_for_two_datasets_lists_its_job_once(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    elsewhere, its_template, _ = api.ready_dataset()
    job = api.submit(dataset, template, key="same").json["job_id"]
    assert api.submit(elsewhere, its_template, key="same").code == "idempotency_mismatch"
    table = api.ports.table
    stored = rows.job_of(table.get(rows.job_key(api.tenant, job))).job
    table.write(rows.put_dataset_job(api.tenant, stored.model_copy(update={"dataset_id": elsewhere})))  # as in a race
    assert [one["job_id"] for one in api.get("/jobs", dataset=dataset).json["items"]] == [job]
    assert api.get("/jobs", dataset=elsewhere).json["items"] == []
