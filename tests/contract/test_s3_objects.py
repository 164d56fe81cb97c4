"""What only the S3 adapter shows: metadata, media types, parts that are given back, races."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.aws import clients
from lambdas.aws.objects import PART_BYTES, S3Objects
from maskmill.core.errors import Unavailable
from tests.contract import aws


@pytest.fixture
def client() -> Iterator[Any]:
    with aws.cloud():
        yield clients.s3()


def test_an_object_carries_its_type_and_its_hash(client: Any) -> None:
    S3Objects(client, aws.MEDIA).put("k", b"data", media_type="image/webp")
    found = client.head_object(Bucket=aws.MEDIA, Key="k")
    assert found["ContentType"] == "image/webp"
    assert found["Metadata"] == {"sha256": hashlib.sha256(b"data").hexdigest()}


def test_a_large_stream_is_sent_in_parts_with_its_type(client: Any) -> None:
    with S3Objects(client, aws.MEDIA).stream("k", media_type="application/zip") as sink:
        sink.write(b"x" * (PART_BYTES + 5))
    found = client.head_object(Bucket=aws.MEDIA, Key="k")
    assert found["ContentLength"] == PART_BYTES + 5
    assert found["ContentType"] == "application/zip"
    assert found["ETag"].endswith('-2"')


def test_a_failed_stream_gives_its_parts_back(client: Any) -> None:
    def write_and_fail() -> None:
        with S3Objects(client, aws.MEDIA).stream("k", media_type="application/zip") as sink:
            sink.write(b"x" * (PART_BYTES + 5))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert client.list_multipart_uploads(Bucket=aws.MEDIA).get("Uploads", []) == []


class Racing:
    """A client whose first writes meet another writer of the same key."""

    def __init__(self, codes: list[str]) -> None:
        self.codes = codes

    def put_object(self, **_arguments: Any) -> None:
        if self.codes:
            error = {"Code": self.codes.pop(0), "Message": ""}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 409}}, "PutObject")


def test_a_race_for_the_first_write_is_run_again() -> None:
    race = ["ConditionalRequestConflict"] * 2
    assert S3Objects(Racing(list(race)), "b").put_first("k", b"", media_type="x") is True
    assert S3Objects(Racing([*race, "PreconditionFailed"]), "b").put_first("k", b"", media_type="x") is False


def test_a_race_without_end_is_left_for_later() -> None:
    with pytest.raises(Unavailable):
        S3Objects(Racing(["ConditionalRequestConflict"] * 50), "b").put_first("k", b"", media_type="x")


class Broken:
    """A client that takes parts and cannot complete or abort."""

    def __init__(self) -> None:
        self.aborted = 0

    def create_multipart_upload(self, **_arguments: Any) -> dict[str, str]:
        return {"UploadId": "u"}

    def upload_part(self, **_arguments: Any) -> dict[str, str]:
        return {"ETag": "e"}

    def complete_multipart_upload(self, **_arguments: Any) -> None:
        raise ClientError({"Error": {"Code": "InternalError"}}, "CompleteMultipartUpload")

    def abort_multipart_upload(self, **_arguments: Any) -> None:
        self.aborted += 1
        raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "AbortMultipartUpload")


def test_the_error_that_is_raised_is_the_one_that_came_first() -> None:
    client = Broken()

    def write() -> None:
        with S3Objects(client, "b").stream("k", media_type="x") as sink:
            sink.write(b"x" * PART_BYTES)

    with pytest.raises(Unavailable, match="CompleteMultipartUpload"):
        write()
    assert client.aborted == 1


class Stubborn:
    """A store that lists an object and keeps it."""

    def list_objects_v2(self, **_arguments: Any) -> dict[str, Any]:
        return {"Contents": [{"Key": "a"}, {"Key": "b"}], "IsTruncated": False}

    def delete_objects(self, **_arguments: Any) -> dict[str, Any]:
        return {"Errors": [{"Key": "a", "Code": "InternalError"}]}


def test_an_object_that_stays_makes_the_call_come_again() -> None:
    with pytest.raises(Unavailable, match="unavailable"):
        S3Objects(Stubborn(), aws.MEDIA).delete_some("")
