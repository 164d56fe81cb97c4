"""Requests as a stranger sends them: any method, path, header and form. It knows no client of the product."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.processes import DIRECT

BOUNDARY = "part-of-a-form"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever the status."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def values(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The `code` of a problem of ours; None for the gateway's own refusals and for everything else."""
        if not self.headers.get("Content-Type", "").startswith("application/problem+json"):
            return None
        return str(self.values["code"])


def send(
    url: str, method: str = "GET", *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    request = urllib.request.Request(url, method=method, data=body, headers=dict(headers or {}))
    try:
        with DIRECT.open(request, timeout=30) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), error.headers)


def post_form(url: str, fields: Mapping[str, str], data: bytes) -> Answer:
    """A browser's multipart/form-data: the fields and then the file."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = "".join([*parts, file]).encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    return send(url, "POST", headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body=body)
