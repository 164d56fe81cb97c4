"""Lines of all logs of a stage that hold a text, parsed and in order; it knows no job.

client.filter_log_events   one call and its pages for each group, bounded in time, lines and pages
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maskmill.core.redaction import without_secrets

LINES_MAX = 5_000  # of one group
PAGES_MAX = 200  # of one group: many of them may be empty
_FOLDERS = ("/aws/lambda/{}-", "/aws/sagemaker/Endpoints/{}", "/aws/vendedlogs/{}-")


@dataclass(frozen=True, slots=True)
class Span:
    """A time to look at, in UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One event of a log: when it was written, by which part of the service, and its fields."""

    at: datetime
    source: str
    fields: dict[str, Any] = field(compare=False)

    @property
    def what(self) -> str:
        """The message, or what stands for it in lines of metrics and of the gateway."""
        return str(self.fields.get("message") or ("counted" if "_aws" in self.fields else self.fields.get("route", "")))

    def text(self, name: str) -> str:
        """A field as a text; empty where there is none."""
        value = self.fields.get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Found:
    """Lines in the order of their times, and the groups of which some were left out."""

    lines: tuple[Line, ...]
    cut: tuple[str, ...] = ()


class Logs:
    """The logs of one stage; `prefix` begins the names of its functions, for example maskmill-dev."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self.groups = tuple(self._named())

    def _named(self) -> Iterable[str]:
        for folder in _FOLDERS:
            pages = self._client.get_paginator("describe_log_groups")
            for page in pages.paginate(logGroupNamePrefix=folder.format(self._prefix)):
                yield from (group["logGroupName"] for group in page["logGroups"])

    def source(self, group: str) -> str:
        """What a group's lines are called: serve-api, model, edge."""
        if group.startswith("/aws/sagemaker/"):
            return "model"
        return group.rsplit("/", 1)[-1].removeprefix(f"{self._prefix}-")

    def holding(self, text: str, span: Span, *, sources: frozenset[str] | None = None) -> Found:
        """Every line with this text, of all groups or of those that are called so."""
        lines: list[Line] = []
        cut: list[str] = []
        for group in self.groups:
            source = self.source(group)
            if sources is None or source in sources:
                events, is_whole = self._events(group, text, span)
                lines += [_line(source, event) for event in events]
                cut += [] if is_whole else [source]
        return Found(tuple(sorted(lines)), tuple(cut))

    def _events(self, group: str, text: str, span: Span) -> tuple[list[dict[str, Any]], bool]:
        asked: dict[str, Any] = {
            "logGroupName": group,
            "filterPattern": f'"{text}"',
            "startTime": _ms(span.since),
            "endTime": _ms(span.until),
        }
        events: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            answer = self._client.filter_log_events(**asked)
            events += answer["events"]
            if len(events) > LINES_MAX:
                return events[:LINES_MAX], False
            if not answer.get("nextToken"):
                return events, True
            asked["nextToken"] = answer["nextToken"]
        return events, False


def _line(source: str, event: dict[str, Any]) -> Line:
    """With the time that the line itself tells, where it does: it may have been carried to the log later."""
    fields = _fields(event["message"])
    try:
        at = datetime.fromisoformat(str(fields.get("at"))).astimezone(UTC)
    except ValueError:
        at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return Line(at, source, fields)


def _fields(message: str) -> dict[str, Any]:
    """A line's fields; a line that is no JSON, such as the runtime's own, is its message."""
    text = without_secrets(message.strip())
    try:
        found = json.loads(text)
    except ValueError:
        return {"message": text}
    return found if isinstance(found, dict) else {"message": text}


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
