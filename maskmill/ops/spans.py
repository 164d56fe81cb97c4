"""A job's lines as spans of OpenTelemetry (OTLP in JSON), one service for each part; it sends nothing.

The trace spans what no tracing of AWS does: the endpoint's queue. A collector draws the map of services from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from maskmill.ops.lines import Line

# Whose line may have led to a part's line: the road of a job, backwards.
LED_BY: Mapping[str, frozenset[str]] = {
    "plan-job": frozenset({"serve-api", "plan-job", "sweep"}),
    "dispatch-shard": frozenset({"plan-job", "dispatch-shard", "collect-masks", "sweep"}),
    "model": frozenset({"dispatch-shard"}),
    "collect-masks": frozenset({"model", "sweep"}),
    "render-item": frozenset({"collect-masks", "dispatch-shard", "sweep"}),
    "finish-job": frozenset({"render-item", "collect-masks", "dispatch-shard", "plan-job", "sweep"}),
    "export-dataset": frozenset({"finish-job", "export-dataset", "serve-api"}),
    "push-progress": frozenset({"finish-job", "export-dataset"}),
}
_SERVER, _ERROR = 2, 2
_TROUBLE = frozenset({"record failed", "record comes again", "request failed"})


def spans_of(job_id: str, lines: Iterable[Line], *, trace_id: str = "", version: str = "") -> dict[str, Any]:
    """An ExportTraceServiceRequest: a span for each line, which begins as long before it as the line says it took.

    `trace_id` is that of whoever submitted the job; without one the job's own id makes it.
    """
    trace = trace_id or hashlib.sha256(job_id.encode()).hexdigest()[:32]
    latest: dict[str, str] = {}
    by_source: dict[str, list[dict[str, Any]]] = {}
    for number, line in enumerate(sorted(lines)):
        span_id = hashlib.sha256(f"{job_id} {number}".encode()).hexdigest()[:16]
        led = [latest[source] for source in LED_BY.get(line.source, ()) if source in latest]
        span = _span(line, trace=trace, span_id=span_id, parent=max(led, default=""))
        latest[line.source] = f"{line.at.isoformat()} {span_id}"
        by_source.setdefault(line.source, []).append(span)
    return {"resourceSpans": [_resource(source, spans, version) for source, spans in by_source.items()]}


def _span(line: Line, *, trace: str, span_id: str, parent: str) -> dict[str, Any]:
    began = line.at - _took(line)
    status = {"code": _ERROR, "message": line.text("why")} if line.what in _TROUBLE else {}
    return {
        "traceId": trace,
        "spanId": span_id,
        **({"parentSpanId": parent.split()[-1]} if parent else {}),
        "name": line.what,
        "kind": _SERVER,
        "startTimeUnixNano": _nano(began),
        "endTimeUnixNano": _nano(line.at),
        "attributes": [_attribute(name, value) for name, value in sorted(line.fields.items()) if _is_plain(value)],
        "status": status,
    }


def _took(line: Line) -> timedelta:
    if line.text("took_ms").isdigit():
        return timedelta(milliseconds=int(line.text("took_ms")))
    try:
        return timedelta(seconds=max(0.0, float(line.text("seconds") or 0)))
    except (ValueError, OverflowError):
        return timedelta(0)


def _resource(source: str, spans: list[dict[str, Any]], version: str) -> dict[str, Any]:
    named = [_attribute("service.namespace", "maskmill"), _attribute("service.name", source)]
    scope = {"name": "maskmill.ops", "version": version}
    return {"resource": {"attributes": named}, "scopeSpans": [{"scope": scope, "spans": spans}]}


def _attribute(name: str, value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": name, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": name, "value": {"intValue": str(value)}}
    return {"key": name, "value": {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _nano(moment: datetime) -> str:
    """Exact: a float has no room for nanoseconds since 1970."""
    whole = int(moment.replace(microsecond=0).timestamp())
    return str(whole * 1_000_000_000 + moment.microsecond * 1_000)
