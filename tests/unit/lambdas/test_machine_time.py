"""Seconds of the segmenter's machine: taken before anything runs, settled by what it worked, and never free of charge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lambdas import state, usage
from maskmill.core import rows
from maskmill.core.errors import QuotaExceeded
from maskmill.core.job import Counts, JobStatus
from maskmill.core.shard import ShardAnswer
from maskmill.core.table import Put, RowConflict
from maskmill.core.usage import MachineTime, Quota, Quotas, UsageState
from maskmill.core.work import Work
from tests.contract import aws
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.gateway import PROMPT, Api, lane_reply

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = "t"
AWAKE_S = 660  # an instance that is woken takes six minutes, and waits five for more
HOUR_S = 3600
LIMITS = Quotas(datasets=1, images=1, bytes=1, variants_per_day=10**6, gpu_seconds_per_day=4 * HOUR_S, open_jobs=10)
TINY = MachineTime(work_s=1, awake_s=AWAKE_S)


def take(table: MemoryTable, job: str, at: datetime, machine: MachineTime = TINY) -> None:
    usage.take_job(table, TENANT, job, variants=1, machine=machine, defaults=LIMITS, now=at)


def end(table: MemoryTable, job: str, worked_s: int | None) -> None:
    usage.give_back_job(table, TENANT, job, made=1, worked_s=worked_s)


def seconds(table: MemoryTable, at: datetime = NOON) -> int:
    return seen(table).used(Quota.GPU_SECONDS_PER_DAY, today=usage.day_of(at))


def seen(table: MemoryTable) -> UsageState:
    return usage.read(table, TENANT, LIMITS)[0]


def test_a_job_is_counted_for_its_work_and_for_the_machine_that_it_wakes() -> None:
    table = MemoryTable()
    take(table, "j", NOON, MachineTime(work_s=40, awake_s=AWAKE_S))
    assert seconds(table) == 40 + AWAKE_S
    end(table, "j", 25)
    assert seconds(table) == 25 + AWAKE_S
    end(table, "j", 25)
    assert seconds(table) == 25 + AWAKE_S  # once


def test_work_that_took_longer_than_was_thought_is_counted_too() -> None:
    table = MemoryTable()
    take(table, "j", NOON)
    end(table, "j", 3 * HOUR_S)
    assert seconds(table) == 3 * HOUR_S + AWAKE_S


def test_jobs_at_the_same_time_share_one_awake_machine() -> None:
    table = MemoryTable()
    for number in range(5):
        take(table, f"j{number}", NOON + timedelta(seconds=number))
    assert seconds(table) == 5 + AWAKE_S + 4


def test_who_counts_on_the_machine_may_change_until_a_place_is_given_back() -> None:
    table = MemoryTable()
    take(table, "first", NOON)
    take(table, "second", NOON + timedelta(seconds=30))
    both = seen(table)
    end(table, "second", 0)
    with pytest.raises(RowConflict):
        table.write(rows.give_back_job(TENANT, "first", seen=both, made=1, worked_s=0))
    end(table, "first", 0)
    assert seconds(table) == 0


def test_keeping_the_machine_warm_with_next_to_nothing_costs_every_minute_of_it() -> None:
    """One tiny job every nine minutes, whose machine would never sleep: the day's seconds end it within four hours."""
    table, midnight = MemoryTable(), NOON.replace(hour=0)
    at, refusal = midnight, None
    while refusal is None:
        try:
            take(table, str(at), at)
            end(table, str(at), 1)
            at += timedelta(minutes=9)
        except QuotaExceeded as error:
            refusal = error
    assert refusal.retry_after_s is not None and refusal.retry_after_s > 19 * HOUR_S
    awake_s = (at - midnight).total_seconds()
    assert 0.9 * LIMITS.gpu_seconds_per_day < awake_s <= LIMITS.gpu_seconds_per_day
    assert awake_s <= seconds(table) + 9 * 60


def test_a_job_that_asked_the_machine_for_nothing_gives_all_of_it_back() -> None:
    table = MemoryTable()
    take(table, "j", NOON)
    end(table, "j", 0)
    assert (seconds(table), seen(table).awake_until_s) == (0, int(NOON.timestamp()))


def test_what_others_counted_on_is_not_given_back() -> None:
    """A job that needs nothing, before one that does: together they pay for the machine that the second one wakes."""
    table = MemoryTable()
    take(table, "decoy", NOON)
    take(table, "real", NOON + timedelta(seconds=1))
    end(table, "decoy", 0)
    end(table, "real", 1)
    assert seconds(table) == 1 + AWAKE_S + 1


def test_what_nobody_counted_stays_taken() -> None:
    table = MemoryTable()
    take(table, "j", NOON)
    end(table, "j", None)
    assert seconds(table) == 1 + AWAKE_S


def test_a_new_day_begins_with_nothing_and_settles_nothing_of_the_last_one() -> None:
    table = MemoryTable()
    late = NOON.replace(hour=23, minute=59)
    take(table, "j", late)
    take(table, "k", late + timedelta(minutes=2))
    assert seconds(table, late + timedelta(minutes=2)) == 1 + 120
    end(table, "j", 5)
    assert seconds(table, late + timedelta(minutes=2)) == 1 + 120


def test_a_row_from_before_seconds_were_counted_is_read() -> None:
    table = MemoryTable()
    table.write(rows.put_usage(TENANT))
    key = rows.usage_key(TENANT)
    new = ("gpu_s", "awake_until_s")
    table.rows[key] = {name: value for name, value in table.rows[key].items() if name not in new}
    take(table, "j", NOON)
    assert seconds(table) == 1 + AWAKE_S


# Through the API ------------------------------------------------------------------------------------------------------


def used(api: Api) -> int:
    return int(api.get("/usage").json[Quota.GPU_SECONDS_PER_DAY]["used"])


def limit(api: Api, gpu_seconds: int) -> None:
    api.ports.table.write(Put(rows.limits_key(api.tenant), {Quota.GPU_SECONDS_PER_DAY.value: gpu_seconds}))


def close(api: Api, job: str, **counted: int) -> None:
    nothing = dict.fromkeys(
        ("chunks", "shards", "masks_computed", "masks_reused", "labels", "labels_made", "variants_made",
         "variants_reused", "rendering_s", "finishing_s", "made_bytes", "dataset_bytes"), 0
    )  # fmt: skip
    work = Work.model_validate({**nothing, "images": 1, "segmenting_s": 0, **counted})
    status, at = JobStatus.SUCCEEDED, datetime.now(UTC)
    state.close_job(api.ports.table, api.tenant, job, status=status, finished_at=at, counts=Counts(done=1), work=work)


def test_a_job_that_does_not_fit_the_day_is_refused_before_anything_runs(api: Api) -> None:
    limit(api, 600)  # less than an instance takes to wake and to sleep
    dataset, template, _ = api.ready_dataset()
    refused = api.submit(dataset, template)
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert refused.json["errors"][0]["detail"].startswith("gpu_seconds_per_day: limit 600, used 0, asked for ")
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * HOUR_S + 1
    assert api.get("/jobs").json["items"] == []
    assert used(api) == 0


def test_an_estimate_warns_of_it(api: Api) -> None:
    dataset, template, _ = api.ready_dataset()
    limit(api, 600)
    body = {"recipe": {"templates": [template], "layers": [{"region": template, "edits": {"hue": 10}}]}}
    answer = api.post(f"/datasets/{dataset}/jobs/estimate", body)
    assert answer.status == 200, answer.text
    assert "quota" in [warning["code"] for warning in answer.json["warnings"]]


def test_a_job_is_settled_by_what_its_machine_worked(api: Api) -> None:
    job = api.job()
    api.plan(job, items=1, chunk_items=1)
    taken = used(api)
    close(api, job, segmenting_s=90, asked=1)
    assert used(api) == AWAKE_S + 90 != taken


def test_attempts_that_brought_nothing_count_as_if_the_machine_had_worked(api: Api) -> None:
    job = api.job()
    api.plan(job, items=1, chunk_items=1)
    close(api, job, segmenting_s=90, asked=103, unanswered=100)
    assert used(api) > AWAKE_S + 90 + 50


def test_a_job_whose_masks_were_all_known_gives_its_seconds_back(api: Api) -> None:
    job = api.job()
    api.plan(job, items=1, chunk_items=1)
    close(api, job)
    assert used(api) == 0


def test_a_retry_takes_the_seconds_of_what_is_left(api: Api) -> None:
    job = api.job()
    api.plan(job, items=1, chunk_items=1)
    state.close_job(
        api.ports.table,
        api.tenant,
        job,
        status=JobStatus.FAILED,
        finished_at=datetime.now(UTC),
        counts=Counts(failed=1),
    )
    before = used(api)
    limit(api, before)
    assert api.post(f"/jobs/{job}/retry").code == "quota_exceeded"
    limit_row = rows.limits_key(api.tenant)
    assert api.ports.table.get(limit_row) is not None
    assert used(api) == before


@pytest.mark.parametrize("route", ["segment", "automask", "embedding"])
def test_what_the_lane_does_is_counted_by_what_it_took(api: Api, lane: aws.LaneFunction, route: str) -> None:
    def slow(payload: dict[str, object]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = lane_reply(payload)
        answer = ShardAnswer.model_validate_json(data).model_copy(update={"worked_ms": 7_001})
        return status, headers, answer.model_dump_json().encode()

    lane.reply = slow
    dataset, _, (image,) = api.ready_dataset()
    path = f"/datasets/{dataset}/images/{image}/{route}"
    bodies = {"segment": {"prompt": PROMPT}, "automask": {}}
    answer = api.post(path, bodies[route]) if route in bodies else api.get(path)
    assert answer.status == 200, answer.text
    assert used(api) == 8


@pytest.mark.parametrize("route", ["segment", "automask", "embedding"])
def test_a_spent_day_keeps_the_lane_from_being_asked(api: Api, lane: aws.LaneFunction, route: str) -> None:
    dataset, _, (image,) = api.ready_dataset()
    limit(api, 0)
    path = f"/datasets/{dataset}/images/{image}/{route}"
    bodies = {"segment": {"prompt": PROMPT}, "automask": {}}
    answer = api.post(path, bodies[route]) if route in bodies else api.get(path)
    assert (answer.status, answer.code) == (429, "quota_exceeded")
    assert int(answer.headers["Retry-After"]) > 0
    assert lane.calls == []
