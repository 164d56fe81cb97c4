"""The edge of every function behind a queue: each record on its own, failures reported one by one.

It knows no message: a function gives it how to read a record and what to do about what was read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

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
    for record in records_of(event):
        texts_of(record, "messageId", "body")
    logger = logger_of(function)

    def serve(record: SQSRecord) -> None:
        delivery = {"message_id": record.message_id, "delivery": record.attributes.approximate_receive_count}
        about: dict[str, Any] = {}
        began = time.monotonic()

        def told() -> dict[str, Any]:
            return {**delivery, **about, "took_ms": round(1000 * (time.monotonic() - began))}

        try:
            for value in read(record.body):
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

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event=event, record_handler=serve, processor=processor))
