"""Logs and metrics of the functions, set up in one place; it knows no function's business.

Log lines are JSON objects. What is done for a job carries the job's id as `correlation_id`, from the request that made
it to its last variant; metrics ride on log lines.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel

from maskmill.core.keys import parse_request
from maskmill.core.redaction import without_secrets

NAMESPACE = "Maskmill"
CORRELATION = "correlation_id"


@cache
def logger_of(function: str) -> Logger:
    """The logger of a function: one event, one line of ASCII without secrets, whatever the event holds."""
    return Logger(service=function, json_serializer=_one_line)


def _one_line(event: dict[str, Any]) -> str:
    return without_secrets(json.dumps(event, default=str, separators=(",", ":")))


def facts(value: object) -> dict[str, Any]:
    """What identifies a parsed record in the log: tenant, job, chunk, request and the like.

    The endpoint's notifications know no job, but the name of the request that they are about does.
    """
    found = _fields(value)
    request = parse_request(str(found.get("request_key", "")))
    if request is not None:
        found = {**found, **asdict(request)}
    return {CORRELATION: found["job_id"], **found} if "job_id" in found else found


def _fields(value: object) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude={"v"}, exclude_none=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: entry for name, entry in asdict(value).items() if entry is not None}
    return {}


def correlation(request_key: str) -> dict[str, str]:
    """What a request of the endpoint takes along for the model server's log: the job that it is for."""
    request = parse_request(request_key)
    return {} if request is None else {"CustomAttributes": f"{CORRELATION}={request.job_id}"}


def count(function: str, counts: Mapping[str, int]) -> None:
    """Publish counters of one run, with the job that its logger is at; nothing is written when there are none.

    They are told apart by function, and stages by their namespaces.
    """
    if not counts:
        return
    metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", NAMESPACE), service=function)
    job_id = logger_of(function).get_current_keys().get(CORRELATION)
    if job_id is not None:
        metrics.add_metadata(key=CORRELATION, value=job_id)
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()
