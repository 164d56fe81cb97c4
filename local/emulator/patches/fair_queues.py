"""Let a standard queue serve message groups in turn. It orders nothing within a group, and leaves FIFO queues alone.

Reason: Amazon SQS serves the groups of a standard queue fairly, so that one tenant's long line does not keep another's
message waiting; the emulator keeps the group of a message and hands out messages in the order of their arrival.
"""

import time
from collections import Counter
from typing import Any

from local.emulator.internals import internal

Message = dict[str, Any]


def apply() -> None:
    sqs = internal("services.sqs")
    original = sqs._collect_msgs
    turns: dict[str, Counter[str]] = {}

    def collect(queue: dict[str, Any], most: int, hidden_s: int) -> Any:
        if queue["is_fifo"]:
            return original(queue, most, hidden_s)
        served = turns.setdefault(queue["attributes"]["QueueArn"], Counter())
        queue["messages"] = in_turn(queue["messages"], served, now=time.time())
        found = original(queue, most, hidden_s)
        for message in found:
            served[_group(message)] = max(served.values(), default=0) + 1
        return found

    sqs._collect_msgs = collect


def in_turn(messages: list[Message], served: Counter[str], *, now: float) -> list[Message]:
    """The messages in the order in which they should go out.

    First come groups of which little is being worked on, and among them the one that was served longest ago. `served`
    says when a group was served last, as a running number. A message without a group is a group of its own.
    """
    ahead = Counter(_group(message) for message in messages if message["visible_at"] > now and message["receive_count"])
    ranked: list[tuple[int, int, Message]] = []
    for message in messages:
        group = _group(message)
        ranked.append((ahead[group], served[group], message) if group else (0, 0, message))
        if message["visible_at"] <= now:
            ahead[group] += 1
    return [message for _, _, message in sorted(ranked, key=lambda entry: entry[:2])]


def _group(message: Message) -> str:
    return message.get("group_id") or ""
