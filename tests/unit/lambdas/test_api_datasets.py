"""Datasets: their names and their ends, and that nothing of a dataset is seen once its removal is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maskmill.core import rows
from maskmill.core.limits import DATASET_LIFE_S_MAX, DATASET_LIFE_S_MIN
from tests.unit.lambdas.gateway import TRIAL_LIFE_S, Api


def life_s(view: dict[str, Any]) -> float:
    """How long a dataset has still to live."""
    return (datetime.fromisoformat(view["expires_at"]) - datetime.now(UTC)) / timedelta(seconds=1)


def test_a_dataset_is_kept_unless_something_else_is_said(api: Api) -> None:
    view = api.post("/datasets", {"name": "set"}).json
    assert (view["status"], view["trial"], view["expires_at"]) == ("active", False, None)
    assert api.get(f"/datasets/{view['dataset_id']}").json == view


def test_a_trial_expires_after_the_hours_of_the_stage(api: Api) -> None:
    view = api.post("/datasets", {"name": "set", "trial": True}).json
    assert view["trial"] is True
    assert TRIAL_LIFE_S - 60 < life_s(view) <= TRIAL_LIFE_S


def test_a_life_that_is_named_holds_for_a_trial_as_well(api: Api) -> None:
    for trial in (False, True):
        view = api.post("/datasets", {"name": "set", "trial": trial, "expires_in_s": 600}).json
        assert 540 < life_s(view) <= 600


@pytest.mark.parametrize("life", [DATASET_LIFE_S_MIN - 1, DATASET_LIFE_S_MAX + 1, 0, -1, 60.5, "600", True])
def test_a_life_is_a_number_of_seconds_within_bounds(api: Api, life: object) -> None:
    created = api.post("/datasets", {"name": "set", "expires_in_s": life})
    changed = api.call("PATCH", f"/datasets/{api.dataset()}", {"expires_in_s": life})
    for answer in (created, changed):
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", ["/expires_in_s"])


def test_a_change_leaves_alone_what_it_does_not_name(api: Api) -> None:
    made = api.post("/datasets", {"name": "set", "expires_in_s": 600}).json
    path = f"/datasets/{made['dataset_id']}"
    renamed = api.call("PATCH", path, {"name": "other"})
    assert (renamed.status, renamed.json) == (200, {**made, "name": "other"})
    longer = api.call("PATCH", path, {"expires_in_s": 6000}).json
    assert longer["name"] == "other"
    assert 5900 < life_s(longer) <= 6000
    kept = api.call("PATCH", path, {"expires_in_s": None}).json
    assert kept == {**made, "name": "other", "expires_at": None}
    assert api.call("PATCH", path, {}).json == kept == api.get(path).json


def test_a_dataset_says_what_it_counts_without_being_paged_through(api: Api) -> None:
    dataset = api.dataset()
    api.announce(dataset, "a.jpg", "b.jpg", "c.jpg")
    view = api.get(f"/datasets/{dataset}").json
    assert (view["images_total"], view["size_bytes"]) == (3, 30)
    assert api.get("/datasets").json["items"] == [view]
    assert api.get("/usage").json["images"]["used"] == 3
    api.ports.table.write(rows.release_image(api.tenant, dataset, "one", size_bytes=10))  # as its removal writes it
    view = api.get(f"/datasets/{dataset}").json
    assert (view["images_total"], view["size_bytes"]) == (2, 20)


def test_a_new_name_is_checked_as_the_first_one_was(api: Api) -> None:
    dataset = api.dataset()
    for name in ("", " ", "a\nb", "x" * 121):
        answer = api.call("PATCH", f"/datasets/{dataset}", {"name": name})
        assert (answer.status, answer.pointers) == (422, ["/name"])
    assert api.get(f"/datasets/{dataset}").json["name"] == "set"


def test_nobody_changes_a_dataset_of_another(api: Api, other: Api) -> None:
    dataset = api.dataset()
    for body in ({"name": "mine"}, {"expires_in_s": 600}, {}):
        answer = other.call("PATCH", f"/datasets/{dataset}", body)
        assert (answer.status, answer.code) == (404, "not_found")
