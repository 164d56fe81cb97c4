"""The queues port on SQS; it knows the queues' addresses and not what messages are for.

The queues are standard ones: the tenant as message group makes them fair between tenants without ordering them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lambdas.aws.faults import translated
from maskmill.core.errors import Unavailable
from maskmill.core.limits import QUEUE_BATCH_MAX
from maskmill.core.messages import QUEUE_OF, Message, QueueName
from maskmill.core.settings import Settings

SENDS_MAX = 2


class SqsQueues:
    """The queues that one function may send to."""

    def __init__(self, client: Any, urls: Mapping[QueueName, str]) -> None:
        self._client = client
        self._urls = urls

    def send(self, messages: Iterable[Message], *, delay_s: int = 0) -> None:
        by_queue: dict[QueueName, list[Message]] = {}
        for message in messages:
            by_queue.setdefault(QUEUE_OF[type(message)], []).append(message)
        for queue, waiting in by_queue.items():
            for batch in _batches(waiting):
                self._send_batch(self._urls[queue], batch, delay_s)

    def _send_batch(self, url: str, batch: Sequence[Message], delay_s: int) -> None:
        entries = [_entry(number, message, delay_s) for number, message in enumerate(batch)]
        for _ in range(SENDS_MAX):
            with translated("SendMessageBatch"):
                answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
            failed = {failure["Id"] for failure in answer.get("Failed", ())}
            entries = [entry for entry in entries if entry["Id"] in failed]
            if not entries:
                return
        raise Unavailable(detail=f"SendMessageBatch: {len(entries)} of {len(batch)} messages were not taken")


def queue_urls(settings: Settings) -> dict[QueueName, str]:
    """The addresses that a function's settings name, as `<queue>_queue_url`."""
    names = {f"{queue.value}_queue_url": queue for queue in QueueName}
    return {names[name]: getattr(settings, name) for name in settings.names() if name in names}


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), QUEUE_BATCH_MAX):
        yield messages[start : start + QUEUE_BATCH_MAX]


def _entry(number: int, message: Message, delay_s: int) -> dict[str, Any]:
    entry = {"Id": str(number), "MessageBody": message.model_dump_json(), "MessageGroupId": message.tenant}
    return {**entry, "DelaySeconds": delay_s} if delay_s else entry
