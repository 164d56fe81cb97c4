"""Webhooks that listen are told of every end once, in few words, and nobody else's are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from lambdas.push_progress.announcements import announce
from lambdas.push_progress.changes import JobChange
from maskmill.core import rows, webhook
from maskmill.core.errors import Code, Unavailable
from maskmill.core.image import Refusal
from maskmill.core.job import Counts, JobStatus
from maskmill.core.limits import CLOCK_SKEW_S, WEBHOOK_DELIVERY_LIFE_S
from maskmill.core.messages import DeliverWebhook
from maskmill.core.rows import Delivery
from maskmill.core.table import Key, Put
from maskmill.core.webhook import DeliveryState, DisabledReason, EventType, Webhook
from tests.unit.lambdas.scene import JOB, TENANT, Scene

ALL = tuple(EventType)


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    listen(made, "h1")
    made.wait(60)
    made.submit()
    return made


def listen(scene: Scene, webhook_id: str, *events: EventType, tenant: str = TENANT) -> None:
    made = Webhook(webhook_id=webhook_id, url="https://a.example/", events=events or ALL, created_at=scene.clock.now())
    scene.table.write(rows.put_webhook(tenant, made, secret=webhook.secret_text(b"s" * 32)))


def end(scene: Scene, status: JobStatus, **more: Any) -> JobChange:
    scene.table.write(rows.close_job(TENANT, JOB, status=status, finished_at=scene.clock.now(), **more))
    return JobChange(TENANT, JOB, entered=[status])


def tell(scene: Scene, change: JobChange) -> None:
    announce(scene.table, scene.queues, change)


def told(scene: Scene, webhook_id: str = "h1") -> list[Delivery]:
    pk = rows.deliveries_pk(TENANT, webhook_id)
    return [rows.delivery_of(row) for key, row in sorted(scene.table.rows.items()) if key.pk == pk]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (JobStatus.SUCCEEDED, "job.succeeded"),
        (JobStatus.PARTIAL, "job.partial"),
        (JobStatus.FAILED, "job.failed"),
        (JobStatus.CANCELLED, "job.cancelled"),
    ],
)
def test_every_way_to_end_is_told(scene: Scene, status: JobStatus, event: str) -> None:
    refusal = Refusal(code=Code.NO_IMAGES.value, message="There is no image.")
    more = {"refusal": refusal} if status is JobStatus.FAILED else {"counts": Counts(done=3, failed=1)}
    tell(scene, end(scene, status, **more))
    (delivery,) = told(scene)
    body = json.loads(delivery.body)
    assert (delivery.kind, body["type"], delivery.state) == (event, event, DeliveryState.WAITING)
    assert body["timestamp"] == scene.clock.now().isoformat()
    data = body["data"]
    assert (data["job_id"], data["dataset_id"], data["status"]) == (JOB, "d", status.value)
    if status is JobStatus.FAILED:
        assert data["code"] == "no_images"
    else:
        assert (data["items"]["done"], data["items"]["failed"]) == (3, 1)
    assert [message for message in scene.sent() if isinstance(message, DeliverWebhook)] == [
        DeliverWebhook(tenant=TENANT, webhook_id="h1", delivery_id=delivery.delivery_id)
    ]


def test_what_is_told_goes_after_a_month(scene: Scene) -> None:
    tell(scene, end(scene, JobStatus.SUCCEEDED))
    (delivery,) = told(scene)
    row = scene.table.rows[rows.delivery_key(TENANT, "h1", delivery.delivery_id)]
    assert row["expires_at"] == scene.now_s + WEBHOOK_DELIVERY_LIFE_S


def test_a_record_that_comes_again_makes_no_second_delivery(scene: Scene) -> None:
    change = end(scene, JobStatus.SUCCEEDED)
    tell(scene, change)
    scene.wait(100)
    tell(scene, change)
    assert len(told(scene)) == 1
    assert len(scene.sent()) == 2  # it waits still, so it is asked for again


def test_a_record_that_comes_after_it_was_told_asks_for_nothing(scene: Scene) -> None:
    change = end(scene, JobStatus.SUCCEEDED)
    tell(scene, change)
    (delivery,) = told(scene)
    key = rows.delivery_key(TENANT, "h1", delivery.delivery_id)
    row = scene.table.rows[key]
    undue = {name: value for name, value in row.items() if name not in ("due_pk", "due_at")}
    scene.table.rows[key] = {**undue, "state": "delivered"}
    scene.sent()
    tell(scene, change)
    assert scene.sent() == []


def test_a_webhook_hears_what_it_asked_for(scene: Scene) -> None:
    listen(scene, "h2", EventType.JOB_FAILED)
    tell(scene, end(scene, JobStatus.SUCCEEDED))
    assert len(told(scene, "h1")) == 1
    assert told(scene, "h2") == []


def test_a_disabled_webhook_hears_nothing(scene: Scene) -> None:
    row = scene.table.get(rows.webhook_key(TENANT, "h1"))
    assert row is not None
    scene.table.write(rows.disable_webhook(rows.webhook_of(row), DisabledReason.GONE))
    tell(scene, end(scene, JobStatus.SUCCEEDED))
    assert told(scene) == [] and scene.sent() == []


def test_a_webhook_that_was_made_after_the_end_hears_nothing_of_it(scene: Scene) -> None:
    """The stream may bring a record again, or late."""
    change = end(scene, JobStatus.SUCCEEDED)
    scene.clock.at += timedelta(seconds=CLOCK_SKEW_S + 1)
    listen(scene, "h2")
    tell(scene, change)
    assert len(told(scene, "h1")) == 1 and told(scene, "h2") == []


def test_a_webhook_is_told_of_an_end_that_another_clock_dates_before_it_was_made(scene: Scene) -> None:
    change = end(scene, JobStatus.SUCCEEDED)
    scene.clock.at += timedelta(seconds=CLOCK_SKEW_S)
    listen(scene, "h2")
    tell(scene, change)
    assert len(told(scene, "h2")) == 1


def test_the_webhooks_of_others_hear_nothing(scene: Scene) -> None:
    listen(scene, "h2", tenant="tenant-b")
    tell(scene, end(scene, JobStatus.SUCCEEDED))
    assert not any("tenant-b#W" in key.pk for key in scene.table.rows)


def test_a_job_that_goes_on_is_no_news(scene: Scene) -> None:
    tell(scene, JobChange(TENANT, JOB, entered=[JobStatus.RUNNING], items={0: {1}}))
    assert told(scene) == []


def test_a_job_that_was_removed_is_no_news(scene: Scene) -> None:
    tell(scene, JobChange(TENANT, "none", entered=[JobStatus.SUCCEEDED]))
    assert told(scene) == []


def test_a_tenant_without_webhooks_costs_one_look() -> None:
    scene = Scene()
    scene.submit()
    tell(scene, end(scene, JobStatus.SUCCEEDED))
    assert scene.sent() == []


@pytest.mark.parametrize(("status", "event"), [("ready", "export.ready"), ("failed", "export.failed")])
def test_an_export_that_has_ended_is_told(scene: Scene, status: str, event: str) -> None:
    key = Key(rows.job_pk(TENANT, JOB), "EXPORT#coco")
    row = {"format": "coco", "status": status, "finished_at": scene.clock.now().isoformat()}
    if status == "failed":
        row["refusal"] = Refusal(code="gave_up", message="It failed.").model_dump_json()
    scene.table.write(Put(key, row))
    tell(scene, JobChange(TENANT, JOB, exports={"coco": key}))
    (delivery,) = told(scene)
    data = json.loads(delivery.body)["data"]
    assert (delivery.kind, data["job_id"], data["format"], data["status"]) == (event, JOB, "coco", status)
    assert data.get("code") == ("gave_up" if status == "failed" else None)


def test_an_export_that_is_being_made_is_no_news(scene: Scene) -> None:
    key = Key(rows.job_pk(TENANT, JOB), "EXPORT#coco")
    scene.table.write(Put(key, {"format": "coco", "status": "making"}))
    tell(scene, JobChange(TENANT, JOB, exports={"coco": key, "voc": Key(key.pk, "EXPORT#voc")}))
    assert told(scene) == []


def test_an_announcement_that_could_not_be_sent_comes_again_and_its_delivery_is_there(scene: Scene) -> None:
    change = end(scene, JobStatus.SUCCEEDED)

    def full(_queue: object, _message: object) -> None:
        raise Unavailable

    scene.queues.deliver = full
    with pytest.raises(Unavailable):
        tell(scene, change)
    scene.queues.deliver = None
    assert len(told(scene)) == 1  # should nobody come again, the sweep finds it
    scene.sent()
    tell(scene, change)
    assert len(told(scene)) == 1 and len(scene.sent()) == 1


def test_nothing_secret_and_no_signed_address_is_told(scene: Scene) -> None:
    tell(scene, end(scene, JobStatus.SUCCEEDED, counts=Counts(done=3)))
    (delivery,) = told(scene)
    assert len(delivery.body) < 1000
    assert not any(word in delivery.body for word in ("http", "whsec", "Signature", TENANT))
