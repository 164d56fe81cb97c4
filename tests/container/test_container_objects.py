"""The S3 adapter of the ImageSource and ObjectStore ports on an S3 of moto, and its errors."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from inference_container.objects import S3Objects
from maskmill.core.errors import Code, InvalidInput, NotFound, Unavailable


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Objects]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="pictures")
        client.put_object(Bucket="pictures", Key="t/a b?c#d.png", Body=b"12345")
        yield S3Objects()


def test_an_object_is_read_whole_whatever_its_name(source: S3Objects) -> None:
    assert source.read("s3://pictures/t/a b?c#d.png", bytes_max=5) == b"12345"


@pytest.mark.parametrize("address", ["s3://pictures/gone.png", "s3://nobodys/gone.png"])
def test_what_is_missing_is_not_found(source: S3Objects, address: str) -> None:
    with pytest.raises(NotFound):
        source.read(address, bytes_max=5)


def test_what_is_too_large_is_not_read(source: S3Objects) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.read("s3://pictures/t/a b?c#d.png", bytes_max=4)
    assert caught.value.code is Code.FILE_TOO_LARGE


def test_what_cannot_be_reached_may_work_later(source: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    class Unreachable:
        def get_object(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="http://nowhere")

    source._client = Unreachable()
    with pytest.raises(Unavailable):
        source.read("s3://pictures/a.png", bytes_max=4)


def test_what_was_put_is_read_and_may_be_overwritten(source: S3Objects) -> None:
    address = "s3://pictures/t/a b?c#d.embedding"
    for data in (b"first", b"second"):
        source.put(address, data)
        assert source.read(address, bytes_max=10) == data


def test_what_cannot_be_put_may_work_later(source: S3Objects) -> None:
    with pytest.raises(Unavailable):
        source.put("s3://nobodys/a.embedding", b"1")
