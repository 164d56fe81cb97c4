"""Requests that nobody thought of, in process: none is a fault of ours and every answer is described.

The same cases go to the deployed stacks in tests/e2e/test_schemathesis.py.
"""

from __future__ import annotations

import base64
import json
import os
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from lambdas.serve_api.description import document
from lambdas.serve_api.routes import RESOURCES
from maskmill.core import rows
from maskmill.core.table import Put
from maskmill.core.usage import Quota
from tests.contract import aws
from tests.contract.api.cases import GOOD, World
from tests.contract.api.fuzz import fuzz
from tests.unit.lambdas.gateway import Api, claims_of, gateway_event

CASES = int(os.environ.get("CASES", "300"))
START = int(os.environ.get("START", "1"))


class InProcess(HTTPAdapter):
    """Hands what `requests` would send to the handler, as the gateway would."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body
        event = gateway_event(
            str(request.method),
            unquote(parts.path),
            claims=claims_of(self.api.tenant),
            body=None if body is None else base64.b64encode(body).decode(),
            is_base64=body is not None,
            headers={name.lower(): value for name, value in request.headers.items() if isinstance(value, str)},
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        )
        if "Content-Type" not in request.headers:
            del event["headers"]["content-type"]
        answer = self.api.send(event)
        raw = HTTPResponse(
            BytesIO(answer.text.encode()), headers=answer.headers, status=answer.status, preload_content=False
        )
        return self.build_response(request, raw)


def make_room(api: Api, *, keep: str) -> None:
    """A tenant has a few webhooks only: forget those that were drawn."""
    for hook in api.get("/webhooks").json["items"]:
        if hook["webhook_id"] != keep:
            api.call("DELETE", f"/webhooks/{hook['webhook_id']}")


@pytest.mark.slow
def test_no_request_is_a_fault_of_ours_and_every_answer_is_described(
    api: Api, lane: aws.LaneFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(api, lane, monkeypatch)
    api.ports.table.write(Put(rows.limits_key(api.tenant), {quota.value: 10**9 for quota in Quota}))
    session = requests.Session()
    session.mount("http://", InProcess(api))

    def things(name: str) -> dict[str, str]:
        if name.startswith("webhooks"):
            make_room(api, keep=world.webhook)
        if "remove" in name:
            return {**world.everything(), **GOOD[name](World(api, lane, monkeypatch)).ids}
        return world.everything()

    described = json.loads(json.dumps(document(RESOURCES)))
    report = fuzz(
        described, base_url="http://api.test/api/v1", session=session, things=things, cases=CASES, start=START
    )
    print("\n".join(report.lines()))
    assert report.faults == {}
    assert report.cases >= CASES - len(report.operations)
