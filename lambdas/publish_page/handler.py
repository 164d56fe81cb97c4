"""The edge of publish_page: an order of the deployment in, its answer out, whatever happens; it decides nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.objects import S3Objects
from lambdas.aws.orders import Order, order_in, reply
from lambdas.aws.site import S3Site
from lambdas.aws.telemetry import logger_of
from lambdas.publish_page.decoder import NoDecoder, lay_decoder
from lambdas.publish_page.logic import BYTES_MAX, clear, publish
from maskmill.core.errors import MaskmillError
from maskmill.core.settings import PublishPageSettings

FUNCTION = "publish_page"
RESOURCE = "page"


@cache
def connect() -> S3Site:
    return S3Site(clients.s3(), PublishPageSettings.from_env(os.environ).site_bucket)


def handler(event: dict[str, Any], _context: object) -> None:
    order = order_in(event)
    failure: str | None = None
    try:
        _carry_out(connect(), order)
    except Exception as error:  # noqa: BLE001 - a deployment that hears nothing waits for an hour
        logger_of(FUNCTION).exception("page not published")
        failure = error.detail if isinstance(error, MaskmillError) else type(error).__name__
    reply(order, RESOURCE, failure=failure)


def _carry_out(site: S3Site, order: Order) -> None:
    if order.is_removal:
        logger_of(FUNCTION).info("page removed", extra={"removed": clear(site)})
        return
    asked = order.properties
    beside = _decoder(site, asked["Decoder"]) if "Decoder" in asked else []
    archives = S3Objects(clients.s3(), asked["Archive"]["Bucket"])
    archive = archives.get(asked["Archive"]["Key"], bytes_max=BYTES_MAX)
    done = publish(site, archive, release=asked["Release"], config=asked["Config"], beside=beside)
    logger_of(FUNCTION).info("page published", extra={"written": done.written, "removed": done.removed})


def _decoder(site: S3Site, asked: Mapping[str, str]) -> list[str]:
    """A page without its decoder works as well: the service answers clicks."""
    package = S3Objects(clients.s3(), asked["Bucket"])
    try:
        return [lay_decoder(site, package, prefix=asked["Prefix"], version=asked["Version"])]
    except NoDecoder as error:
        logger_of(FUNCTION).warning("no decoder for the page", extra={"why": error.detail})
        return []
