"""The model server's log: one JSON object per line, without secrets; it knows nothing of what is told.

A line's own fields come from `extra={"facts": {...}}`. With a namespace, the facts of an invocation are also metrics:
CloudWatch reads them from the same line (the embedded metric format), so that the server calls no API for them.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from maskmill.core.redaction import without_secrets

_TRACE_CHARS_MAX = 16_000  # CloudWatch cuts longer events into pieces that are no JSON any more
_UNITS = {"images": "Count", "masks": "Count", "failed": "Count", "seconds": "Seconds"}


def start_logging(level: int = logging.INFO) -> None:
    """Send everything that is logged to standard output, as JSON lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """A record as one line of JSON in ASCII, which no line separator can part."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-_TRACE_CHARS_MAX:]
        return without_secrets(json.dumps(line, default=str))


def as_metrics(facts: Mapping[str, Any], *, namespace: str, segmenter: str, at_ms: int) -> dict[str, Any]:
    """An invocation's facts with what CloudWatch needs to count them, by segmenter."""
    measured = [name for name in _UNITS if name in facts]
    directive = {
        "Namespace": namespace,
        "Dimensions": [["segmenter"]],
        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in measured],
    }
    return {**facts, "segmenter": segmenter, "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive]}}
