"""A delivery is told until somebody answers, never twice at once, and for no longer than it makes sense."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from lambdas import state
from lambdas.deliver_webhook import logic
from lambdas.deliver_webhook.logic import Posted
from lambdas.spending import Switch
from lambdas.sweep import logic as sweep
from maskmill import webhooks
from maskmill.core import rows, webhook
from maskmill.core.addresses import Destination
from maskmill.core.errors import Unavailable
from maskmill.core.limits import (
    QUEUE_DELAY_S_MAX,
    WEBHOOK_ATTEMPTS_LISTED_MAX,
    WEBHOOK_ATTEMPTS_MAX,
    WEBHOOK_DISABLE_AFTER_S,
    WEBHOOK_DISABLE_FAILURES,
    WEBHOOK_LEASE_S,
)
from maskmill.core.messages import DeliverWebhook, Message, QueueName
from maskmill.core.rows import Delivery, WebhookState
from maskmill.core.table import RowConflict
from maskmill.core.webhook import PING, DeliveryState, DisabledReason, EventType, Trouble, Webhook
from tests.simulation.cloud import FixedClock, MemoryObjects, MemoryQueues, MemoryTable

TENANT, HOOK = "tenant-a", "hook1"
SECRET = webhook.secret_text(b"a" * 32)
NEW_SECRET = webhook.secret_text(b"b" * 32)
OK, BUSY, GONE = Posted(status=200), Posted(status=503), Posted(status=410)
WAITING, DELIVERED, FAILED = DeliveryState.WAITING, DeliveryState.DELIVERED, DeliveryState.FAILED


@dataclass
class Post:
    """A postman who answers as told, the last answer from then on, and keeps what it was given."""

    answers: list[Posted | BaseException]
    sent: list[tuple[Destination, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, to: Destination, headers: dict[str, str], body: bytes) -> Posted:
        self.sent.append((to, headers, body))
        answer = self.answers[min(len(self.sent), len(self.answers)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class Scene:
    """A webhook and its deliveries, with a queue that holds messages back and a clock that is moved by them."""

    postman: Post
    url: str = "https://hooks.example.com/x"
    clock: FixedClock = field(default_factory=FixedClock)
    table: MemoryTable = field(default_factory=MemoryTable)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    line: list[tuple[int, int, Message]] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hook = Webhook(webhook_id=HOOK, url=self.url, events=tuple(EventType), created_at=self.clock.now())
        self.table.write(rows.put_webhook(TENANT, hook, secret=SECRET))
        self.queues.deliver = self._hold_back

    @property
    def now_s(self) -> int:
        return state.now_s(self.clock)

    @property
    def ports(self) -> logic.Ports:
        return logic.Ports(self.table, self.queues, self.clock, self.postman)

    @property
    def hook(self) -> WebhookState:
        row = self.table.get(rows.webhook_key(TENANT, HOOK))
        assert row is not None
        return rows.webhook_of(row)

    def delivery(self, delivery_id: str = "d1") -> Delivery:
        row = self.table.get(rows.delivery_key(TENANT, HOOK, delivery_id))
        assert row is not None
        return rows.delivery_of(row)

    def waits(self, delivery_id: str = "d1", kind: str = "job.succeeded") -> DeliverWebhook:
        """Something to tell; returns the message that says so."""
        now = self.clock.now()
        body = webhook.body_of(kind, now, {"job_id": "j1"})
        self.table.write(
            rows.put_delivery(
                TENANT, HOOK, delivery_id, kind=kind, body=body, created_at=now, due_at_s=self.now_s + 300
            )
        )
        return DeliverWebhook(tenant=TENANT, webhook_id=HOOK, delivery_id=delivery_id)

    def deliver(self, message: DeliverWebhook) -> Delivery:
        logic.deliver(self.ports, message)
        return self.delivery(message.delivery_id)

    def wait(self, seconds: int) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def sweep(self) -> None:
        ports = sweep.Ports(
            self.table,
            MemoryObjects("uploads"),
            MemoryObjects("work"),
            self.queues,
            self.clock,
            Switch(self.table, self.clock),
            work_bucket="work",
        )
        for kind, times in sweep.sweep(ports).counts.items():
            self.repairs[kind] = self.repairs.get(kind, 0) + times

    def live(self, seconds: int) -> None:
        """Let the queue and the sweep go on for so long."""
        end_s = self.now_s + seconds
        next_sweep_s = self.now_s + 60
        while self.now_s < end_s:
            at_s = min(next_sweep_s, self.line[0][0] if self.line else end_s, end_s)
            self.wait(max(at_s - self.now_s, 0))
            while self.line and self.line[0][0] <= self.now_s:
                _, _, message = heapq.heappop(self.line)
                assert isinstance(message, DeliverWebhook)
                logic.deliver(self.ports, message)
            if self.now_s >= next_sweep_s:
                self.sweep()
                next_sweep_s = self.now_s + 60

    def _hold_back(self, queue: QueueName, message: Message) -> None:
        assert queue is QueueName.WEBHOOK
        delay_s = self.queues.delays[-1]
        assert 0 <= delay_s <= QUEUE_DELAY_S_MAX
        heapq.heappush(self.line, (self.now_s + delay_s, len(self.queues.sent), message))


def test_what_is_told_is_signed_and_written_down() -> None:
    scene = Scene(Post([OK]))
    told = scene.deliver(scene.waits())
    ((to, headers, body),) = scene.postman.sent
    event = webhooks.verify([SECRET], headers, body, now_s=scene.now_s)
    assert (event["type"], event["data"]) == ("job.succeeded", {"job_id": "j1"})
    assert (to.host, headers["webhook-id"]) == ("hooks.example.com", "d1")
    assert told.state is DELIVERED
    assert [attempt.status for attempt in told.attempts] == [200]
    assert "due_pk" not in scene.table.rows[rows.delivery_key(TENANT, HOOK, "d1")]


def test_after_a_rotation_both_secrets_sign_until_the_old_one_ends() -> None:
    scene = Scene(Post([OK]))
    scene.table.write(rows.rotate_secret(scene.hook, secret=NEW_SECRET, old_until_s=scene.now_s + 3600))
    scene.deliver(scene.waits("d1"))
    scene.wait(3600)
    scene.deliver(scene.waits("d2"))
    (_, both, body), (_, one, other) = scene.postman.sent
    assert len(both["webhook-signature"].split()) == 2 and len(one["webhook-signature"].split()) == 1
    for secret in (SECRET, NEW_SECRET):
        assert webhooks.verify([secret], both, body, now_s=scene.now_s - 3600)
    assert webhooks.verify([NEW_SECRET], one, other, now_s=scene.now_s)


def test_a_receiver_that_is_away_for_hours_is_told_in_the_end() -> None:
    scene = Scene(Post([BUSY, Posted(trouble=Trouble.TIMED_OUT), Posted(trouble=Trouble.UNREACHABLE), BUSY, BUSY, OK]))
    scene.deliver(scene.waits())
    began_s = scene.now_s
    scene.live(40 * 3600)
    told = scene.delivery()
    assert told.state is DELIVERED
    moments = [int(attempt.at.timestamp()) - began_s for attempt in told.attempts]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    for gap, wait in zip(gaps, webhook.WAITS_S, strict=False):
        assert wait <= gap <= 1.2 * wait + 60, (gap, wait)  # the sweep wakes it to the minute
    assert len({headers["webhook-id"] for _, headers, _ in scene.postman.sent}) == 1
    assert len({body for _, _, body in scene.postman.sent}) == 1
    assert scene.repairs == {}


def test_nobody_is_told_for_ever() -> None:
    scene = Scene(Post([BUSY]))
    scene.deliver(scene.waits())
    scene.live(60 * 3600)
    told = scene.delivery()
    assert told.state is FAILED
    assert len(scene.postman.sent) == WEBHOOK_ATTEMPTS_MAX == len(told.attempts)
    assert scene.line == [] and scene.repairs == {}


def test_deliveries_that_fail_together_come_back_one_by_one() -> None:
    scene = Scene(Post([BUSY]))
    for number in range(20):
        scene.deliver(scene.waits(f"d{number}"))
    scene.live(30)
    seconds = {scene.delivery(f"d{number}").next_at_s for number in range(20)}
    assert len(seconds) > 5


# Doubles, crashes, losses --------------------------------------------------------------------------------------------


def test_a_message_that_comes_again_tells_nothing_again() -> None:
    scene = Scene(Post([OK]))
    message = scene.waits()
    for _ in range(3):
        scene.deliver(message)
    assert len(scene.postman.sent) == 1


def test_a_message_that_comes_early_waits_for_its_time() -> None:
    scene = Scene(Post([BUSY, OK]))
    message = scene.waits()
    scene.deliver(message)
    assert scene.deliver(message).state is WAITING
    assert len(scene.postman.sent) == 1


def test_two_messages_at_the_same_time_make_one_attempt() -> None:
    scene = Scene(Post([OK]))
    message = scene.waits()

    class Meeting(Post):
        def post(self, to: Destination, headers: dict[str, str], body: bytes) -> Posted:
            scene.wait(1)
            logic.deliver(scene.ports, message)  # another run, while this one waits for the answer
            return super().post(to, headers, body)

    scene.postman = Meeting([OK])
    assert scene.deliver(message).state is DELIVERED
    assert len(scene.postman.sent) == 1


def test_an_attempt_that_dies_is_made_again_after_its_lease_and_has_counted() -> None:
    scene = Scene(Post([KeyboardInterrupt(), OK]))
    message = scene.waits()
    with pytest.raises(KeyboardInterrupt):
        logic.deliver(scene.ports, message)
    scene.wait(1)
    assert scene.deliver(message).state is WAITING  # the lease still runs
    scene.wait(WEBHOOK_LEASE_S)
    told = scene.deliver(message)
    assert (told.state, told.tries, len(scene.postman.sent)) == (DELIVERED, 2, 2)


def test_a_delivery_that_kills_its_function_ends_with_its_attempts() -> None:
    scene = Scene(Post([KeyboardInterrupt()]))
    message = scene.waits()
    for _ in range(WEBHOOK_ATTEMPTS_MAX):
        with pytest.raises(KeyboardInterrupt):
            logic.deliver(scene.ports, message)
        scene.wait(WEBHOOK_LEASE_S)
    told = scene.deliver(message)
    assert told.state is FAILED
    assert [attempt.trouble for attempt in told.attempts] == [Trouble.TIMED_OUT]
    assert len(scene.postman.sent) == WEBHOOK_ATTEMPTS_MAX


def test_a_claim_that_came_through_although_the_table_said_otherwise_is_ones_own() -> None:
    scene = Scene(Post([OK]))
    message = scene.waits()

    def repeated(service: str, _label: str, effect: Callable[[], Any]) -> Any:
        if service == "table.write":
            with suppress(RowConflict):
                effect()  # the answer is lost, and the SDK sends it again
        return effect()

    scene.table.call = repeated
    assert scene.deliver(message).state is DELIVERED


def test_a_lost_message_is_sent_by_the_sweep_and_counted_as_a_repair() -> None:
    scene = Scene(Post([OK]))
    scene.waits()
    scene.live(600)
    assert scene.delivery().state is DELIVERED
    assert scene.repairs == {"webhook": 1}


def test_a_lost_retry_is_sent_by_the_sweep() -> None:
    scene = Scene(Post([BUSY, OK]))
    scene.deliver(scene.waits())
    scene.line.clear()
    scene.live(900)
    assert scene.delivery().state is DELIVERED


def test_a_message_that_could_not_be_sent_leaves_the_attempt_written_down() -> None:
    scene = Scene(Post([BUSY, OK]))
    message = scene.waits()

    def full(_queue: QueueName, _message: Message) -> None:
        raise Unavailable

    scene.queues.deliver = full
    with pytest.raises(Unavailable):
        logic.deliver(scene.ports, message)
    scene.queues.deliver = scene._hold_back
    assert len(scene.delivery().attempts) == 1
    scene.live(900)
    assert scene.delivery().state is DELIVERED


def test_the_sweep_leaves_alone_what_was_settled_while_it_looked() -> None:
    scene = Scene(Post([BUSY]))
    scene.deliver(scene.waits())
    key, at_s = rows.delivery_key(TENANT, HOOK, "d1"), scene.now_s + 3600
    # as an index that lags behind would have it
    scene.table.rows[key] = {**scene.table.rows[key], "due_at": scene.now_s, "next_at_s": at_s}
    scene.queues.sent.clear()
    scene.sweep()
    assert scene.queues.sent == []
    assert scene.table.rows[key]["due_at"] == at_s


# What it means for the webhook ---------------------------------------------------------------------------------------


def test_a_receiver_that_says_it_is_gone_is_told_nothing_more() -> None:
    scene = Scene(Post([GONE]))
    assert scene.deliver(scene.waits("d1")).state is FAILED
    assert scene.hook.disabled is DisabledReason.GONE
    told = scene.deliver(scene.waits("d2"))
    assert told.state is FAILED
    assert [attempt.trouble for attempt in told.attempts] == [Trouble.WEBHOOK_GONE]
    assert len(scene.postman.sent) == 1


def test_a_test_reaches_a_disabled_webhook_and_brings_it_back() -> None:
    scene = Scene(Post([GONE, OK]))
    scene.deliver(scene.waits("d1"))
    assert scene.deliver(scene.waits("p1", kind=PING)).state is DELIVERED
    assert (scene.hook.disabled, scene.hook.failures) == (None, 0)
    assert scene.deliver(scene.waits("d2")).state is DELIVERED


def test_a_test_is_made_once() -> None:
    scene = Scene(Post([BUSY]))
    assert scene.deliver(scene.waits("p1", kind=PING)).state is FAILED
    assert scene.queues.sent == []


def test_a_webhook_that_nothing_reaches_for_days_is_disabled() -> None:
    scene = Scene(Post([BUSY]))
    for day in range(4):
        for number in range(3):
            scene.deliver(scene.waits(f"d{day}{number}"))
        scene.live(24 * 3600)
    assert scene.hook.disabled is DisabledReason.FAILING
    assert scene.hook.failures >= WEBHOOK_DISABLE_FAILURES


def test_a_busy_day_disables_nothing() -> None:
    scene = Scene(Post([BUSY]))
    for number in range(10):
        scene.deliver(scene.waits(f"d{number}"))
    scene.live(WEBHOOK_DISABLE_AFTER_S // 3)
    assert scene.hook.failures > WEBHOOK_DISABLE_FAILURES
    assert scene.hook.disabled is None


def test_one_success_begins_the_count_anew() -> None:
    scene = Scene(Post([BUSY, OK]))
    scene.deliver(scene.waits("d1"))
    assert scene.hook.failures == 1
    scene.deliver(scene.waits("d2"))
    assert scene.hook.failures == 0
    assert "failing_since_s" not in scene.table.rows[rows.webhook_key(TENANT, HOOK)]


def test_what_waits_for_a_webhook_that_was_removed_ends() -> None:
    scene = Scene(Post([OK]))
    message = scene.waits()
    scene.table.write(rows.remove_webhook(TENANT, HOOK))
    told = scene.deliver(message)
    assert (told.state, scene.postman.sent) == (FAILED, [])


def test_an_address_that_the_stage_does_not_allow_any_more_is_not_called() -> None:
    scene = Scene(Post([OK]), url="https://127.0.0.1/x")
    told = scene.deliver(scene.waits())
    assert [attempt.trouble for attempt in told.attempts] == [Trouble.ADDRESS_REFUSED]
    assert scene.postman.sent == []


def test_a_message_about_nothing_is_done() -> None:
    scene = Scene(Post([OK]))
    logic.deliver(scene.ports, DeliverWebhook(tenant=TENANT, webhook_id=HOOK, delivery_id="none"))
    assert scene.postman.sent == []


def test_the_list_of_attempts_is_bounded_and_nothing_secret_is_in_it() -> None:
    scene = Scene(Post([BUSY]))
    message = scene.waits()
    for _ in range(4):
        scene.deliver(message)
        scene.live(60 * 3600)
        scene.table.write(rows.ask_again(scene.delivery(), now_s=scene.now_s, due_at_s=scene.now_s + 300))
    told = scene.delivery()
    assert len(told.attempts) == WEBHOOK_ATTEMPTS_LISTED_MAX
    text = json.dumps(scene.table.rows[rows.delivery_key(TENANT, HOOK, "d1")], default=str)
    assert "whsec_" not in text and SECRET.removeprefix("whsec_") not in text
