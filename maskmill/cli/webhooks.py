"""`maskmill webhooks`: who is told of ended jobs, and what they were told; it receives nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from maskmill.cli.context import common_of
from maskmill.core.api import CreateWebhook, DeliveryView, WebhookSecret, WebhookView
from maskmill.core.webhook import EventType

webhooks = typer.Typer(no_args_is_help=True, help="Addresses that are told of ended jobs, signed.")

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The id of a webhook.")]


@webhooks.command("list")
def list_webhooks(context: typer.Context) -> None:
    """All webhooks."""
    common = common_of(context)
    with common.connect() as client:
        common.output.listing(("id", "address", "events", "state"), client.webhooks(), _webhook_row)


@webhooks.command("add")
def add_webhook(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="An https address.")],
    event: Annotated[list[EventType] | None, typer.Option("--event", help="Only of these; all by default.")] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
) -> None:
    """Tell an address of events. The secret is shown this once: keep it where the receiver checks signatures."""
    common = common_of(context)
    body = CreateWebhook(url=url, events=tuple(event or EventType), description=description)
    with common.connect() as client:
        made = client.create_webhook(body)
    _show_secret(context, made)


@webhooks.command("remove")
def remove_webhook(context: typer.Context, webhook: Webhook) -> None:
    """Tell it nothing any more."""
    common = common_of(context)
    with common.connect() as client:
        client.delete_webhook(webhook)
    common.output.result(f"Webhook {webhook} is removed.")
    common.output.document({"webhook_id": webhook, "removed": True})


@webhooks.command("rotate")
def rotate_webhook(context: typer.Context, webhook: Webhook) -> None:
    """A new secret; the one before signs beside it for a day."""
    common = common_of(context)
    with common.connect() as client:
        made = client.rotate_webhook(webhook)
    _show_secret(context, made)


@webhooks.command("test")
def test_webhook(context: typer.Context, webhook: Webhook) -> None:
    """Send a ping; `deliveries` shows what came of it."""
    common = common_of(context)
    with common.connect() as client:
        sent = client.test_webhook(webhook)
    common.output.result(f"A ping is on its way: {sent.delivery_id}")
    common.output.document(sent)


@webhooks.command("deliveries")
def list_deliveries(context: typer.Context, webhook: Webhook) -> None:
    """What it was told in the last 30 days, the newest first."""
    common = common_of(context)
    with common.connect() as client:
        found = client.deliveries(webhook)
        common.output.listing(("id", "event", "state", "made", "attempts", "last answer"), found, _delivery_row)


@webhooks.command("redeliver")
def redeliver(
    context: typer.Context,
    webhook: Webhook,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The id of a delivery.")],
) -> None:
    """Tell it once more."""
    common = common_of(context)
    with common.connect() as client:
        found = client.retry_delivery(webhook, delivery)
    common.output.result(f"{found.delivery_id} is {found.state.value} again.")
    common.output.document(found)


def _show_secret(context: typer.Context, made: WebhookSecret) -> None:
    output = common_of(context).output
    output.result(f"Webhook {made.webhook_id} tells {made.url}")
    output.result(f"Secret: {made.secret}")
    output.say("The secret is shown this once.")
    output.document(made)


def _webhook_row(webhook: WebhookView) -> tuple[object, ...]:
    is_all = set(webhook.events) == set(EventType)
    events = "all" if is_all else ", ".join(event.value for event in webhook.events)
    return webhook.webhook_id, webhook.url, events, webhook.disabled.value if webhook.disabled else "enabled"


def _delivery_row(delivery: DeliveryView) -> tuple[object, ...]:
    last = delivery.attempts[-1] if delivery.attempts else None
    answer = "" if last is None else last.status or (last.trouble.value if last.trouble else "")
    made = f"{delivery.created_at:%Y-%m-%d %H:%M}"
    return delivery.delivery_id, delivery.type, delivery.state.value, made, len(delivery.attempts), answer
