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
from lambdas.ingest_image.logic import Ports, ingest
from maskmill.core.settings import IngestImageSettings
from maskmill.imaging.normal import normalise


@cache
def connect() -> Ports:
    settings = IngestImageSettings.from_env(os.environ)
    return Ports(
        table=DynamoTable(clients.dynamodb(), settings.table_name),
        uploads=S3Objects(clients.s3(), settings.uploads_bucket),
        media=S3Objects(clients.s3(), settings.media_bucket),
        normalise=normalise,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return answer_batch(event, function="ingest_image", read=uploads_in, act=partial(ingest, connect()))
