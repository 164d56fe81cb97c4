"""The SDK's clients, each made once per process on first use, with short timeouts and few retries of their own.

Longer patience is the queues' business: a call that stays unavailable fails its message, which comes again. They are
botocore's: boto3 adds nothing to a client but half as much time again before a function can begin.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.session import Session

ATTEMPTS_MAX = 3
CONNECT_TIMEOUT_S = 2
ANSWER_TIMEOUT_S = 65  # a realtime endpoint's own limit is 60
LANE_TIMEOUT_S = 24  # serve_api ends after 29 seconds and the gateway after 30

_one_at_a_time = Lock()


@cache
def _session() -> Session:
    return Session()


class _Client:
    """A client that is made by its first call: a function that has ten things to do needs few clients for any of them.

    A session makes one client at a time.
    """

    def __init__(self, service: str, **more: Any) -> None:
        self._made = cache(lambda: _session().create_client(service, **more))

    def __getattr__(self, name: str) -> Any:
        with _one_at_a_time:
            client = self._made()
        return getattr(client, name)


def _config(read_timeout_s: int, **more: Any) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        **more,
    )


@cache
def dynamodb() -> Any:
    return _Client("dynamodb", config=_config(4))


@cache
def s3() -> Any:
    """Its signed addresses name the bucket's regional host, as do the distribution and the page's policy."""
    hosts = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    return _Client("s3", config=_config(20, signature_version="s3v4", s3=hosts))


@cache
def sqs() -> Any:
    return _Client("sqs", config=_config(6))


@cache
def parameters() -> Any:
    return _Client("ssm", config=_config(4))


@cache
def functions() -> Any:
    """For the interactive lane: somebody waits, so a call that takes too long is not made again."""
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=LANE_TIMEOUT_S, retries={"total_max_attempts": 1})
    return _Client("lambda", config=config)


@cache
def sagemaker_runtime() -> Any:
    return _Client("sagemaker-runtime", config=_config(10))


@cache
def realtime_runtime() -> Any:
    """For a realtime endpoint: a request that takes too long is not made again by this call."""
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=ANSWER_TIMEOUT_S, retries={"total_max_attempts": 1})
    return _Client("sagemaker-runtime", config=config)


@cache
def sockets(url: str) -> Any:
    return _Client("apigatewaymanagementapi", endpoint_url=url, config=_config(3))


def forget() -> None:
    """Drop all clients; the next use makes new ones."""
    for client in (_session, dynamodb, s3, sqs, parameters, functions, sagemaker_runtime, realtime_runtime, sockets):
        client.cache_clear()
