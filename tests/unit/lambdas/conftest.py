"""The API on moto: one account for a module, fresh tenants for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

import pytest

from lambdas.serve_api import handler as edge
from maskmill.core.usage import Quota
from tests.contract import aws
from tests.unit.lambdas.gateway import (
    LANE_SEGMENTER,
    LANE_SIDE_MAX,
    MEDIA_KEY_PAIR_ID,
    MEDIA_URL,
    QUOTAS,
    TRIAL_LIFE_S,
    Api,
    lane_reply,
)
from tests.unit.lambdas.media_key import lay_media_key

FLEET_SETTINGS = {
    "INSTANCE_TYPE": "ml.c6i.xlarge",
    "INSTANCES_MIN": "0",
    "INSTANCES_MAX": "1",
    "INSTANCE_IDLE_S": "300",
    "CHUNK_ITEMS": "16",
    "RENDERS_AT_ONCE": "20",
}


@dataclass(frozen=True)
class Account:
    """The queues' addresses of an account that the API is connected to, and the function of its lane."""

    urls: dict[str, str]
    lane: aws.LaneFunction


@pytest.fixture(scope="module")
def whole_account() -> Iterator[Account]:
    with aws.cloud() as urls, aws.lane(lane_reply) as function:
        settings = {
            "TABLE_NAME": aws.TABLE,
            "UPLOADS_BUCKET": aws.UPLOADS,
            "MEDIA_BUCKET": aws.MEDIA,
            "PLAN_QUEUE_URL": urls["plan"],
            "REMOVE_QUEUE_URL": urls["remove"],
            "WEBHOOK_QUEUE_URL": urls["webhook"],
            "WEBHOOK_PRIVATE_HOSTS": "",
            "EXPORT_QUEUE_URL": urls["export"],
            "SEGMENTER": "classic-1",
            "LANE_NAME": "lane",
            "LIVE_URL": "wss://live.example/live",
            "MEDIA_URL": MEDIA_URL,
            "MEDIA_KEY_NAME": aws.MEDIA_KEY_NAME,
            "MEDIA_KEY_PAIR_ID": MEDIA_KEY_PAIR_ID,
            "DOOR_DIGESTS": "",
            "LANE_SEGMENTER": LANE_SEGMENTER,
            "LANE_SIDE_MAX": str(LANE_SIDE_MAX),
            "TRIAL_LIFE_S": str(TRIAL_LIFE_S),
            **{f"QUOTA_{quota.upper()}": str(QUOTAS.of(quota)) for quota in Quota},
            "REQUESTS_PER_MINUTE": "3000",
            **FLEET_SETTINGS,
        }
        with mock.patch.dict(os.environ, settings):
            edge.connect.cache_clear()
            lay_media_key()
            yield Account(urls, function)
            edge.connect.cache_clear()


@pytest.fixture(scope="module")
def account(whole_account: Account) -> dict[str, str]:
    """The queues' addresses."""
    return whole_account.urls


@pytest.fixture
def lane(whole_account: Account) -> aws.LaneFunction:
    """The function of the lane, as it is at the start: it finds what it is asked for and has not been called."""
    whole_account.lane.reply = lane_reply
    whole_account.lane.calls.clear()
    return whole_account.lane


@pytest.fixture
def new_table(account: dict[str, str]) -> None:
    """Without the rows of the tests before."""
    aws.forget_rows()


@pytest.fixture
def api(new_table: None) -> Api:
    return Api()


@pytest.fixture
def other(new_table: None) -> Api:
    """Another tenant of the same service."""
    return Api()
