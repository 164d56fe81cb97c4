"""An operator stops what costs money after a job began: nothing more goes to the endpoint, and nothing is lost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local import operate
from local.aws import client
from local.cloud import Laptop
from tests.e2e.conftest import User
from tests.e2e.jobs import TERMINAL, asked, filled, submitted, until
from tests.e2e.test_fairness import pictures

pytestmark = pytest.mark.integration

ITEMS = 40
REASON = "A drill of the tests."
PREFIX = "maskmill-local"
HANDED_OVER_S = 10  # what a process knew of the switch is older by then
HELD_S = 8


def requests_of(cloud: Laptop, job: str) -> set[str]:
    """The requests that were written for the endpoint."""
    store = client("s3", cloud.emulator_url)
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=cloud.outputs["WorkBucket"])
    keys = (entry["Key"] for page in pages for entry in page.get("Contents", ()))
    return {key for key in keys if f"/jobs/{job}/requests/" in key}


def counts(user: User, job: str) -> dict[str, int]:
    found: dict[str, int] = asked(user, f"/jobs/{job}")["items"]
    return found


def test_a_halted_job_waits_and_ends_whole_after_the_resume(cloud: Laptop, ann: User) -> None:
    functions: Any = client("lambda", cloud.emulator_url)
    dataset, body = filled(ann, pictures(ITEMS, first_seed=77_000))
    assert not operate.order(functions, PREFIX, "status")["is_stopped"]  # and the function is warm
    job = submitted(ann, dataset, body)
    try:
        assert operate.order(functions, PREFIX, "halt", REASON)["is_stopped"]
        time.sleep(HANDED_OVER_S)
        before, held = requests_of(cloud, job), counts(ann, job)
        assert held["pending"] > 0, "the job was over before it was halted"
        status, problem = ann.get(f"/datasets/{dataset}/jobs", method="POST", body=body)
        assert (status, problem["code"]) == (503, "spending_stopped")
        assert REASON in problem["detail"]
        time.sleep(HELD_S)
        assert requests_of(cloud, job) == before
        assert counts(ann, job)["pending"] == held["pending"]
        assert counts(ann, job)["failed"] == 0
    finally:
        assert not operate.order(functions, PREFIX, "resume")["is_stopped"]
    until(lambda: asked(ann, f"/jobs/{job}")["status"] in TERMINAL)
    ended = asked(ann, f"/jobs/{job}")
    assert (ended["status"], ended["items"]["done"]) == ("succeeded", ITEMS), json.dumps(ended["items"])
