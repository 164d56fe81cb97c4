"""One attempt at a delivery: taken with a lease, signed, posted, and written down; it knows no socket.

A receiver may be told the same thing more than once, always under the same `webhook-id`: a function that dies between
the answer and the row cannot know that it was heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lambdas import state
from maskmill.core import rows, webhook
from maskmill.core.addresses import Destination, destination_of
from maskmill.core.errors import MaskmillError
from maskmill.core.limits import QUEUE_DELAY_S_MAX, SWEEP_DELIVERY_S, WEBHOOK_ATTEMPTS_MAX, WEBHOOK_LEASE_S
from maskmill.core.messages import DeliverWebhook
from maskmill.core.model import content_hash
from maskmill.core.ports import Clock, Queues, Table
from maskmill.core.rows import Delivery, WebhookState
from maskmill.core.table import RowConflict, Update
from maskmill.core.webhook import PING, Attempt, DeliveryState, DisabledReason, Trouble


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of a POST: the status that was answered, or why there was none."""

    status: int | None = None
    trouble: Trouble | None = None
    took_ms: int = 0


class Postman(Protocol):
    """Posts to addresses of users' choice, and to public ones only."""

    def post(self, to: Destination, headers: dict[str, str], body: bytes) -> Posted:
        """One attempt, bounded in time; it raises nothing that the receiver or the network has caused."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What delivering needs; `private_hosts` are those that may be told although they are not public."""

    table: Table
    queues: Queues
    clock: Clock
    postman: Postman
    private_hosts: frozenset[str] = frozenset()


def deliver(ports: Ports, message: DeliverWebhook) -> None:
    """Make an attempt at a delivery if it is time for one and nobody else is at it."""
    row = ports.table.get(rows.delivery_key(message.tenant, message.webhook_id, message.delivery_id))
    if row is None:
        return
    claim = ports.clock.now().isoformat()  # to the microsecond: two runs that begin in the same one do no harm
    delivery = _claimed(ports, rows.delivery_of(row), claim)
    if delivery is None:
        return
    found = ports.table.get(rows.webhook_key(message.tenant, message.webhook_id))
    receiver = None if found is None else rows.webhook_of(found)
    attempt = _attempt(ports, receiver, delivery)
    if receiver is not None and attempt.trouble is not Trouble.WEBHOOK_GONE:
        _judge(ports, receiver, attempt)
    _settle(ports, delivery, attempt, claim)


def _claimed(ports: Ports, seen: Delivery, claim: str) -> Delivery | None:
    """The delivery, taken for this attempt; None when it has ended, is not due, or another attempt is under way."""
    at_s = state.now_s(ports.clock)
    write = rows.claim_delivery(seen, claim=claim, now_s=at_s, until_s=at_s + WEBHOOK_LEASE_S)
    try:
        return rows.delivery_of(ports.table.write(write))
    except RowConflict as conflict:
        current = None if conflict.current is None else rows.delivery_of(conflict.current)
        is_own = current is not None and current.claim == claim  # the SDK repeated a write that had come through
        return current if is_own else None


def _attempt(ports: Ports, receiver: WebhookState | None, delivery: Delivery) -> Attempt:
    now = ports.clock.now()
    if receiver is None or (receiver.disabled is not None and delivery.kind != PING):
        return Attempt(at=now, trouble=Trouble.WEBHOOK_GONE)
    if delivery.tries > WEBHOOK_ATTEMPTS_MAX:
        return Attempt(at=now, trouble=Trouble.TIMED_OUT)  # those before it died with their functions
    try:
        to = destination_of(receiver.webhook.url, private_hosts=ports.private_hosts)
    except MaskmillError:
        return Attempt(at=now, trouble=Trouble.ADDRESS_REFUSED)  # the stage allows less than it did
    at_s, body = int(now.timestamp()), delivery.body.encode()
    headers = webhook.headers_of(receiver.secrets(at_s), delivery.delivery_id, at_s, body)
    posted = ports.postman.post(to, headers, body)
    return Attempt(at=now, status=posted.status, trouble=posted.trouble, took_ms=posted.took_ms)


def _judge(ports: Ports, receiver: WebhookState, attempt: Attempt) -> None:
    """What an attempt means for the webhook itself; a success makes good whatever was held against it."""
    if attempt.is_success:
        if receiver.failures or receiver.disabled:
            _write_if_there(ports, rows.note_success(receiver))
        return
    at_s = state.now_s(ports.clock)
    _write_if_there(ports, rows.note_failure(receiver, now_s=at_s))
    since_s = receiver.failing_since_s if receiver.failures else at_s
    if attempt.is_farewell:
        _write_if_there(ports, rows.disable_webhook(receiver, DisabledReason.GONE))
    elif webhook.has_failed_for_long(receiver.failures + 1, since_s=since_s, now_s=at_s):
        _write_if_there(ports, rows.disable_webhook(receiver, DisabledReason.FAILING))


def _settle(ports: Ports, delivery: Delivery, attempt: Attempt, claim: str) -> None:
    """Write the attempt down, and see to the next one if there is one."""
    at_s = state.now_s(ports.clock)
    next_at_s = None if _is_over(delivery, attempt) else _next(delivery, at_s)
    if next_at_s is None:
        ending = DeliveryState.DELIVERED if attempt.is_success else DeliveryState.FAILED
        _write_if_there(ports, rows.end_delivery(delivery, attempt, claim=claim, state=ending))
        return
    wait_s = next_at_s - at_s
    is_message_kept = wait_s <= QUEUE_DELAY_S_MAX
    due_at_s = next_at_s + (SWEEP_DELIVERY_S if is_message_kept else 0)  # beyond that the sweep is the alarm clock
    write = rows.postpone_delivery(delivery, attempt, claim=claim, next_at_s=next_at_s, due_at_s=due_at_s)
    if _write_if_there(ports, write) and is_message_kept:
        ports.queues.send([message_for(delivery)], delay_s=wait_s)


def _is_over(delivery: Delivery, attempt: Attempt) -> bool:
    """A test is tried once, since somebody waits for its answer."""
    is_told_no = attempt.is_farewell or attempt.trouble is Trouble.WEBHOOK_GONE
    return attempt.is_success or is_told_no or delivery.kind == PING


def _next(delivery: Delivery, at_s: int) -> int | None:
    """Deliveries that failed together do not come back together, and one that is played again waits as long."""
    luck = int(content_hash({"delivery": delivery.delivery_id, "tries": delivery.tries})[:8], 16) / 2**32
    return webhook.next_attempt_s(delivery.tries, now_s=at_s, luck=luck)


def message_for(delivery: Delivery) -> DeliverWebhook:
    return DeliverWebhook(tenant=delivery.tenant, webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id)


def _write_if_there(ports: Ports, write: Update) -> bool:
    try:
        ports.table.write(write)
    except RowConflict:
        return False  # it was removed, or another attempt has taken over
    return True
