"""The API on moto: one account for a module, fresh tenants for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from lambdas.serve_api import handler as edge
from tests.contract import aws
from tests.unit.lambdas.gateway import Api


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    """The queues' addresses of an account that the API is connected to."""
    with aws.cloud() as urls:
        settings = {
            "TABLE_NAME": aws.TABLE,
            "UPLOADS_BUCKET": aws.UPLOADS,
            "MEDIA_BUCKET": aws.MEDIA,
            "PLAN_QUEUE_URL": urls["plan"],
            "SEGMENTER": "classic-1",
        }
        with mock.patch.dict(os.environ, settings):
            edge.connect.cache_clear()
            yield urls
            edge.connect.cache_clear()


@pytest.fixture
def api(account: dict[str, str]) -> Api:
    return Api()


@pytest.fixture
def other(account: dict[str, str]) -> Api:
    """Another tenant of the same service."""
    return Api()
