"""Quotas: each refuses before anything is made, is given back when its thing goes, and cannot drift for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas import state, usage
from maskmill.core import rows
from maskmill.core.image import Dataset
from maskmill.core.job import Counts, JobStatus, job_id_of
from maskmill.core.limits import RECOUNT_S, SUBMISSION_S
from maskmill.core.table import Delete, Put, Update
from maskmill.core.usage import NO_MACHINE, Quota, day_of
from tests.unit.lambdas.gateway import QUOTAS, SHA256, Api, recipe

FILE = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256}


def limit(api: Api, **limits: int) -> None:
    """What an administrator writes."""
    api.ports.table.write(Put(rows.limits_key(api.tenant), limits))


def used(api: Api) -> dict[str, int]:
    answer = api.get("/usage")
    assert answer.status == 200, answer.text
    return {quota.value: answer.json[quota.value]["used"] for quota in Quota}


def alter(api: Api, **values: Any) -> None:
    api.ports.table.write(Update(rows.usage_key(api.tenant), set={(name,): value for name, value in values.items()}))


def take_place(api: Api, key: str, *, now: datetime) -> None:
    """What a submission does before its job has a row."""
    job_id = job_id_of(api.tenant, key)
    usage.take_job(api.ports.table, api.tenant, job_id, variants=1, machine=NO_MACHINE, defaults=QUOTAS, now=now)


def forget_count(api: Api) -> None:
    """The last comparison with what there is was long enough ago for another."""
    alter(api, counted_at_s=int(datetime.now(UTC).timestamp()) - RECOUNT_S)


def end(api: Api, job: str, **counts: int) -> None:
    state.close_job(
        api.ports.table,
        api.tenant,
        job,
        status=JobStatus.SUCCEEDED,
        finished_at=datetime.now(UTC),
        counts=Counts(**counts),
    )


def test_a_new_tenant_uses_nothing_and_sees_its_limits(api: Api) -> None:
    answer = api.get("/usage").json
    assert {quota: answer[quota] for quota in Quota} == {
        quota.value: {"limit": QUOTAS.of(quota), "used": 0} for quota in Quota
    }
    ends = datetime.fromisoformat(answer["day_ends_at"])
    assert (ends.hour, ends.minute, ends.second) == (0, 0, 0)
    assert timedelta(0) < ends - datetime.now(UTC) <= timedelta(days=1)


def test_what_is_made_is_counted(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=3)
    assert api.submit(dataset, template, key="k").status == 202
    expected = {"datasets": 1, "images": 3, "bytes": 30, "open_jobs": 1, "variants_per_day": 3}
    seconds = used(api)["gpu_seconds_per_day"]
    assert seconds > 0
    expected["gpu_seconds_per_day"] = seconds
    assert used(api) == expected
    assert api.submit(dataset, template, key="k").status == 202  # the same job
    assert used(api) == expected


def test_another_tenant_has_quotas_of_its_own(api: Api, other: Api) -> None:
    limit(api, datasets=0)
    assert api.post("/datasets", {"name": "x"}).code == "quota_exceeded"
    assert other.post("/datasets", {"name": "x"}).status == 201


def test_datasets_are_bounded(api: Api) -> None:
    limit(api, datasets=2)
    answers = [api.post("/datasets", {"name": "x"}) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 429]
    assert answers[2].code == "quota_exceeded"
    (fault,) = answers[2].json["errors"]
    assert (fault["pointer"], fault["detail"]) == ("", "datasets: limit 2, used 2, asked for 1")
    assert len(api.get("/datasets").json["items"]) == 2


@pytest.mark.parametrize("limits", [{"images": 3}, {"bytes": 39}])
def test_images_and_their_bytes_are_bounded_and_a_refusal_takes_nothing(api: Api, limits: dict[str, int]) -> None:
    limit(api, **limits)
    dataset = api.dataset()
    path = f"/datasets/{dataset}/uploads"
    assert api.post(path, {"files": [FILE] * 2}).status == 201
    refused = api.post(path, {"files": [FILE] * 2})
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert refused.json["errors"][0]["detail"].startswith(next(iter(limits)))
    assert used(api)["images"] == 2
    assert len(api.get(f"/datasets/{dataset}/images").json["items"]) == 2
    assert api.post(path, {"files": [FILE]}).status == 201
    assert api.ports.table.get(rows.dataset_key(api.tenant, dataset))["images_reserved"] == 3


def test_an_announcement_to_no_dataset_takes_nothing(api: Api) -> None:
    assert api.post("/datasets/nothing/uploads", {"files": [FILE]}).status == 404
    assert used(api)["images"] == 0


def test_variants_of_a_day_are_bounded_and_the_refusal_says_when_the_day_ends(api: Api) -> None:
    limit(api, variants_per_day=5)
    dataset, template, image_ids = api.ready_dataset(images=3)
    assert api.submit(dataset, template).status == 202
    refused = api.submit(dataset, template)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert refused.json["errors"][0]["detail"] == "variants_per_day: limit 5, used 3, asked for 3"
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * 3600 + 1
    assert len(api.get("/jobs").json["items"]) == 1
    assert used(api)["open_jobs"] == 1
    assert api.submit(dataset, template, image_ids=image_ids[:2]).status == 202  # fewer fit


def test_variants_are_the_recipes_variants_of_each_image(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=2)
    layers = [{"region": template, "edits": {"hue": hue}} for hue in (10, 20)]
    body = {"recipe": recipe(template, layers=layers, samples_per_image=3)}
    assert api.post(f"/datasets/{dataset}/jobs", body).status == 202
    assert used(api)["variants_per_day"] == 2 * 2 * 3


def test_a_new_day_begins_with_nothing_made(api: Api) -> None:
    limit(api, variants_per_day=3)
    dataset, template, _ = api.ready_dataset(images=3)
    assert api.submit(dataset, template).status == 202
    alter(api, day=day_of(datetime.now(UTC) - timedelta(days=1)))
    assert used(api)["variants_per_day"] == 0
    assert api.submit(dataset, template).status == 202
    assert used(api)["variants_per_day"] == 3


def test_open_jobs_are_bounded_until_one_ends(api: Api) -> None:
    limit(api, open_jobs=1)
    dataset, template, _ = api.ready_dataset()
    job = api.submit(dataset, template).json["job_id"]
    refused = api.submit(dataset, template)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert "open_jobs" in refused.json["errors"][0]["detail"]
    assert int(refused.headers["Retry-After"]) > 0
    end(api, job, done=1)
    assert api.submit(dataset, template).status == 202


def test_a_repeated_submission_of_an_ended_job_takes_no_place(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    job = api.submit(dataset, template, key="k").json["job_id"]
    end(api, job, done=1)
    assert api.submit(dataset, template, key="k").json["job_id"] == job
    assert used(api)["open_jobs"] == 0


def test_a_repeated_submission_gives_back_what_one_that_died_took_for_an_ended_job(api: Api) -> None:
    """A call that was slower than its whole job took it a place again, and died before it could see the job."""
    dataset, template, _ = api.ready_dataset()
    job = api.submit(dataset, template, key="k").json["job_id"]
    end(api, job, done=1)
    take_place(api, "k", now=datetime.now(UTC))
    assert used(api)["open_jobs"] == 1
    assert api.submit(dataset, template, key="k").json["job_id"] == job
    assert used(api)["open_jobs"] == 0


def test_what_a_job_did_not_make_is_given_back_once(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=5)
    job = api.submit(dataset, template).json["job_id"]
    api.plan(job, items=5, chunk_items=5)
    assert used(api)["variants_per_day"] == 5
    for _ in range(2):
        end(api, job, done=3, failed=2)
    assert (used(api)["open_jobs"], used(api)["variants_per_day"]) == (0, 3)


def test_a_retry_takes_a_place_and_the_variants_that_are_left_to_make(api: Api) -> None:
    limit(api, open_jobs=1)
    dataset, template, _ = api.ready_dataset(images=5)
    job = api.submit(dataset, template).json["job_id"]
    api.plan(job, items=5, chunk_items=5)
    end(api, job, done=3, failed=2)
    again = api.post(f"/jobs/{job}/retry")
    assert again.status == 202, again.text
    assert (used(api)["open_jobs"], used(api)["variants_per_day"]) == (1, 5)
    other = api.submit(dataset, template).code
    assert other == "quota_exceeded"


def test_what_was_taken_from_another_day_is_not_given_back_to_this_one(api: Api) -> None:
    dataset, template, _ = api.ready_dataset(images=2)
    job = api.submit(dataset, template).json["job_id"]
    api.plan(job, items=2, chunk_items=2)
    alter(api, day="2020-01-01", variants=7)
    end(api, job, failed=2)
    row = api.ports.table.get(rows.usage_key(api.tenant))
    assert (row["open_jobs"], row["variants"]) == (0, 7)


def test_a_lost_end_of_a_job_is_found_before_the_next_one_is_refused(api: Api) -> None:
    """A function died between the end of a job and the note of it."""
    limit(api, open_jobs=1)
    dataset, template, _ = api.ready_dataset()
    job = api.submit(dataset, template).json["job_id"]
    write = rows.close_job(api.tenant, job, status=JobStatus.FAILED, finished_at=datetime.now(UTC))
    api.ports.table.write(write)
    forget_count(api)
    assert api.submit(dataset, template).status == 202
    assert used(api)["open_jobs"] == 1


def test_a_job_that_never_came_to_be_loses_its_place(api: Api) -> None:
    """The API died between the place and the job's row, and its caller never asked again."""
    limit(api, open_jobs=1)
    dataset, template, _ = api.ready_dataset()
    long_ago = datetime.now(UTC) - timedelta(seconds=SUBMISSION_S + 5)
    take_place(api, "x", now=long_ago)
    forget_count(api)
    assert api.submit(dataset, template).status == 202


def test_a_job_that_is_just_being_submitted_keeps_its_place(api: Api) -> None:
    limit(api, open_jobs=1)
    dataset, template, _ = api.ready_dataset()
    now = datetime.now(UTC)
    take_place(api, "x", now=now)
    forget_count(api)
    assert api.submit(dataset, template).code == "quota_exceeded"


def test_lost_removals_are_found_before_anybody_is_refused(api: Api) -> None:
    limit(api, datasets=2, images=4)
    kept, gone = api.dataset(), api.dataset()
    api.announce(kept, "a.jpg")
    api.announce(gone, "a.jpg", "b.jpg", "c.jpg")
    api.ports.table.write(Delete(rows.dataset_key(api.tenant, gone)))
    forget_count(api)
    assert api.post(f"/datasets/{kept}/uploads", {"files": [FILE]}).status == 201
    assert used(api) == {**dict.fromkeys(Quota, 0), "datasets": 1, "images": 2, "bytes": 20}


def test_refusals_in_a_row_count_only_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(api, datasets=0)
    counted: list[str] = []
    real = usage.recount
    monkeypatch.setattr(
        usage, "recount", lambda table, tenant, *a, **k: [counted.append(tenant), real(table, tenant, *a, **k)][1]
    )
    assert {api.post("/datasets", {"name": "x"}).status for _ in range(5)} == {429}
    assert len(counted) == 1


def test_what_a_tenant_had_before_it_had_a_row_is_counted_at_its_first_call(api: Api) -> None:
    dataset = Dataset(dataset_id="d1", name="old", created_at=datetime.now(UTC))
    api.ports.table.write(rows.put_dataset(api.tenant, dataset))
    api.dataset()
    assert used(api)["datasets"] == 2


def test_every_day_begins_with_a_comparison_that_finds_too_little_as_well(api: Api) -> None:
    api.announce(api.dataset(), "a.jpg")
    alter(api, datasets=-3, images=0, counted_at_s=0)
    assert used(api)["datasets"] == 0  # never less than nothing
    api.dataset()
    assert (used(api)["datasets"], used(api)["images"]) == (2, 1)


def test_what_goes_is_given_back(api: Api) -> None:
    api.announce(api.dataset(), "a.jpg", "b.jpg")
    usage.give_back(api.ports.table, api.tenant, of="image", images=1, size_bytes=10)
    assert used(api) == {**dict.fromkeys(Quota, 0), "datasets": 1, "images": 1, "bytes": 10}


def test_what_goes_is_given_back_once_though_the_call_is_repeated(api: Api) -> None:
    """The SDK repeats a call whose answer was lost."""
    api.announce(api.dataset(), "a.jpg", "b.jpg")
    for _ in range(2):
        usage.give_back(api.ports.table, api.tenant, of="image", images=1, size_bytes=10)
    assert used(api)["images"] == 1


def test_a_recount_never_overwrites_what_it_has_not_seen(api: Api) -> None:
    api.dataset()
    seen, _ = usage.read(api.ports.table, api.tenant, QUOTAS)
    api.dataset()
    after = usage.recount(api.ports.table, api.tenant, seen, now=datetime.now(UTC), shown={})
    assert after.datasets == 2


def test_an_administrator_may_raise_a_limit_of_one_tenant(api: Api) -> None:
    limit(api, open_jobs=QUOTAS.open_jobs + 1)
    answer = api.get("/usage").json
    assert answer["open_jobs"]["limit"] == QUOTAS.open_jobs + 1
    assert answer["datasets"]["limit"] == QUOTAS.datasets
