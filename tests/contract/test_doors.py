"""Signed addresses: everything that a client could change is part of what was signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lambdas.aws import clients
from lambdas.aws.doors import S3Doors, attachment
from maskmill.core.limits import DOWNLOAD_URL_LIFE_S, UPLOAD_URL_LIFE_S
from tests.contract import aws

SHA256 = "ab" * 32


@pytest.fixture
def doors() -> Iterator[S3Doors]:
    with aws.cloud():
        yield S3Doors(clients.s3(), uploads_bucket=aws.UPLOADS, media_bucket=aws.MEDIA)


def conditions_of(fields: dict[str, str]) -> tuple[dict[str, Any], list[list[Any]], datetime]:
    policy = json.loads(base64.b64decode(fields["policy"]))
    exact: dict[str, Any] = {}
    ranges = []
    for condition in policy["conditions"]:
        if isinstance(condition, dict):
            exact |= condition
        else:
            ranges.append(condition)
    return exact, ranges, datetime.fromisoformat(policy["expiration"])


def test_a_form_pins_key_size_type_and_checksum_for_a_quarter_of_an_hour(doors: S3Doors) -> None:
    ticket = doors.upload("t/a/d/d1/i1", size_bytes=1234, sha256=SHA256)
    exact, ranges, expires = conditions_of(ticket.fields)
    assert exact["bucket"] == aws.UPLOADS
    assert exact["key"] == "t/a/d/d1/i1"
    assert exact["Content-Type"] == "application/octet-stream"
    assert exact["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert ranges == [["content-length-range", 1234, 1234]]
    assert 0 < (expires - datetime.now(UTC)).total_seconds() <= UPLOAD_URL_LIFE_S


def test_every_field_of_a_form_has_a_condition_with_its_value(doors: S3Doors) -> None:
    fields = doors.upload("t/a/d/d1/i1", size_bytes=1, sha256=SHA256).fields
    exact, _, _ = conditions_of(fields)
    for name, value in fields.items():
        if name not in {"policy", "x-amz-signature"}:
            assert exact[name] == value


def test_a_key_cannot_be_completed_by_the_client(doors: S3Doors) -> None:
    fields = doors.upload("t/a/d/d1/i1", size_bytes=1, sha256=SHA256).fields
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert not any(condition[0] == "starts-with" for condition in policy["conditions"] if isinstance(condition, list))


def test_a_download_is_signed_for_minutes_and_for_one_object(doors: S3Doors) -> None:
    url = urlsplit(doors.download("t/a/px/1/normal.png"))
    query = parse_qs(url.query)
    assert aws.MEDIA in url.netloc + url.path
    assert url.path.endswith("/t/a/px/1/normal.png")
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == [str(DOWNLOAD_URL_LIFE_S)]
    assert "response-content-disposition" not in query


def test_a_download_may_be_saved_under_a_name(doors: S3Doors) -> None:
    query = parse_qs(urlsplit(doors.download("k", filename="set.zip")).query)
    assert query["response-content-disposition"] == [attachment("set.zip")]
