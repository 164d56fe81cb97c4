"""Lists: every page once, cursors that mean a place in their own list, and bounds that are checked."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.serve_api import cursors
from maskmill.core.errors import InvalidInput
from maskmill.core.table import Key, Put, Query
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.gateway import Api

LISTS = ("/datasets", "/datasets/{dataset}/images", "/datasets/{dataset}/templates", "/jobs", "/jobs/{job}/items")


def pages(api: Api, path: str, **query: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(20):
        page = api.get(path, **query, **cursor).json
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("a list without an end")


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_of_images_cover_a_dataset_exactly_once(api: Api, limit: int) -> None:
    dataset = api.dataset()
    image_ids = api.announce(dataset, *"abcde")
    found = pages(api, f"/datasets/{dataset}/images", limit=str(limit))
    assert [image["image_id"] for page in found for image in page] == image_ids
    assert all(0 < len(page) <= limit for page in found), "no empty page at the end"


def test_images_are_listed_by_status(api: Api) -> None:
    dataset = api.dataset()
    image_ids = api.announce(dataset, *"abcdef")
    for image_id in image_ids[::2]:
        api.settle(dataset, image_id)
    found = pages(api, f"/datasets/{dataset}/images", status="ready", limit="2")
    assert [image["image_id"] for page in found for image in page] == image_ids[::2]
    assert {image["status"] for page in found for image in page} == {"ready"}


@pytest.mark.parametrize("status", ["", "READY", "gone", "ready,refused"])
def test_an_unknown_status_is_refused(api: Api, status: str) -> None:
    answer = api.get(f"/datasets/{api.dataset()}/images", status=status)
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", ["/status"])


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1e9", "1.5", "ten", "", " 5", "٥", "1,2", "9" * 30])
def test_a_limit_is_a_number_within_bounds(api: Api, limit: str) -> None:
    for path in ("/datasets", "/jobs"):
        answer = api.get(path, limit=limit)
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid_request", ["/limit"])


def b64(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


GARBAGE = [
    "",
    "!",
    "a b",
    "====",
    "A",
    "x" * 601,
    "ä",
    b64(b"\xff\xfe"),
    b64("../../x"),
    b64("T#other#J#j1"),
    b64("JOB#j1"),
    b64('["x","T#other","JOB#1"]')[:-1],
    b64("a") + "==",
]


@pytest.mark.parametrize("cursor", GARBAGE)
def test_a_cursor_that_the_service_did_not_make_is_refused(api: Api, cursor: str) -> None:
    ids = {"dataset": api.dataset(), "job": api.job()}
    for path in LISTS:
        answer = api.get(path.format(**ids), cursor=cursor)
        assert (answer.status, answer.code) == (400, "invalid_cursor"), path


@pytest.mark.parametrize("position", ['["x"]', "[1,2,3]", "null", '{"a":1}', '["x",1,"y"]'])
def test_a_forged_position_of_the_job_list_is_refused(api: Api, position: str) -> None:
    assert api.get("/jobs", cursor=b64(position)).code == "invalid_cursor"


def test_a_cursor_of_another_tenant_shows_nothing_of_that_tenant(api: Api, other: Api) -> None:
    for tenant in (api, other):
        dataset, template, _ = tenant.ready_dataset(images=3)
        for _ in range(3):
            tenant.submit(dataset, template)
    foreign = other.get("/jobs", limit="1").json["next_cursor"]
    mine = {job["job_id"] for job in api.get("/jobs").json["items"]}
    answer = api.get("/jobs", cursor=foreign)
    assert answer.status in {200, 400}
    assert {job["job_id"] for job in answer.json.get("items", [])} <= mine


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_a_cursor_comes_back_as_the_position_that_it_was(position: str) -> None:
    assert cursors.decode(cursors.encode(position)) == position


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        after = cursors.after_of(text, "IMAGE#")
    except InvalidInput:
        return
    assert after is not None
    assert after.startswith("IMAGE#")
    assert after.removeprefix("IMAGE#").isalnum()


@given(
    kept=st.lists(st.booleans(), max_size=60),
    limit=st.integers(1, 8),
    step=st.integers(1, 7),
)
def test_filtered_pages_cover_what_is_kept_exactly_once(kept: list[bool], limit: int, step: int) -> None:
    table = MemoryTable()
    for number, keep in enumerate(kept):
        table.write(Put(Key("p", f"R#{number:03d}"), {"keep": keep}))
    seen: list[str] = []
    after: str | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursors, "PAGE_ITEMS_MAX", step)
        patch.setattr(cursors, "SCANNED_PAGES_MAX", 2)
        for _ in range(len(kept) + 2):
            query = Query(pk="p", prefix="R#", after=after)
            found, after = cursors.page_of(table, query, limit=limit, keep=lambda row: bool(row["keep"]))
            assert len(found) <= limit
            seen += [row["sk"] for row in found]
            if after is None:
                break
    assert after is None
    assert seen == [f"R#{number:03d}" for number, keep in enumerate(kept) if keep]


def test_an_empty_list_is_a_list(api: Api) -> None:
    dataset = api.dataset()
    for path in (f"/datasets/{dataset}/images", f"/datasets/{dataset}/templates", "/jobs"):
        assert api.get(path).json == {"items": [], "next_cursor": None}
