"""The switch: what it refuses, what it holds back, what goes on meanwhile, and who may turn it."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from lambdas import spending
from lambdas.known import keep_first
from lambdas.serve_api import handler as edge
from lambdas.switch_spending.logic import BUDGET, Ports, turn
from maskmill.core import keys, rows
from maskmill.core.errors import Code, InvalidInput, Unavailable
from maskmill.core.fact import mask_fact
from maskmill.core.item import ItemStatus
from maskmill.core.limits import JOB_LIFE_S, SPENDING_READ_S, SPENDING_REASON_CHARS_MAX, SPENDING_RETRY_S
from maskmill.core.messages import DispatchItems, RenderItems
from tests.contract import aws
from tests.simulation.cloud import FixedClock, MemoryTable, at_once
from tests.unit.lambdas.gateway import PROMPT, SHA256, Api
from tests.unit.lambdas.scene import SEGMENTER, TEMPLATE, TENANT, Scene

REASON = "The bill is being looked at."


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.submit()
    scene.plan(items=2)
    return scene


def stop(scene: Scene) -> None:
    spending.stop(scene.table, REASON, now_s=scene.now_s)


def resume(scene: Scene) -> None:
    spending.resume(scene.table, now_s=scene.now_s)


def statuses(scene: Scene) -> list[ItemStatus]:
    return [item.status for item in scene.chunk().items.values()]


def away(*_given: object) -> NoReturn:
    raise Unavailable(detail="away")


def dispatch(scene: Scene) -> None:
    with pytest.raises(IndexError):  # no request, whose key the scene would return
        scene.dispatch()


def test_what_was_resumed_says_no_reason(scene: Scene) -> None:
    stop(scene)
    resume(scene)
    row = scene.table.rows[rows.spending_key()]
    assert rows.spending_of(row) == rows.Spending(is_stopped=False, reason="", changed_at_s=scene.now_s)


# What waits -----------------------------------------------------------------------------------------------------------


def test_no_model_is_asked_while_work_is_stopped(scene: Scene) -> None:
    stop(scene)
    dispatch(scene)
    assert statuses(scene) == [ItemStatus.PENDING] * 2
    assert (scene.endpoint.invocations, scene.work.objects) == ([], {})


def test_masks_that_are_known_are_rendered_all_the_same(scene: Scene) -> None:
    pixels = f"{0:064x}"
    assert TEMPLATE.prompt is not None
    known = keys.mask_key_of(pixels_sha256=pixels, prompt=TEMPLATE.prompt, choice=TEMPLATE.choice, segmenter=SEGMENTER)
    keep_first(scene.table, scene.media, TENANT, {mask_fact(pixels, known): b"{}"})
    stop(scene)
    dispatch(scene)
    assert statuses(scene) == [ItemStatus.RENDERING, ItemStatus.PENDING]
    assert [message.indices for message in scene.sent() if isinstance(message, RenderItems)] == [(0,)]


def test_a_lease_that_was_never_handed_over_waits_too(scene: Scene) -> None:
    """The endpoint was away between the lease and the call; the message that comes again finds work stopped."""
    scene.endpoint.call = away
    with pytest.raises(Unavailable):
        scene.dispatch()
    scene.endpoint.call = at_once
    assert statuses(scene) == [ItemStatus.SEGMENTING] * 2
    stop(scene)
    dispatch(scene)
    assert scene.endpoint.invocations == []


def test_the_sweep_neither_asks_nor_gives_up_while_work_is_stopped_however_long(scene: Scene) -> None:
    stop(scene)
    scene.wait(3 * JOB_LIFE_S)
    scene.sweep()
    assert statuses(scene) == [ItemStatus.PENDING] * 2
    assert scene.sent() == []


def test_a_job_gets_its_whole_life_again_and_goes_on_at_the_first_sweep(scene: Scene) -> None:
    stop(scene)
    scene.wait(3 * JOB_LIFE_S)
    resume(scene)
    scene.wait(61)
    scene.sweep()
    assert [message.indices for message in scene.sent() if isinstance(message, DispatchItems)] == [(0, 1)]
    scene.wait(61)
    scene.sweep()
    assert scene.sent() == []  # it was asked for just now
    scene.wait(JOB_LIFE_S)
    scene.sweep()
    assert statuses(scene) == [ItemStatus.FAILED] * 2


# The API --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(api: Api) -> Any:
    """The API's switch, turned off by an operator; what is known of it is forgotten, as after a few seconds."""

    def turn_off() -> None:
        spending.stop(api.ports.table, REASON, now_s=1)
        edge.connect().spending._seen = None

    yield turn_off
    spending.resume(api.ports.table, now_s=2)
    edge.connect().spending._seen = None


def test_what_costs_money_is_refused_with_the_operators_reason(api: Api, lane: aws.LaneFunction, stopped: Any) -> None:
    dataset, template, (image,) = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    stopped()
    file = {"name": "a.jpg", "size_bytes": 10, "sha256": SHA256}
    path = f"/datasets/{dataset}/images/{image}"
    refused = [
        api.submit(dataset, template, key="later"),
        api.post(f"/jobs/{job}/retry"),
        api.post(f"/jobs/{job}/exports/coco"),
        api.post(f"/datasets/{dataset}/uploads", {"files": [file]}),
        api.post(f"{path}/segment", {"prompt": PROMPT}),
        api.post(f"{path}/automask", {}),
        api.get(f"{path}/embedding"),
    ]
    for answer in refused:
        assert (answer.status, answer.code) == (503, "spending_stopped"), answer.text
        assert REASON in answer.json["detail"]
        assert answer.headers["Retry-After"] == str(SPENDING_RETRY_S)
    assert lane.calls == []
    assert len(api.get("/jobs").json["items"]) == 1


def test_everything_else_is_answered(api: Api, stopped: Any) -> None:
    dataset, template, _ = api.ready_dataset()
    job = str(api.submit(dataset, template).json["job_id"])
    stopped()
    assert api.get(f"/jobs/{job}").status == 200
    assert api.post("/datasets", {"name": "x"}).status == 201
    assert api.post(f"/jobs/{job}/cancel").status == 202
    assert api.call("DELETE", f"/datasets/{dataset}").status == 202


def test_a_call_that_was_refused_is_made_under_the_same_key_later(api: Api, stopped: Any) -> None:
    dataset, template, _ = api.ready_dataset()
    stopped()
    assert api.submit(dataset, template, key="k").code == "spending_stopped"
    spending.resume(api.ports.table, now_s=2)
    edge.connect().spending._seen = None
    assert api.submit(dataset, template, key="k").status == 202


# The row --------------------------------------------------------------------------------------------------------------


class CountingTable(MemoryTable):
    reads = 0

    def get(self, key: Any) -> Any:
        self.reads += 1
        return super().get(key)


def test_a_process_reads_the_switch_once_in_some_seconds() -> None:
    table, clock = CountingTable(), FixedClock()
    switch = spending.Switch(table, clock)
    for _ in range(100):
        switch.check()
    assert table.reads == 1
    spending.stop(table, REASON, now_s=1)
    clock.at = clock.at.replace(second=SPENDING_READ_S)
    with pytest.raises(Unavailable) as refused:
        switch.check()
    assert (refused.value.code, table.reads) == (Code.SPENDING_STOPPED, 2)


def test_a_switch_that_cannot_be_read_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    table = MemoryTable()

    def fail(*_given: object) -> None:
        raise Unavailable(detail="throttled")

    monkeypatch.setattr(MemoryTable, "get", fail)
    with pytest.raises(Unavailable):
        spending.Switch(table, FixedClock()).check()


def ports() -> Ports:
    return Ports(MemoryTable(), FixedClock())


def test_an_operator_stops_and_resumes() -> None:
    world = ports()
    assert not turn(world, {"action": "status"}).is_stopped
    found = turn(world, {"action": "halt", "reason": "Too  much\nis spent"})
    assert (found.is_stopped, found.reason) == (True, "Too much is spent.")
    assert turn(world, {"action": "halt", "reason": "Another."}).reason == "Too much is spent."
    assert not turn(world, {"action": "resume"}).is_stopped
    assert not turn(world, {"action": "resume"}).is_stopped


def test_a_spent_budget_stops_and_keeps_an_operators_reason() -> None:
    world = ports()
    notice = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "AWS Budget Notification ..."}}]}
    assert turn(world, notice).reason == BUDGET
    turn(world, {"action": "resume"})
    turn(world, {"action": "halt", "reason": REASON})
    assert turn(world, notice).reason == REASON


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"action": "halt"},
        {"action": "halt", "reason": ""},
        {"action": "halt", "reason": "x" * (SPENDING_REASON_CHARS_MAX + 1)},
        {"action": "explode"},
        {"action": "resume", "more": 1},
    ],
)
def test_an_order_of_another_shape_is_refused_and_turns_nothing(event: dict[str, Any]) -> None:
    world = ports()
    with pytest.raises(InvalidInput):
        turn(world, event)
    assert world.table.get(rows.spending_key()) is None
