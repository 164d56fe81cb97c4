"""The rows of webhooks and of what each was told; they are the only place that knows a webhook's secrets.

A delivery is told in attempts. An attempt begins by taking the delivery with a lease and counting itself, so that a
repeated message tells nothing twice for long, and a message that kills its function ends with its attempts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maskmill.core.limits import WEBHOOK_ATTEMPTS_LISTED_MAX, WEBHOOK_DELIVERY_LIFE_S
from maskmill.core.rows.library import tenant_pk
from maskmill.core.table import Condition, Delete, Key, Op, Path, Put, Row, Update
from maskmill.core.webhook import Attempt, DeliveryState, DisabledReason, Webhook

WEBHOOK_PREFIX = "WEBHOOK#"
DELIVERY_PREFIX = "DELIVERY#"
DUE_DELIVERIES = "DUE#deliveries"


@dataclass(frozen=True, slots=True)
class WebhookState:
    """A webhook row: what was asked for, the secrets that sign, and how it has fared. Times are seconds since 1970."""

    tenant: str
    webhook: Webhook
    secret: str
    old_secret: str | None
    old_secret_until_s: int
    failures: int  # attempts in a row that did not reach it
    failing_since_s: int
    disabled: DisabledReason | None

    def secrets(self, now_s: int) -> tuple[str, ...]:
        """The secrets that sign at a moment, the newest first."""
        is_old_valid = self.old_secret is not None and now_s < self.old_secret_until_s
        return (self.secret, self.old_secret) if is_old_valid and self.old_secret else (self.secret,)


def webhook_key(tenant: str, webhook_id: str) -> Key:
    return Key(tenant_pk(tenant), f"{WEBHOOK_PREFIX}{webhook_id}")


def put_webhook(tenant: str, webhook: Webhook, *, secret: str) -> Put:
    row = {"tenant": tenant, "doc": webhook.model_dump_json(), "secret": secret, "failures": 0}
    return Put(webhook_key(tenant, webhook.webhook_id), row)


def webhook_of(row: Row) -> WebhookState:
    return WebhookState(
        tenant=row["tenant"],
        webhook=Webhook.stored(row["doc"]),
        secret=row["secret"],
        old_secret=row.get("old_secret"),
        old_secret_until_s=row.get("old_secret_until_s", 0),
        failures=row["failures"],
        failing_since_s=row.get("failing_since_s", 0),
        disabled=DisabledReason(row["disabled"]) if "disabled" in row else None,
    )


def remove_webhook(tenant: str, webhook_id: str) -> Delete:
    """What it was told stays for its time, and nobody can ask for it any more."""
    return Delete(webhook_key(tenant, webhook_id))


def rotate_secret(seen: WebhookState, *, secret: str, old_until_s: int) -> Update:
    """A new secret beside the one before; refused when another rotation was faster."""
    return Update(
        webhook_key(seen.tenant, seen.webhook.webhook_id),
        set={("secret",): secret, ("old_secret",): seen.secret, ("old_secret_until_s",): old_until_s},
        require=(Condition(("secret",), Op.EQUALS, seen.secret),),
    )


def note_failure(seen: WebhookState, *, now_s: int) -> Update:
    """One more attempt did not reach it; the first of a row begins the count of its days."""
    key = webhook_key(seen.tenant, seen.webhook.webhook_id)
    since: dict[Path, Any] = {("failing_since_s",): now_s} if seen.failures == 0 else {}
    return Update(key, set=since, add={("failures",): 1})


def note_success(seen: WebhookState) -> Update:
    """It was reached: whatever was held against it is forgotten."""
    key = webhook_key(seen.tenant, seen.webhook.webhook_id)
    return Update(key, set={("failures",): 0}, remove=(("failing_since_s",), ("disabled",)))


def disable_webhook(seen: WebhookState, reason: DisabledReason) -> Update:
    return Update(webhook_key(seen.tenant, seen.webhook.webhook_id), set={("disabled",): reason.value})


# Deliveries --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery row: what a webhook is told, and every attempt at it. Times are seconds since 1970."""

    tenant: str
    webhook_id: str
    delivery_id: str
    kind: str  # an EventType, or PING
    body: str  # the JSON text that is signed and sent
    created_at: datetime
    state: DeliveryState
    attempts: tuple[Attempt, ...]  # the last of them
    tries: int  # attempts that have begun since somebody asked
    asked_again: int  # how often somebody has
    next_at_s: int
    claim: str | None  # the name of the attempt that is under way
    claim_until_s: int


def deliveries_pk(tenant: str, webhook_id: str) -> str:
    return f"T#{tenant}#W#{webhook_id}"


def delivery_key(tenant: str, webhook_id: str, delivery_id: str) -> Key:
    return Key(deliveries_pk(tenant, webhook_id), f"{DELIVERY_PREFIX}{delivery_id}")


def put_delivery(
    tenant: str,
    webhook_id: str,
    delivery_id: str,
    *,
    kind: str,
    body: str,
    created_at: datetime,
    due_at_s: int,
) -> Put:
    """What waits to be told at once; it is due when its message should have come."""
    now_s = int(created_at.timestamp())
    row = {
        "tenant": tenant,
        "webhook_id": webhook_id,
        "delivery_id": delivery_id,
        "kind": kind,
        "body": body,
        "created_at": created_at.isoformat(),
        "state": DeliveryState.WAITING.value,
        "attempts": "[]",
        "tries": 0,
        "asked_again": 0,
        "next_at_s": now_s,
        "due_pk": DUE_DELIVERIES,
        "due_at": due_at_s,
        "expires_at": now_s + WEBHOOK_DELIVERY_LIFE_S,
    }
    return Put(delivery_key(tenant, webhook_id, delivery_id), row)


def delivery_of(row: Row) -> Delivery:
    return Delivery(
        tenant=row["tenant"],
        webhook_id=row["webhook_id"],
        delivery_id=row["delivery_id"],
        kind=row["kind"],
        body=row["body"],
        created_at=datetime.fromisoformat(row["created_at"]),
        state=DeliveryState(row["state"]),
        attempts=tuple(Attempt.model_validate(attempt, extra="ignore") for attempt in json.loads(row["attempts"])),
        tries=row["tries"],
        asked_again=row["asked_again"],
        next_at_s=row["next_at_s"],
        claim=row.get("claim"),
        claim_until_s=row.get("claim_until_s", 0),
    )


def _key(seen: Delivery) -> Key:
    return delivery_key(seen.tenant, seen.webhook_id, seen.delivery_id)


def _is_waiting() -> Condition:
    return Condition(("state",), Op.EQUALS, DeliveryState.WAITING.value)


def claim_delivery(seen: Delivery, *, claim: str, now_s: int, until_s: int) -> Update:
    """Begins an attempt and counts it; refused before its time, and while another attempt may be under way."""
    return Update(
        _key(seen),
        set={("claim",): claim, ("claim_until_s",): until_s, ("due_at",): until_s},
        add={("tries",): 1},
        require=(
            _is_waiting(),
            Condition(("next_at_s",), Op.AT_MOST, now_s),
            Condition(("claim_until_s",), Op.AT_MOST, now_s),
        ),
    )


def postpone_delivery(seen: Delivery, attempt: Attempt, *, claim: str, next_at_s: int, due_at_s: int) -> Update:
    """The attempt did not reach its receiver and there will be another; refused once another one has begun."""
    return Update(
        _key(seen),
        set={**_with(seen, attempt), ("next_at_s",): next_at_s, ("due_at",): due_at_s},
        remove=(("claim",), ("claim_until_s",)),
        require=(_is_waiting(), Condition(("claim",), Op.EQUALS, claim)),
    )


def end_delivery(seen: Delivery, attempt: Attempt, *, claim: str, state: DeliveryState) -> Update:
    """The attempt was the last one; refused once another one has begun."""
    return Update(
        _key(seen),
        set={**_with(seen, attempt), ("state",): state.value},
        remove=(("claim",), ("claim_until_s",), ("due_pk",), ("due_at",)),
        require=(_is_waiting(), Condition(("claim",), Op.EQUALS, claim)),
    )


def ask_again(seen: Delivery, *, now_s: int, due_at_s: int) -> Update:
    """Lets an ended delivery wait once more, with all its attempts; refused when it waits already."""
    return Update(
        _key(seen),
        set={
            ("state",): DeliveryState.WAITING.value,
            ("tries",): 0,
            ("next_at_s",): now_s,
            ("due_pk",): DUE_DELIVERIES,
            ("due_at",): due_at_s,
        },
        add={("asked_again",): 1},
        require=(
            Condition(("state",), Op.EQUALS, seen.state.value),
            Condition(("asked_again",), Op.EQUALS, seen.asked_again),
        ),
    )


def _with(seen: Delivery, attempt: Attempt) -> dict[Path, Any]:
    """The list with one more attempt: whoever holds the claim is the only one that writes it."""
    listed = (*seen.attempts, attempt)[-WEBHOOK_ATTEMPTS_LISTED_MAX:]
    text = json.dumps([one.model_dump(mode="json", exclude_none=True) for one in listed], separators=(",", ":"))
    return {("attempts",): text}
