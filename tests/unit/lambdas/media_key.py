"""The key that the API signs media sessions with, as the deployment lays it down, and a reader of its cookies."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from http.cookies import SimpleCookie

from lambdas.aws import clients
from maskmill.core.rsa import PrivateKey, draw_key
from tests.contract import aws


@cache
def media_key() -> PrivateKey:
    """Always the same, so that a test that fails does so again."""
    return draw_key(random.Random(7).randrange)


def lay_media_key() -> None:
    """Into the account of the tests."""
    clients.parameters().put_parameter(
        Name=aws.MEDIA_KEY_NAME, Value=media_key().model_dump_json(), Type="SecureString", Overwrite=True
    )


def values_of(lines: Iterable[str]) -> dict[str, str]:
    """The values of Set-Cookie lines, by their names."""
    jar: SimpleCookie = SimpleCookie()
    for line in lines:
        jar.load(line)
    return {name: one.value for name, one in jar.items()}
