"""The edge of every function behind a queue: each record on its own, failures reported one by one.

It knows no message: a function gives it how to read a record and what to do about what was read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from lambdas.aws.events import Ignored, records_of, texts_of
from lambdas.aws.telemetry import facts, logger_of
from maskmill.core.errors import Unavailable

Value = TypeVar("Value")


def answer_batch(
    event: dict[str, Any],
    *,
    function: str,
    read: Callable[[str], Iterable[Value | Ignored]],
    act: Callable[[Value], None],
) -> dict[str, Any]:
    """Act on every record; a record that fails is named in the answer and comes again, its neighbours do not.

    A record that cannot be read fails as well: it reaches the dead letters instead of vanishing. Raises ForeignEvent
    for an event of no queue.
    """
    records = [texts_of(record, "messageId", "body") for record in records_of(event)]
    logger = logger_of(function)

    def serve(record: Mapping[str, Any]) -> None:
        delivery = {"message_id": record["messageId"], "delivery": _count_of(record)}
        about: dict[str, Any] = {}
        began = time.monotonic()

        def told() -> dict[str, Any]:
            return {**delivery, **about, "took_ms": round(1000 * (time.monotonic() - began))}

        try:
            for value in read(record["body"]):
                about = facts(value)
                if isinstance(value, Ignored):
                    logger.info("record ignored", extra=told())
                else:
                    with logger.append_context_keys(**about):
                        act(value)
        except Unavailable as error:
            logger.warning("record comes again", extra={**told(), "code": error.code, "why": error.detail})
            raise
        except Exception:
            logger.exception("record failed", extra=told())
            raise
        logger.info("record done", extra=told())

    failed = [record["messageId"] for record in records if not _is_done(serve, record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _count_of(record: Mapping[str, Any]) -> str | None:
    """How often the queue has handed out a record."""
    count: str | None = (record.get("attributes") or {}).get("ApproximateReceiveCount")
    return count


def _is_done(serve: Callable[[Mapping[str, Any]], None], record: Mapping[str, Any]) -> bool:
    """Whether a record needs not to come again; what failed has been logged."""
    try:
        serve(record)
    except Exception:  # noqa: BLE001 - one record's fault is none of its neighbours'
        return False
    return True
