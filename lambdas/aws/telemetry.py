"""Logs and metrics of the functions, set up in one place; it knows no function's business.

Log lines are JSON objects with the keys that tie the steps of a job together; metrics ride on log lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel

from maskmill.core.redaction import without_secrets

NAMESPACE = "Maskmill"


@cache
def logger_of(function: str) -> Logger:
    """The logger of a function: one event, one line of ASCII without secrets, whatever the event holds."""
    return Logger(service=function, json_serializer=_one_line)


def _one_line(event: dict[str, Any]) -> str:
    return without_secrets(json.dumps(event, default=str, separators=(",", ":")))


def facts(value: object) -> dict[str, Any]:
    """What identifies a parsed record in the log: tenant, job, chunk, request and the like."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude={"v"}, exclude_none=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: entry for name, entry in asdict(value).items() if entry is not None}
    return {}


def count(function: str, counts: Mapping[str, int]) -> None:
    """Publish counters of one run; nothing is written when there are none."""
    if not counts:
        return
    metrics = Metrics(namespace=NAMESPACE, service=function)
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()
