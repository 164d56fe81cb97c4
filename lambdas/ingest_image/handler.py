"""The edge of ingest_image: S3's events and the sweep's messages in, one settled image each; it decides nothing."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from lambdas.aws import clients
from lambdas.aws.batch import answer_batch
from lambdas.aws.events import uploads_in
from lambdas.aws.objects import S3Objects
from lambdas.aws.table import DynamoTable
from lambdas.aws.telemetry import count, logger_of
from lambdas.ingest_image.answers import Made
from lambdas.ingest_image.decoder import Decoder
from lambdas.ingest_image.logic import Ports, ingest
from maskmill.core.errors import InvalidInput
from maskmill.core.settings import IngestImageSettings

FUNCTION = "ingest_image"


@cache
def connect() -> Ports:
    settings = IngestImageSettings.from_env(os.environ)
    decoder = Decoder()
    decoder.start()  # it gets ready while the clients are made
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        uploads=S3Objects(clients.s3(), settings.uploads_bucket),
        media=S3Objects(clients.s3(), settings.media_bucket),
        normalise=partial(watched, decoder),
    )


def watched(decoder: Decoder, data: bytes) -> Made:
    """A file's normal image; a refusal is logged and counted by its code, since a crashed decoder is worth a look."""
    try:
        return decoder.normalise(data)
    except InvalidInput as error:
        logger_of(FUNCTION).info("file refused", extra={"code": error.code, "why": error.detail})
        count(FUNCTION, {f"refused_{error.code}": 1})
        raise


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function=FUNCTION, read=uploads_in, act=partial(ingest, connect()))
