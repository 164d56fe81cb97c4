"""The bodies of webhooks and of what they were told; it knows no HTTP."""

from __future__ import annotations

from datetime import datetime

from pydantic import field_validator

from maskmill.core.model import Model
from maskmill.core.webhook import Attempt, DeliveryState, Description, DisabledReason, Events, EventType, WebhookUrl


class CreateWebhook(Model):
    """An https address to be told of these events, or of all of them."""

    url: WebhookUrl
    events: Events = tuple(EventType)
    description: Description = ""

    @field_validator("events")
    @classmethod
    def _each_once(cls, events: tuple[EventType, ...]) -> tuple[EventType, ...]:
        if len(set(events)) != len(events):
            raise ValueError("an event is named twice")
        return events


class WebhookView(Model):
    """A webhook; a disabled one is told nothing until a test reaches it."""

    webhook_id: str
    url: str
    events: tuple[EventType, ...]
    description: str
    created_at: datetime
    disabled: DisabledReason | None = None
    old_secret_until: datetime | None = None  # until then the secret before the last rotation signs, too


class WebhookSecret(WebhookView):
    """A webhook with the secret that signs from now on, which is shown this once."""

    secret: str


class DeliveryView(Model):
    """What a webhook is told and every attempt at it, the last ones where there were many."""

    delivery_id: str  # the header `webhook-id` of each attempt
    type: str
    state: DeliveryState
    created_at: datetime
    body: str
    attempts: tuple[Attempt, ...]
    next_attempt_at: datetime | None = None
