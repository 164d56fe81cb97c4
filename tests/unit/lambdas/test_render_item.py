"""Rendering: what is on record is what counts, and what fails is told apart."""

from __future__ import annotations

import pytest

from lambdas import records
from lambdas.known import Facts
from lambdas.render_item import logic as render_item
from lambdas.render_item.logic import Painted
from maskmill.core import rows
from maskmill.core.errors import Code, InvalidInput, MaskmillError, ModelFailure, Unavailable
from maskmill.core.item import ItemStatus
from maskmill.core.limits import RESULT_ROW_BYTES_MAX
from maskmill.core.messages import RenderItems
from maskmill.core.plan import PlannedItem
from maskmill.core.ports import ObjectMissing, Objects, Table
from maskmill.core.result import ItemResult
from maskmill.core.table import Key
from maskmill.core.work import Spent
from tests.unit.lambdas.gateway import item_result
from tests.unit.lambdas.scene import JOB, TENANT, Scene

BOTH = RenderItems(tenant=TENANT, job_id=JOB, chunk=0, indices=(0, 1))
MESSAGE = RenderItems(tenant=TENANT, job_id=JOB, chunk=0, indices=(0,))
ROW_BYTES_MAX = 400_000


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.submit()
    made.plan()
    made.table.write(rows.start_rendering(TENANT, JOB, 0, indices=[0, 1], now_s=made.now_s))
    return made


def look(table: Table, media: Objects, *_: object) -> Facts:
    return Facts(table, media, TENANT)


def render(scene: Scene, *outcomes: ItemResult | Exception, message: RenderItems = MESSAGE) -> None:
    """Play a message whose items turn out so, one after the other."""
    left = iter(outcomes)

    def paint(*_: object) -> Painted:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return Painted(outcome, Spent(variants=1))

    render_item.render(render_item.Ports(scene.table, scene.media, scene.queues, scene.clock, look, paint), message)


def test_items_of_one_message_end_in_one_write_and_are_counted_each(scene: Scene) -> None:
    written: list[Key] = []
    scene.table.watch.append(lambda key, _before, _after: written.append(key))
    render(scene, item_result(0, 2), item_result(1, 2), message=BOTH)
    chunk = scene.chunk()
    assert [item.status for item in chunk.items.values()] == [ItemStatus.DONE, ItemStatus.DONE]
    assert (chunk.ended, chunk.spent.variants, chunk.spent.renderings) == (2, 2, 1)
    assert written.count(rows.chunk_key(TENANT, JOB, 0)) == 1


def test_an_item_that_fails_does_not_fail_the_one_beside_it(scene: Scene) -> None:
    render(scene, InvalidInput(Code.RENDER_FAILED), item_result(1, 2), message=BOTH)
    assert [item.status for item in scene.chunk().items.values()] == [ItemStatus.FAILED, ItemStatus.DONE]


@pytest.mark.parametrize("fault", [ZeroDivisionError("a fault of ours"), MaskmillError(Code.INTERNAL)])
def test_a_fault_keeps_no_other_item_from_its_end_and_comes_again(scene: Scene, fault: Exception) -> None:
    with pytest.raises(type(fault)) as raised:
        render(scene, fault, item_result(1, 2), message=BOTH)
    assert getattr(raised.value, "__notes__", ["at item 0"]) == ["at item 0"]
    assert [item.status for item in scene.chunk().items.values()] == [ItemStatus.RENDERING, ItemStatus.DONE]
    render(scene, item_result(0, 2), message=BOTH)
    assert [item.status for item in scene.chunk().items.values()] == [ItemStatus.DONE, ItemStatus.DONE]


def test_while_the_store_is_unavailable_what_was_rendered_is_not_lost(scene: Scene) -> None:
    with pytest.raises(Unavailable):
        render(scene, item_result(0, 2), Unavailable(), message=BOTH)
    assert [item.status for item in scene.chunk().items.values()] == [ItemStatus.DONE, ItemStatus.RENDERING]


def test_what_another_run_ended_meanwhile_is_neither_ended_nor_counted_again(scene: Scene) -> None:
    def paint(_media: object, _known: object, _job: object, _chunk: object, item: PlannedItem) -> Painted:
        if item.index == 1:  # the message came twice, and the other run is faster
            render(scene, item_result(0, 2), message=MESSAGE)
        return Painted(item_result(item.index, 2), Spent(variants=1))

    render_item.render(render_item.Ports(scene.table, scene.media, scene.queues, scene.clock, look, paint), BOTH)
    chunk = scene.chunk()
    assert [item.status for item in chunk.items.values()] == [ItemStatus.DONE, ItemStatus.DONE]
    assert (chunk.ended, chunk.spent.variants) == (2, 2)


def test_an_item_ends_as_its_record_says_not_as_a_later_run_would(scene: Scene) -> None:
    """A renderer is replaced between two runs: the first recorded labels and died, the second finds none."""
    records.keep_results(
        scene.table, scene.media, TENANT, JOB, [item_result(0, 2)], Facts(scene.table, scene.media, TENANT)
    )
    render(scene, item_result(0, 2).model_copy(update={"labels": (), "variants": ()}))
    assert scene.chunk().items[0].status is ItemStatus.DONE


def test_a_record_that_is_too_long_for_a_row_lies_in_an_object(scene: Scene) -> None:
    """200 variants with labels of their own have more than a row holds; the item failed after all was rendered."""
    result = item_result(0, 1500)
    assert len(result.model_dump_json()) > ROW_BYTES_MAX
    render(scene, result)
    row = scene.table.rows[rows.result_key(TENANT, JOB, 0)]
    assert len(str(row)) < RESULT_ROW_BYTES_MAX
    assert records.result_of(scene.media, row) == result
    assert scene.chunk().items[0].status is ItemStatus.DONE


@pytest.mark.parametrize("error", [InvalidInput(Code.RENDER_FAILED), ModelFailure(Code.INVALID_MASK)])
def test_an_item_that_can_never_be_rendered_fails_with_its_reason(scene: Scene, error: MaskmillError) -> None:
    render(scene, error)
    item = scene.chunk().items[0]
    assert item.refusal is not None
    assert (item.status, item.refusal.code) == (ItemStatus.FAILED, error.code.value)


def test_a_fault_of_ours_is_no_verdict_on_an_item(scene: Scene) -> None:
    """A refused read of the store ended items at once with "something went wrong on our side"."""
    with pytest.raises(MaskmillError):
        render(scene, MaskmillError(Code.INTERNAL, detail="GetObject: AccessDenied"))
    assert scene.chunk().items[0].status is ItemStatus.RENDERING


def test_an_item_whose_picture_was_removed_says_so(scene: Scene) -> None:
    render(scene, ObjectMissing("t/tenant-a/px/0/normal.png"))
    item = scene.chunk().items[0]
    assert (item.status, item.refusal and item.refusal.code) == (ItemStatus.FAILED, Code.IMAGE_REMOVED)


def test_an_item_whose_job_is_being_removed_is_asked_for_again_and_then_not_found(scene: Scene) -> None:
    scene.media.objects.clear()
    with pytest.raises(Unavailable):
        render(scene, item_result(0, 2))
    scene.table.write(rows.abandon_job(TENANT, JOB, is_open=True))
    scene.fail_job()
    render(scene, item_result(0, 2))
    assert scene.chunk().items[0].status is ItemStatus.RENDERING
