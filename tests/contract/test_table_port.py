"""The table port: what the pipeline's logic relies on, on every implementation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from maskmill.core import rows
from maskmill.core.errors import Code, MaskmillError
from maskmill.core.image import Image, ImageStatus, Upload
from maskmill.core.item import ItemStatus
from maskmill.core.limits import ROWS_CREATED_MAX, ROWS_READ_MAX
from maskmill.core.plan import Chunk, PlannedItem
from maskmill.core.ports import Table
from maskmill.core.table import Condition, Delete, Index, Key, Op, Put, Query, RowConflict, Update

KEY = Key("T#a", "ROW#1")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def put(table: Table, sk: str = "ROW#1", **row: object) -> None:
    table.write(Put(Key("T#a", sk), row))


def test_a_missing_row_is_none(table: Table) -> None:
    assert table.get(KEY) is None


def test_a_row_comes_back_with_its_key_and_its_types(table: Table) -> None:
    row = {"text": "ä", "number": 3, "flag": True, "tags": frozenset({"x", "y"}), "map": {"inner": {"n": -1}}}
    written = table.write(Put(KEY, row))
    read = table.get(KEY)
    assert read == written == {**row, "pk": "T#a", "sk": "ROW#1"}
    assert read is not None
    assert type(read["number"]) is int
    assert type(read["flag"]) is bool


def test_a_put_never_replaces_and_tells_what_is_there(table: Table) -> None:
    put(table, value=1)
    with pytest.raises(RowConflict) as conflict:
        table.write(Put(KEY, {"value": 2}))
    assert conflict.value.key == KEY
    assert conflict.value.current == {"pk": "T#a", "sk": "ROW#1", "value": 1}
    assert table.get(KEY) == {"pk": "T#a", "sk": "ROW#1", "value": 1}


def test_an_update_needs_a_row(table: Table) -> None:
    with pytest.raises(RowConflict) as conflict:
        table.write(Update(KEY, set={("value",): 1}))
    assert conflict.value.current is None
    assert table.get(KEY) is None


def test_a_missing_row_does_not_satisfy_absent(table: Table) -> None:
    with pytest.raises(RowConflict):
        table.write(Update(KEY, set={("value",): 1}, require=(Condition(("value",), Op.ABSENT),)))


def test_an_update_sets_adds_and_removes_and_returns_the_row(table: Table) -> None:
    put(table, old=1, count=1)
    update = Update(KEY, set={("text",): "new"}, add={("count",): 2, ("fresh",): 5}, remove=(("old",), ("never",)))
    after = table.write(update)
    assert after == table.get(KEY) == {"pk": "T#a", "sk": "ROW#1", "text": "new", "count": 3, "fresh": 5}


def test_an_update_reaches_into_nested_maps(table: Table) -> None:
    put(table, items={"0": {"s": "pending"}, "1": {"s": "pending"}})
    table.write(Update(KEY, set={("items", "1", "s"): "done", ("items", "0", "r"): "req"}))
    row = table.get(KEY)
    assert row is not None
    assert row["items"] == {"0": {"s": "pending", "r": "req"}, "1": {"s": "done"}}


def test_one_value_under_two_names_is_two_values(table: Table) -> None:
    put(table, items={})
    entry = {"s": "pending", "n": {"x": 1}}
    table.write(Update(KEY, set={("items", "0"): entry, ("items", "1"): entry}))
    table.write(Update(KEY, set={("items", "1", "s"): "done", ("items", "0", "n", "x"): 2}))
    row = table.get(KEY)
    assert row is not None
    assert row["items"] == {"0": {"s": "pending", "n": {"x": 2}}, "1": {"s": "done", "n": {"x": 1}}}


def test_one_failed_condition_leaves_everything_as_it_was(table: Table) -> None:
    put(table, items={"0": {"s": "pending"}, "1": {"s": "done"}}, ended=1)
    pending = [Condition(("items", index, "s"), Op.EQUALS, "pending") for index in ("0", "1")]
    changes = {("items", index, "s"): "done" for index in ("0", "1")}
    with pytest.raises(RowConflict) as conflict:
        table.write(Update(KEY, set=changes, add={("ended",): 2}, require=tuple(pending)))
    current = conflict.value.current
    assert current is not None
    assert current == table.get(KEY)
    assert current["items"]["0"]["s"] == "pending"
    assert current["ended"] == 1


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(("none",), Op.ABSENT), True),
        (Condition(("n",), Op.ABSENT), False),
        (Condition(("n",), Op.PRESENT), True),
        (Condition(("none",), Op.PRESENT), False),
        (Condition(("n",), Op.EQUALS, 5), True),
        (Condition(("n",), Op.EQUALS, 6), False),
        (Condition(("none",), Op.EQUALS, 5), False),
        (Condition(("n",), Op.DIFFERS, 6), True),
        (Condition(("n",), Op.DIFFERS, 5), False),
        (Condition(("none",), Op.DIFFERS, 5), True),
        (Condition(("n",), Op.AT_MOST, 5), True),
        (Condition(("n",), Op.AT_MOST, 4), False),
        (Condition(("none",), Op.AT_MOST, 4), True),
        (Condition(("s",), Op.IN, ("a", "b")), True),
        (Condition(("s",), Op.IN, ("b", "c")), False),
        (Condition(("none",), Op.IN, ("a",)), False),
        (Condition(("map", "inner"), Op.EQUALS, False), True),
        (Condition(("map", "none"), Op.PRESENT), False),
        (Condition(("none", "inner"), Op.ABSENT), True),
    ],
    ids=lambda value: f"{value.op}-{'.'.join(value.path)}-{value.value}" if isinstance(value, Condition) else None,
)
def test_conditions(table: Table, condition: Condition, holds: bool) -> None:
    put(table, n=5, s="a", map={"inner": False})
    update = Update(KEY, set={("seen",): True}, require=(condition,))
    if holds:
        assert table.write(update)["seen"] is True
    else:
        with pytest.raises(RowConflict):
            table.write(update)


CANNOT_BE_HELD = {
    "a row of more than 400 KB": Put(KEY, {"text": "x" * 410_000}),
    "a row that is too large with its key": Put(KEY, {"text": "ä" * 205_000}),
    "an empty sort key": Put(Key("T#a", ""), {}),
    "a sort key of more than 1024 bytes": Put(Key("T#a", "ä" * 513), {}),
    "an empty set": Put(KEY, {"tags": frozenset()}),
    "something below a map that is not there": Update(Key("T#a", "THERE"), set={("items", "0", "s"): "done"}),
    "something below a map that is not there, deep": Update(Key("T#a", "THERE"), set={("map", "b", "c"): 1}),
}


@pytest.mark.parametrize("write", CANNOT_BE_HELD.values(), ids=CANNOT_BE_HELD)
def test_what_a_table_cannot_hold_is_a_fault_of_ours_and_changes_nothing(table: Table, write: Put | Update) -> None:
    put(table, "THERE", map={"a": 1})
    with pytest.raises(MaskmillError) as caught:
        table.write(write)
    assert (type(caught.value), caught.value.code) == (MaskmillError, Code.INTERNAL)
    assert [row["sk"] for row in table.query(Query("T#a")).rows] == ["THERE"]
    assert table.get(Key("T#a", "THERE")) == {"pk": "T#a", "sk": "THERE", "map": {"a": 1}}


def test_adding_to_a_string_set_is_a_union(table: Table) -> None:
    put(table)
    for chunk in ("0001", "0002", "0001"):
        table.write(Update(KEY, add={("full",): frozenset({chunk})}))
    row = table.get(KEY)
    assert row is not None
    assert row["full"] == {"0001", "0002"}


def test_a_delete_removes_and_may_be_repeated(table: Table) -> None:
    put(table)
    for _ in range(2):
        table.write(Delete(KEY))
    assert table.get(KEY) is None


def test_a_delete_with_conditions_keeps_what_they_do_not_hold_for_and_tells_what_is_there(table: Table) -> None:
    put(table, run="a", until=5)
    for condition in (Condition(("run",), Op.EQUALS, "b"), Condition(("none",), Op.PRESENT)):
        with pytest.raises(RowConflict) as conflict:
            table.write(Delete(KEY, require=(Condition(("until",), Op.AT_MOST, 5), condition)))
        assert conflict.value.current == table.get(KEY) == {"pk": "T#a", "sk": "ROW#1", "run": "a", "until": 5}
    for _ in range(2):  # once it is gone, no condition matters
        table.write(Delete(KEY, require=(Condition(("run",), Op.EQUALS, "a"),)))
        assert table.get(KEY) is None


def test_a_delete_that_needs_its_row_succeeds_once(table: Table) -> None:
    delete = Delete(KEY, require=(Condition(("value",), Op.EQUALS, 1),), must_exist=True)
    with pytest.raises(RowConflict) as conflict:
        table.write(delete)
    assert conflict.value.current is None
    put(table, value=2)
    with pytest.raises(RowConflict) as conflict:
        table.write(delete)
    assert conflict.value.current == {"pk": "T#a", "sk": "ROW#1", "value": 2}
    table.write(Update(KEY, set={("value",): 1}))
    table.write(delete)
    with pytest.raises(RowConflict):
        table.write(delete)
    assert table.get(KEY) is None


def test_many_rows_are_read_in_the_order_asked_for_and_what_is_not_there_is_none(table: Table) -> None:
    put(table, "ROW#1", value=1)
    put(table, "ROW#3", value=3)
    keys = [Key("T#a", f"ROW#{number}") for number in (3, 2, 1, 3)]
    assert [row and row["value"] for row in table.get_all(keys)] == [3, None, 1, 3]
    assert table.get_all([]) == []


def test_more_rows_than_one_request_names_are_written_and_read(table: Table) -> None:
    count = ROWS_READ_MAX + 3
    puts = [Put(Key(f"T#{number % 2}", f"ROW#{number:03d}"), {"data": b"\x00\xff" * number}) for number in range(count)]
    table.create_all(puts[:50])
    table.create_all(puts[50:])
    found = table.get_all([put.key for put in puts])
    assert [row and row["data"] for row in found] == [put.row["data"] for put in puts]
    assert all(row is not None and type(row["data"]) is bytes for row in found)


@pytest.mark.parametrize("count", [0, 1, 2, ROWS_CREATED_MAX])
def test_rows_are_created_together_once(table: Table, count: int) -> None:
    puts = [Put(Key("T#a", f"ROW#{number:03d}"), {"value": number}) for number in range(count)]
    table.create_all(puts)
    assert [row["value"] for row in table.query(Query("T#a")).rows] == list(range(count))
    if puts:
        with pytest.raises(RowConflict):
            table.create_all(puts)


@pytest.mark.parametrize("others", [0, 1, 3])
def test_where_one_row_is_there_none_is_created_and_it_is_told(table: Table, others: int) -> None:
    put(table, value=1)
    news = [Put(Key("T#a", f"ROW#{number}"), {"value": 2}) for number in range(2, 2 + others)]
    with pytest.raises(RowConflict) as conflict:
        table.create_all([*news, Put(KEY, {"value": 2})])
    assert conflict.value.key == KEY
    assert conflict.value.current == {"pk": "T#a", "sk": "ROW#1", "value": 1}
    assert [row["value"] for row in table.query(Query("T#a")).rows] == [1]


CANNOT_BE_CREATED = {
    "two under one key": [Put(KEY, {"value": 1}), Put(KEY, {"value": 1})],
    "more than a transaction holds": [Put(Key("T#a", f"ROW#{n}"), {}) for n in range(ROWS_CREATED_MAX + 1)],
    "a row that is too large": [Put(KEY, {}), Put(Key("T#a", "ROW#2"), {"data": b"x" * 410_000})],
}


@pytest.mark.parametrize("puts", CANNOT_BE_CREATED.values(), ids=CANNOT_BE_CREATED)
def test_what_a_transaction_cannot_hold_is_a_fault_of_ours_and_changes_nothing(table: Table, puts: list[Put]) -> None:
    with pytest.raises(MaskmillError) as caught:
        table.create_all(puts)
    assert (type(caught.value), caught.value.code) == (MaskmillError, Code.INTERNAL)
    assert table.query(Query("T#a")).rows == ()


def test_more_bytes_than_a_transaction_holds_are_refused_and_change_nothing(table: Table) -> None:
    puts = [Put(Key("T#a", f"ROW#{number}"), {"data": b"x" * 390_000}) for number in range(12)]
    with pytest.raises(MaskmillError) as caught:
        table.create_all(puts)
    assert (type(caught.value), caught.value.code) == (MaskmillError, Code.INTERNAL)
    assert table.query(Query("T#a")).rows == ()


def test_a_query_gives_one_partition_and_one_prefix_in_order(table: Table) -> None:
    for name in ("ROW#2", "ROW#1", "ROW#3", "SOW#1", "ROV#1"):
        put(table, name)
    table.write(Put(Key("T#b", "ROW#0"), {}))
    page = table.query(Query(pk="T#a", prefix="ROW#"))
    assert [row["sk"] for row in page.rows] == ["ROW#1", "ROW#2", "ROW#3"]
    assert page.after is None
    backwards = table.query(Query(pk="T#a", prefix="ROW#", descending=True, limit=2))
    assert [row["sk"] for row in backwards.rows] == ["ROW#3", "ROW#2"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_cover_a_partition_exactly_once(table: Table, limit: int) -> None:
    names = [f"ROW#{number:03d}" for number in range(7)]
    for name in names:
        put(table, name)
    seen: list[str] = []
    after: str | None = None
    for _ in range(len(names) + 1):
        page = table.query(Query(pk="T#a", prefix="ROW#", after=after, limit=limit))
        assert len(page.rows) <= limit
        seen += [row["sk"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert seen == names
    assert after is None


def test_a_page_goes_on_after_any_sort_key_of_the_prefix(table: Table) -> None:
    for name in ("ROW#1", "ROW#3", "ROW#5"):
        put(table, name)
    page = table.query(Query(pk="T#a", prefix="ROW#", after="ROW#2"))
    assert [row["sk"] for row in page.rows] == ["ROW#3", "ROW#5"]
    assert table.query(Query(pk="T#a", prefix="ROW#", after="ROW#9")).rows == ()


def test_the_due_index_holds_what_is_due_and_forgets_what_is_settled(table: Table) -> None:
    for number, due_at in enumerate((100, 300, 200)):
        put(table, f"ROW#{number}", due_pk="DUE", due_at=due_at)
    put(table, "ROW#9", note="never due")
    due = table.query(Query(pk="DUE", index=Index.DUE, at_most=200))
    assert [row["due_at"] for row in due.rows] == [100, 200]
    table.write(Update(Key("T#a", "ROW#0"), remove=(("due_pk",), ("due_at",))))
    due = table.query(Query(pk="DUE", index=Index.DUE, at_most=200))
    assert [row["sk"] for row in due.rows] == ["ROW#2"]


def test_pages_of_an_index_cover_it_exactly_once_even_where_moments_are_equal(table: Table) -> None:
    for number in range(7):
        put(table, f"ROW#{number}", due_pk="DUE", due_at=100 + number // 3)
    seen: list[str] = []
    after: str | None = None
    for _ in range(8):
        page = table.query(Query(pk="DUE", index=Index.DUE, at_most=10**9, after=after, limit=2))
        seen += [row["sk"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert sorted(seen) == [f"ROW#{number}" for number in range(7)]
    assert len(set(seen)) == len(seen)


def test_the_recent_index_runs_backwards(table: Table) -> None:
    for number in range(5):
        put(table, f"ROW#{number}", recent_pk="T#a#JOBS", recent_at=f"2026-11-0{number + 1}#j{number}")
    first = table.query(Query(pk="T#a#JOBS", index=Index.RECENT, descending=True, limit=3))
    rest = table.query(Query(pk="T#a#JOBS", index=Index.RECENT, descending=True, limit=3, after=first.after))
    assert [row["sk"] for row in (*first.rows, *rest.rows)] == [f"ROW#{number}" for number in (4, 3, 2, 1, 0)]


# The writes that the schema is made of -----------------------------------------------------------------------------


def planned(table: Table, count: int) -> rows.ChunkState:
    chunk = Chunk(number=0, items=tuple(PlannedItem(index=i, image_id=f"i{i}", name="x") for i in range(count)))
    return rows.chunk_of(table.write(rows.put_chunk("a", "j1", chunk, now_s=10)))


def test_a_full_chunk_is_leased_in_one_write_and_only_once(table: Table) -> None:
    chunk = planned(table, 25)
    lease = rows.lease_items(
        "a",
        "j1",
        0,
        indices=range(25),
        seen=chunk.items,
        attempt=1,
        request_id="r1",
        now_s=20,
        lease_until_s=90,
    )
    leased = rows.chunk_of(table.write(lease))
    assert {item.request_id for item in leased.items.values()} == {"r1"}
    with pytest.raises(RowConflict) as conflict:
        table.write(lease)
    assert conflict.value.current is not None
    assert rows.chunk_of(conflict.value.current) == leased


def test_an_item_ends_once_and_is_counted_once(table: Table) -> None:
    planned(table, 2)
    end = rows.end_items("a", "j1", 0, {1: rows.Ending(ItemStatus.FAILED)}, now_s=30)
    assert rows.chunk_of(table.write(end)).ended == 1
    with pytest.raises(RowConflict) as conflict:
        table.write(end)
    assert conflict.value.current is not None
    assert rows.chunk_of(conflict.value.current).ended == 1


def test_an_old_attempt_cannot_end_an_item_of_a_new_one(table: Table) -> None:
    chunk = planned(table, 1)
    table.write(
        rows.lease_items(
            "a",
            "j1",
            0,
            indices=[0],
            seen=chunk.items,
            attempt=1,
            request_id="new",
            now_s=20,
            lease_until_s=90,
        )
    )
    with pytest.raises(RowConflict):
        table.write(rows.end_items("a", "j1", 0, {0: rows.Ending(ItemStatus.FAILED)}, now_s=30, request_id="old"))


def test_the_promise_of_an_answer_is_kept_by_request(table: Table) -> None:
    chunk = planned(table, 1)
    lease = {"indices": [0], "attempt": 1, "request_id": "r1", "now_s": 20, "lease_until_s": 90}
    table.write(rows.lease_items("a", "j1", 0, seen=chunk.items, **lease))  # type: ignore[arg-type]
    mark = rows.mark_invoked("a", "j1", 0, indices=[0], request_id="r1", answer="s3://w/a", failure=None)
    assert rows.chunk_of(table.write(mark)).answers == {"r1": ("s3://w/a", None)}


def test_things_of_a_dataset_are_counted_up_to_a_bound(table: Table) -> None:
    def reserve(count: int) -> None:
        table.write(rows.reserve("a", "d1", kind="images", count=count, count_max=10))

    with pytest.raises(RowConflict) as missing:
        reserve(1)
    assert missing.value.current is None
    table.write(Put(rows.dataset_key("a", "d1"), {"doc": "{}"}))
    reserve(7)
    with pytest.raises(RowConflict):
        reserve(4)
    reserve(3)


def test_an_image_settles_once_and_is_not_due_any_more(table: Table) -> None:
    upload = Upload(name="a.jpg", size_bytes=1, sha256="0" * 64)
    image = Image(
        image_id="i1", dataset_id="d1", name="a.jpg", status=ImageStatus.EXPECTED, upload=upload, created_at=NOW
    )
    table.write(rows.put_image("a", image, due_at_s=5))
    settle = rows.settle_image("a", "d1", "i1", normal=None, refusal=None)
    assert rows.image_of(table.write(settle)).status is ImageStatus.REFUSED
    assert table.query(Query(pk=rows.DUE_UPLOADS, index=Index.DUE, at_most=10)).rows == ()
    with pytest.raises(RowConflict):
        table.write(settle)
