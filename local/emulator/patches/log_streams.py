"""Name the stream in what is asked of a log group's streams. It knows no policy.

Reason: AWS authorises writing to a log on the stream (`…:log-group:name:log-stream:stream`), which the usual grant on
`…:log-group:name:*` covers; the emulator asks for the group alone, which that grant does not.
"""

import json
from contextlib import suppress
from typing import Any

from local.emulator.internals import internal


def apply() -> None:
    actions = internal("core.iam_actions")
    named = actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *more: Any, **options: Any
    ) -> Any:
        arn = named(service, method, path, headers, body, *more, **options)
        stream = _stream(body) if service == "logs" and ":log-group:" in str(arn) else ""
        return f"{arn}:log-stream:{stream}" if stream else arn

    actions.extract_resource_arn = extract_resource_arn


def _stream(body: bytes) -> str:
    """The stream that a request names; empty where it names none."""
    with suppress(ValueError):
        asked = json.loads(body)
        return str(asked.get("logStreamName", "")) if isinstance(asked, dict) else ""
    return ""
