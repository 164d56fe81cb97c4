"""The edge of make_key: an order of the deployment in, its answer out, whatever happens; it decides nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any

from lambdas.aws import clients
from lambdas.aws.orders import Order, order_in, reply
from lambdas.aws.telemetry import logger_of
from lambdas.aws.vault import ParameterVault
from lambdas.make_key.logic import forget, make, told_of_word
from maskmill.core.errors import MaskmillError
from maskmill.core.settings import MakeKeySettings

FUNCTION = "make_key"
WORD = "word"
WORD_BYTES = 32


@cache
def connect() -> tuple[ParameterVault, str]:
    """The vault, and the folder that every name lies in."""
    folder = MakeKeySettings.from_env(os.environ).key_folder
    return ParameterVault(clients.parameters()), folder


def handler(event: dict[str, Any], _context: object) -> None:
    order = order_in(event)
    told: Mapping[str, str] = {}
    failure: str | None = None
    try:
        told = _carry_out(order)
    except Exception as error:  # noqa: BLE001 - a deployment that hears nothing waits for an hour
        logger_of(FUNCTION).exception("no key made")
        failure = error.detail if isinstance(error, MaskmillError) else type(error).__name__
    reply(order, order.properties["Name"], failure=failure, told=told)


def _carry_out(order: Order) -> Mapping[str, str]:
    if order.properties.get("Kind") == WORD:
        return {} if order.is_removal else told_of_word(secrets.token_urlsafe(WORD_BYTES))
    vault, folder = connect()
    name = f"{folder}/{order.properties['Name']}"
    if order.is_removal:
        forget(vault, name)
        return {}
    return {"PublicKey": make(vault, name, secrets.randbelow)}
