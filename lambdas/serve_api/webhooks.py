"""Webhooks of a tenant: make, list, rotate, test, and what each was told; it posts nothing itself."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdas import state
from lambdas.serve_api import cursors
from lambdas.serve_api.names import is_plain
from lambdas.serve_api.once import put_once
from lambdas.serve_api.ports import Ports
from maskmill.core import rows, webhook
from maskmill.core.addresses import destination_of
from maskmill.core.api import CreateWebhook, DeliveryView, Page, WebhookSecret, WebhookView
from maskmill.core.errors import Conflict, FieldFault, InvalidInput, NotFound, QuotaExceeded
from maskmill.core.limits import (
    SWEEP_DELIVERY_S,
    WEBHOOK_ASKED_AGAIN_MAX,
    WEBHOOK_OLD_SECRET_S,
    WEBHOOKS_PER_TENANT_MAX,
)
from maskmill.core.messages import DeliverWebhook
from maskmill.core.ports import Table
from maskmill.core.rows import Delivery, WebhookState
from maskmill.core.table import Query, Row, RowConflict
from maskmill.core.webhook import PING, DeliveryState, Webhook


def create(ports: Ports, tenant: str, body: CreateWebhook) -> WebhookSecret:
    destination_of(body.url, private_hosts=ports.webhook_private_hosts)
    if not is_plain(body.description):
        raise InvalidInput(faults=(FieldFault(pointer="/description", detail="it has control characters"),))
    everything = Query(pk=rows.tenant_pk(tenant), prefix=rows.WEBHOOK_PREFIX, limit=WEBHOOKS_PER_TENANT_MAX)
    if len(ports.table.query(everything).rows) >= WEBHOOKS_PER_TENANT_MAX:
        raise QuotaExceeded(detail="webhooks of the tenant")
    (webhook_id,) = ports.ids.new(1)
    made = Webhook(webhook_id=webhook_id, created_at=ports.clock.now(), **dict(body))
    secret = webhook.secret_text(ports.draw_secret())
    return _with_secret(rows.webhook_of(put_once(ports.table, rows.put_webhook(tenant, made, secret=secret))))


def listed(ports: Ports, tenant: str, *, cursor: str | None, limit: int) -> Page[WebhookView]:
    listing = cursors.listing(ports, tenant, "webhooks")
    query = Query(pk=rows.tenant_pk(tenant), prefix=rows.WEBHOOK_PREFIX, after=listing.after(cursor))
    found, after = cursors.page_of(ports.table, query, limit=limit)
    items = tuple(_view(rows.webhook_of(row)) for row in found)
    return Page[WebhookView](items=items, next_cursor=listing.cursor(after))


def read(ports: Ports, tenant: str, webhook_id: str) -> WebhookView:
    return _view(_require(ports.table, tenant, webhook_id))


def remove(ports: Ports, tenant: str, webhook_id: str) -> None:
    """It is told nothing from now on; an attempt that is under way comes to its end."""
    _require(ports.table, tenant, webhook_id)
    ports.table.write(rows.remove_webhook(tenant, webhook_id))


def rotate(ports: Ports, tenant: str, webhook_id: str) -> WebhookSecret:
    """A new secret; the one before goes on signing beside it for a day."""
    seen = _require(ports.table, tenant, webhook_id)
    until_s = state.now_s(ports.clock) + WEBHOOK_OLD_SECRET_S
    secret = webhook.secret_text(ports.draw_secret())
    try:
        row = ports.table.write(rows.rotate_secret(seen, secret=secret, old_until_s=until_s))
    except RowConflict as conflict:
        raise Conflict(detail="another rotation was faster") from conflict
    return _with_secret(rows.webhook_of(row))


def ping(ports: Ports, tenant: str, webhook_id: str) -> DeliveryView:
    """Tells it a `ping`, once, also when it is disabled."""
    _require(ports.table, tenant, webhook_id)
    (delivery_id,) = ports.ids.new(1)
    now = ports.clock.now()
    body = webhook.body_of(PING, now, {"webhook_id": webhook_id})
    row = state.tell_webhook(
        ports.table, ports.queues, tenant, webhook_id, delivery_id=delivery_id, kind=PING, body=body, at=now
    )
    return _delivery_view(rows.delivery_of(row))


def deliveries(ports: Ports, tenant: str, webhook_id: str, *, cursor: str | None, limit: int) -> Page[DeliveryView]:
    """What it was told, the newest first."""
    _require(ports.table, tenant, webhook_id)
    listing = cursors.listing(ports, tenant, "deliveries", webhook_id)
    query = Query(
        pk=rows.deliveries_pk(tenant, webhook_id),
        prefix=rows.DELIVERY_PREFIX,
        after=listing.after(cursor),
        descending=True,
    )
    now_s = state.now_s(ports.clock)
    found, after = cursors.page_of(ports.table, query, limit=limit, keep=lambda row: _is_kept(row, now_s))
    items = tuple(_delivery_view(rows.delivery_of(row)) for row in found)
    return Page[DeliveryView](items=items, next_cursor=listing.cursor(after))


def retry(ports: Ports, tenant: str, webhook_id: str, delivery_id: str) -> DeliveryView:
    """Tells it once more, with all the patience of the first time."""
    receiver = _require(ports.table, tenant, webhook_id)
    row = ports.table.get(rows.delivery_key(tenant, webhook_id, delivery_id))
    now_s = state.now_s(ports.clock)
    if row is None or not _is_kept(row, now_s):
        raise NotFound(detail="delivery")
    seen = rows.delivery_of(row)
    if receiver.disabled is not None:
        raise Conflict(message="This webhook is disabled. Test it first.", detail="a disabled webhook")
    if seen.asked_again >= WEBHOOK_ASKED_AGAIN_MAX:
        raise Conflict(message="This delivery was asked for too often.", detail="asked again too often")
    try:
        row = ports.table.write(rows.ask_again(seen, now_s=now_s, due_at_s=now_s + SWEEP_DELIVERY_S))
    except RowConflict as conflict:
        raise Conflict(detail="it went on meanwhile") from conflict
    ports.queues.send([DeliverWebhook(tenant=tenant, webhook_id=webhook_id, delivery_id=delivery_id)])
    return _delivery_view(rows.delivery_of(row))


def _require(table: Table, tenant: str, webhook_id: str) -> WebhookState:
    """A webhook of the tenant; raises NotFound."""
    row = table.get(rows.webhook_key(tenant, webhook_id))
    if row is None:
        raise NotFound(detail="webhook")
    return rows.webhook_of(row)


def _is_kept(row: Row, now_s: int) -> bool:
    """The table removes what has expired at its leisure."""
    return bool(row["expires_at"] > now_s)


def _view(found: WebhookState) -> WebhookView:
    return WebhookView(
        **dict(found.webhook),
        disabled=found.disabled,
        old_secret_until=None if found.old_secret is None else _moment(found.old_secret_until_s),
    )


def _with_secret(found: WebhookState) -> WebhookSecret:
    return WebhookSecret(**dict(_view(found)), secret=found.secret)


def _delivery_view(found: Delivery) -> DeliveryView:
    return DeliveryView(
        delivery_id=found.delivery_id,
        type=found.kind,
        state=found.state,
        created_at=found.created_at,
        body=found.body,
        attempts=found.attempts,
        next_attempt_at=_moment(found.next_at_s) if found.state is DeliveryState.WAITING else None,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
