"""Lists: every page once, cursors that mean a place in their own list, and bounds that are checked."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.serve_api import cursors
from lambdas.serve_api.signing import Keyring
from maskmill.core.errors import InvalidInput
from maskmill.core.table import Key, Put, Query
from tests.simulation.cloud import MemoryTable
from tests.unit.lambdas.gateway import Answer, Api

HOOK = "https://hooks.example.com/maskmill"
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


def cursors_of(api: Api) -> dict[str, str]:
    """A cursor of every list that has one, by the list's path and filter."""
    dataset, template, _ = api.ready_dataset(images=3)
    api.template(dataset), api.dataset()
    jobs = [str(api.submit(dataset, template).json["job_id"]) for _ in range(2)]
    api.plan(jobs[0], items=120, chunk_items=10)
    for index in range(60):
        api.result(jobs[0], index, variants=1)
    hooks = [f"/webhooks/{api.post('/webhooks', {'url': HOOK}).json['webhook_id']}" for _ in range(2)]
    assert [api.post(f"{hooks[0]}/test").status for _ in range(2)] == [202, 202]
    lists = {
        "/datasets?limit=1": api.get("/datasets", limit="1"),
        f"/datasets/{dataset}/images?limit=1": api.get(f"/datasets/{dataset}/images", limit="1"),
        f"/datasets/{dataset}/images?limit=1&status=ready": api.get(
            f"/datasets/{dataset}/images", limit="1", status="ready"
        ),
        f"/datasets/{dataset}/templates?limit=1": api.get(f"/datasets/{dataset}/templates", limit="1"),
        "/jobs?limit=1": api.get("/jobs", limit="1"),
        f"/jobs?limit=1&dataset={dataset}": api.get("/jobs", limit="1", dataset=dataset),
        "/webhooks?limit=1": api.get("/webhooks", limit="1"),
        f"{hooks[0]}/deliveries?limit=1": api.get(f"{hooks[0]}/deliveries", limit="1"),
        f"/jobs/{jobs[0]}/items": api.get(f"/jobs/{jobs[0]}/items"),
        f"/jobs/{jobs[0]}/items?status=pending": api.get(f"/jobs/{jobs[0]}/items", status="pending"),
        f"/jobs/{jobs[0]}/variants": api.get(f"/jobs/{jobs[0]}/variants"),
        f"/jobs/{jobs[0]}/variants?from=3": api.get(f"/jobs/{jobs[0]}/variants", **{"from": "3"}),
        f"/jobs/{jobs[0]}/variants?template={template}": api.get(f"/jobs/{jobs[0]}/variants", template=template),
    }
    return {path: str(answer.json["next_cursor"]) for path, answer in lists.items()}


def go_on(api: Api, path: str, cursor: str) -> Answer:
    bare, _, text = path.partition("?")
    query = dict(pair.split("=") for pair in text.split("&") if pair)
    return api.get(bare, **query, cursor=cursor)


def test_a_cursor_is_one_of_its_own_list_and_filter_only(api: Api) -> None:
    handed_out = cursors_of(api)
    for path in handed_out:
        for origin, cursor in handed_out.items():
            answer = go_on(api, path, cursor)
            if origin == path:
                assert answer.status == 200, path
            else:
                assert (answer.status, answer.code) == (400, "invalid_cursor"), (origin, path)


def test_a_cursor_holds_with_another_limit(api: Api) -> None:
    for _ in range(3):
        api.dataset()
    cursor = api.get("/datasets", limit="1").json["next_cursor"]
    assert len(api.get("/datasets", limit="2", cursor=cursor).json["items"]) == 2


def test_a_foreign_cursor_is_refused(api: Api, other: Api) -> None:
    for tenant in (api, other):
        for _ in range(2):
            tenant.dataset()
        dataset, template, _ = tenant.ready_dataset()
        for _ in range(2):
            tenant.submit(dataset, template)
    for path in ("/datasets", "/jobs"):
        foreign = other.get(path, limit="1").json["next_cursor"]
        answer = api.get(path, cursor=foreign)
        assert (answer.status, answer.code) == (400, "invalid_cursor")
        assert other.get(path, cursor=foreign).status == 200


def a_list(*identity: str | None, table: MemoryTable | None = None) -> cursors.Listing:
    return cursors.Listing(Keyring(table or MemoryTable(), draw=lambda: b"k" * 32), identity)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_a_cursor_comes_back_as_the_position_that_it_was(position: str) -> None:
    things = a_list("tenant", "things")
    assert things.after(things.cursor(position)) == position


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        a_list("tenant", "things").after(text)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_cursor_with_one_changed_byte_is_refused(place: int, change: int) -> None:
    things = a_list("tenant", "things")
    data = bytearray(base64.urlsafe_b64decode(str(things.cursor("position")) + "=="))
    data[place % len(data)] ^= change
    with pytest.raises(InvalidInput):
        things.after(b64(bytes(data)))


def test_no_two_lists_share_a_seal() -> None:
    table = MemoryTable()
    identities = [("t", "a", "b"), ("t", "ab"), ("t", "a", None), ("t", "a"), ("ta",), ("t", "a", '","b')]
    lists = [a_list(*identity, table=table) for identity in identities]
    assert len({one.cursor("x") for one in lists}) == len(lists)


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
