"""The edge of bury_letters: dead letters of every queue in, an end with a reason for what they are about.

It decides nothing; a letter that nobody can read is logged, counted and let go, for there is no queue behind this one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.clock import SystemClock
from lambdas.aws.events import Ignored, UnreadableRecord, letters_in
from lambdas.aws.queues import SqsQueues, queue_urls
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import count, logger_of
from lambdas.bury_letters.logic import Ports, bury
from maskmill.core.messages import Message
from maskmill.core.settings import BuryLettersSettings

FUNCTION = "bury_letters"
BODY_CHARS_LOGGED_MAX = 2_000


@cache
def connect() -> Ports:
    settings = BuryLettersSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        queues=SqsQueues(clients.sqs(), queue_urls(settings)),
        clock=SystemClock(),
    )


def _read(body: str) -> Iterable[Message | Ignored]:
    try:
        return letters_in(body)
    except UnreadableRecord as error:
        extra = {"why": error.detail, "body": body[:BODY_CHARS_LOGGED_MAX]}
        logger_of(FUNCTION).error("letter unreadable", extra=extra)
        count(FUNCTION, {"letters_unreadable": 1})
        return (Ignored("unreadable"),)


def _bury(ports: Ports, letter: Message) -> None:
    bury(ports, letter)
    count(FUNCTION, {f"letters_{letter.kind}": 1})


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function=FUNCTION, read=_read, act=partial(_bury, connect()))
