"""Move the letters of a dead-letter queue to another queue: all of them at once, whatever rate is asked for.

Reason: the emulator knows no move tasks, by which AWS sends dead letters back to where they came from.
"""

from typing import Any

from local.emulator.internals import internal

Queue = dict[str, Any]


def apply() -> None:
    sqs = internal("services.sqs")

    def start(asked: dict[str, Any], _url: str) -> dict[str, str]:
        source, target = sqs._queue_by_arn(asked["SourceArn"]), sqs._queue_by_arn(asked.get("DestinationArn", ""))
        if source is None or target is None:
            raise sqs._Err("ResourceNotFoundException", "The resource that you specified doesn't exist.", 404)
        with sqs._queues_lock:
            move(source, target)
        return {"TaskHandle": sqs.new_uuid()}

    sqs._HANDLERS["StartMessageMoveTask"] = start


def move(source: Queue, target: Queue) -> None:
    """All messages of a queue to the end of another, visible at once and as if they had never been received."""
    for message in source["messages"]:
        message.update(visible_at=0, receive_count=0, first_receive_at=None)
    target["messages"].extend(source["messages"])
    source["messages"].clear()
