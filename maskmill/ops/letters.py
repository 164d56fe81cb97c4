"""Queues of dead letters: what lies in each and why, and sending it back to where it came from; it prints nothing.

sqs  list_queues, get_queue_attributes, receive_message (without hiding anything), start_message_move_task
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maskmill.core.errors import InvalidInput, NotFound

PEEKED_MAX = 10
QUEUES_MAX = 200
_ATTRIBUTES = ["QueueArn", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was given up: its id, what it is about, and since when it exists."""

    message_id: str
    kind: str
    job_id: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadQueue:
    """A queue of dead letters. `source` is the queue that they may go back to; empty where no queue has sent them."""

    name: str
    url: str
    arn: str
    source: str
    source_arn: str
    depth: int
    letters: tuple[Letter, ...] = field(default=())

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many of those that were looked at are about what."""
        return Counter(letter.kind for letter in self.letters)

    @property
    def oldest(self) -> datetime | None:
        return min((letter.sent_at for letter in self.letters if letter.sent_at), default=None)


def dead_queues(sqs: Any, prefix: str) -> list[DeadQueue]:
    """Every queue of dead letters whose name begins so, by name, with a look at up to PEEKED_MAX letters of each."""
    urls = sqs.list_queues(QueueNamePrefix=f"{prefix}-").get("QueueUrls", [])[:QUEUES_MAX]
    found = {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES)["Attributes"] for url in urls}
    sources = {
        json.loads(told["RedrivePolicy"])["deadLetterTargetArn"]: told["QueueArn"]
        for told in found.values()
        if "RedrivePolicy" in told
    }
    dead = []
    for url, told in found.items():
        arn, source_arn = told["QueueArn"], sources.get(told["QueueArn"], "")
        if "RedrivePolicy" in told or not (source_arn or "Letters" in arn):
            continue
        depth = int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesNotVisible"])
        letters = tuple(_peeked(sqs, url)) if depth else ()
        dead.append(DeadQueue(_name(arn), url, arn, _name(source_arn), source_arn, depth, letters))
    return sorted(dead, key=lambda queue: queue.name)


def _peeked(sqs: Any, url: str) -> Iterator[Letter]:
    """Some letters, left where they are and visible to whoever reads them."""
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=PEEKED_MAX, VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"]
    )
    for message in answer.get("Messages", []):
        about = _about(message["Body"])
        sent_ms = message.get("Attributes", {}).get("SentTimestamp")
        sent_at = datetime.fromtimestamp(int(sent_ms) / 1000, UTC) if sent_ms else None
        yield Letter(message["MessageId"], about.get("kind", "?"), about.get("job_id", ""), sent_at)


def _about(body: str) -> dict[str, str]:
    """What a letter is about, as far as it says; it is shown and decides nothing."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    if "kind" in told:
        return {name: str(told[name]) for name in ("kind", "job_id") if name in told}
    if told.get("eventSource") == "aws:sagemaker":
        return {"kind": "callback"}
    if "Records" in told:
        return {"kind": "arrival"}
    return {"kind": "stream"} if "DDBStreamBatchInfo" in told else {}


def chosen(queues: list[DeadQueue], name: str) -> list[DeadQueue]:
    """Those whose names hold a text, small or capital; raises NotFound where there is none."""
    found = [queue for queue in queues if name.lower() in queue.name.lower()]
    if not found:
        raise NotFound(message=f"No queue of dead letters is called {name!r}.")
    return found


def redrive(sqs: Any, queue: DeadQueue, *, per_second: int, most: int) -> str:
    """Begin to send all letters of a queue back to where they came from; gives the handle of the task.

    Raises InvalidInput where they came from no queue, or where there are more than `most` of them: a task moves all.
    """
    if not queue.source_arn:
        raise InvalidInput(message=f"{queue.name} cannot be redriven: no queue has sent what lies there.")
    if queue.depth > most:
        raise InvalidInput(
            message=f"{queue.name} holds {queue.depth} letters. --most {queue.depth} lets all of them go."
        )
    answer = sqs.start_message_move_task(
        SourceArn=queue.arn, DestinationArn=queue.source_arn, MaxNumberOfMessagesPerSecond=per_second
    )
    return str(answer["TaskHandle"])


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
