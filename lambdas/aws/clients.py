"""The SDK's clients, each made once per process on first use, with short timeouts and few retries of their own.

Longer patience is the queues' business: a call that stays unavailable fails its message, which comes again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

ATTEMPTS_MAX = 3
CONNECT_TIMEOUT_S = 2
ANSWER_TIMEOUT_S = 65  # a realtime endpoint's own limit is 60
LANE_TIMEOUT_S = 24  # serve_api ends after 29 seconds and the gateway after 30


def _config(read_timeout_s: int, **more: Any) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        **more,
    )


@cache
def dynamodb() -> Any:
    return boto3.client("dynamodb", config=_config(4))


@cache
def s3() -> Any:
    """Its signed addresses name the bucket's regional host, as do the distribution and the page's policy."""
    hosts = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    return boto3.client("s3", config=_config(20, signature_version="s3v4", s3=hosts))


@cache
def sqs() -> Any:
    return boto3.client("sqs", config=_config(6))


@cache
def parameters() -> Any:
    return boto3.client("ssm", config=_config(4))


@cache
def functions() -> Any:
    """For the interactive lane: somebody waits, so a call that takes too long is not made again."""
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=LANE_TIMEOUT_S, retries={"total_max_attempts": 1})
    return boto3.client("lambda", config=config)


@cache
def sagemaker_runtime() -> Any:
    return boto3.client("sagemaker-runtime", config=_config(10))


@cache
def realtime_runtime() -> Any:
    """For a realtime endpoint: a request that takes too long is not made again by this call."""
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=ANSWER_TIMEOUT_S, retries={"total_max_attempts": 1})
    return boto3.client("sagemaker-runtime", config=config)


@cache
def sockets(url: str) -> Any:
    return boto3.client("apigatewaymanagementapi", endpoint_url=url, config=_config(3))


def forget() -> None:
    """Drop all clients; the next use makes new ones."""
    for client in (dynamodb, s3, sqs, parameters, functions, sagemaker_runtime, realtime_runtime, sockets):
        client.cache_clear()
