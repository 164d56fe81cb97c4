"""The routes of webhooks as calls; it knows no signature and receives nothing."""

from __future__ import annotations

from collections.abc import Iterator

from maskmill.client.wire import Wire, path_of
from maskmill.core.api import CreateWebhook, DeliveryView, Page, WebhookSecret, WebhookView


class HookCalls(Wire):
    """Who is told of what happens."""

    def create_webhook(self, body: CreateWebhook) -> WebhookSecret:
        """A new webhook with the secret that signs, which is shown this once."""
        return self._create(WebhookSecret, "/webhooks", body)

    def webhooks(self) -> Iterator[WebhookView]:
        return self._all(Page[WebhookView], "/webhooks")

    def webhook(self, webhook_id: str) -> WebhookView:
        return self._read(WebhookView, path_of("webhooks", webhook_id))

    def delete_webhook(self, webhook_id: str) -> None:
        self._delete(path_of("webhooks", webhook_id))

    def rotate_webhook(self, webhook_id: str) -> WebhookSecret:
        """A new secret, shown this once; the one before signs beside it for a day."""
        return self._post_once(WebhookSecret, path_of("webhooks", webhook_id, "rotate"))

    def test_webhook(self, webhook_id: str) -> DeliveryView:
        """Send a ping; one that arrives enables a disabled webhook."""
        return self._post_once(DeliveryView, path_of("webhooks", webhook_id, "test"))

    def deliveries(self, webhook_id: str) -> Iterator[DeliveryView]:
        """What it was told in the last 30 days and every attempt at it, the newest first."""
        return self._all(Page[DeliveryView], path_of("webhooks", webhook_id, "deliveries"))

    def retry_delivery(self, webhook_id: str, delivery_id: str) -> DeliveryView:
        return self._post_once(DeliveryView, path_of("webhooks", webhook_id, "deliveries", delivery_id, "retry"))
