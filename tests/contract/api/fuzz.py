"""Requests drawn from the API's own description, against any place that serves it: answers must be as described.

Half of the requests are as the description allows and half are not, among these some without a token. Random ids are of
nobody, so most requests name what the tenant really has: otherwise everything would be refused at the door.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from tests.hostile.judge import INSIDES

CHECKED = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
PATIENCE_S = 60
REAL_SHARE = 0.8
ROUNDS_MAX = 20  # operations without parameters have one request only: the others get the rest
_UNKNOWN_MODEL = {503: {"model_unavailable"}, 504: {"model_timeout"}}  # of the segmenter, and described as such

Things = Callable[[str], Mapping[str, str]]  # the ids that a request of this name may use, made if need be


@dataclass
class Report:
    """What was asked and what came back; `faults` says what nobody described, once for each kind."""

    cases: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        by_status = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return [f"{self.cases} cases over {len(self.operations)} operations; {by_status}", *self.faults.values()]


def fuzz(
    document: dict[str, Any],
    *,
    base_url: str,
    session: requests.Session,
    things: Things,
    cases: int,
    start: int = 1,
    headers: Mapping[str, str] | None = None,
) -> Report:
    """Ask `cases` times, spread over all operations, from a seed."""
    report = Report()
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]

    def judge(case: Any, name: str) -> None:
        _judge(case, case.call(base_url=base_url, session=session, headers=headers, timeout=PATIENCE_S), name, report)

    for turn in range(start, start + ROUNDS_MAX):
        share = -(-(cases - report.cases) // len(operations))
        for operation in operations:
            name = str(operation.definition.raw["operationId"])
            chance = random.Random(f"{turn} {name}")
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                for case in _drawn(operation, mode, min(-(-share // 2), cases - report.cases), turn):
                    if chance.random() < REAL_SHARE:
                        _ground(case, things(name), chance)
                    judge(case, name)
    return report


def _drawn(operation: Any, mode: GenerationMode, count: int, turn: int) -> list[Any]:
    """Up to `count` requests for one operation; some have only one, and some no wrong one."""
    found: list[Any] = []
    if count <= 0:
        return found

    @seed(turn)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:
        found.append(case)

    with suppress(Unsatisfiable):
        draw()
    return found[:count]


def _ground(case: Any, real: Mapping[str, str], chance: random.Random) -> None:
    """Name in the path, and in what of a body names things, what the tenant has."""
    for place in case.path_parameters or {}:
        if place in real:
            case.path_parameters[place] = real[place]
    if isinstance(case.body, dict) and chance.random() < REAL_SHARE:
        case.body = _grounded(case.body, real)


def _grounded(value: Any, real: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_grounded(one, real) for one in value]
    if not isinstance(value, dict):
        return value
    known: dict[str, Any] = {
        "templates": [real["template"]],
        "image_ids": [real["image"]],
        "reference_image_id": real["image"],
        "template": real["template"],
    }
    found = {key: known[key] if key in known and one else _grounded(one, real) for key, one in value.items()}
    if isinstance(found.get("region"), str):
        found["region"] = real["template"]
    return found


def _judge(case: Any, response: Any, name: str, report: Report) -> None:
    report.cases += 1
    report.operations[name] += 1
    report.statuses[str(response.status_code)] += 1
    if response.status_code >= 500:
        code = response.json().get("code") if "json" in response.headers.get("content-type", [""])[0] else None
        if code not in _UNKNOWN_MODEL.get(response.status_code, ()):
            _note(report, name, response, f"a fault of ours ({code})", case)
    if response.status_code >= 400 and (inside := INSIDES.search(response.text)):
        _note(report, name, response, f"it tells of our insides ({inside[0]})", case)
    try:
        case.validate_response(response, checks=list(map(CHECKS.get_one, CHECKED)))
    except FailureGroup as group:
        for failure in group.exceptions:
            _note(report, name, response, f"{failure.title}: {failure.message}"[:600], case)


def _note(report: Report, name: str, response: Any, what: str, case: Any) -> None:
    key = f"{name} {response.status_code} {what[:60]}"
    report.faults.setdefault(key, f"{name} → {response.status_code}: {what}\n  {case.as_curl_command()[:600]}")
