"""The edge of deliver_webhook: messages in, one attempt at a delivery each; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import expecting
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.deliver_webhook.logic import Ports, deliver
from lambdas.deliver_webhook.sender import SafePostman, trusting
from maskmill.core.messages import DeliverWebhook
from maskmill.core.settings import DeliverWebhookSettings, hosts_of


@cache
def connect() -> Ports:
    settings = DeliverWebhookSettings.from_env(os.environ)
    private_hosts = hosts_of(settings.webhook_private_hosts)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
        postman=SafePostman(context=trusting(), private_hosts=private_hosts),
        private_hosts=private_hosts,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(
        event, function="deliver_webhook", read=expecting(DeliverWebhook), act=partial(deliver, connect())
    )
