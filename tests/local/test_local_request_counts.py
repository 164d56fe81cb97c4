"""A request is counted by the service and the operation that AWS would bill."""

from __future__ import annotations

import pytest

from local.emulator.patches.request_counts import Counts, _counting, _rows_asked_for, _rows_written, operation


def signed(service: str, **more: str) -> dict[str, str]:
    scope = (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20261101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
    return {"authorization": scope, **{name.replace("_", "-"): value for name, value in more.items()}}


URL = {"X-Amz-Credential": ["AKIA/20261101/us-east-1/s3/aws4_request"]}


@pytest.mark.parametrize(
    ("method", "path", "headers", "query", "name"),
    [
        ("POST", "/", signed("dynamodb", x_amz_target="DynamoDB_20120810.GetItem"), {}, "dynamodb GetItem"),
        ("POST", "/", signed("sqs", x_amz_target="AmazonSQS.SendMessageBatch"), {}, "sqs SendMessageBatch"),
        ("POST", "/", signed("sns"), {}, "sns POST"),
        ("GET", "/media/a", signed("s3"), {}, "s3 GetObject"),
        ("HEAD", "/media/a", signed("s3"), {}, "s3 HeadObject"),
        ("PUT", "/media/a", signed("s3"), {}, "s3 PutObject"),
        ("PUT", "/media/a", signed("s3"), {"uploadId": ["u"], "partNumber": ["1"]}, "s3 UploadPart"),
        ("POST", "/media/a", signed("s3"), {"uploads": [""]}, "s3 CreateMultipartUpload"),
        ("POST", "/media/a", signed("s3"), {"uploadId": ["u"]}, "s3 CompleteMultipartUpload"),
        ("GET", "/media", signed("s3"), {"list-type": ["2"]}, "s3 ListObjectsV2"),
        ("GET", "/media/a", {}, URL, "s3 GetObject by a signed address"),
        ("POST", "/uploads", {}, {}, "s3 PostObject"),
        ("POST", "/2015-03-31/functions/lane/invocations", signed("lambda"), {}, "lambda Invoke"),
        ("GET", "/_aws/execute-api/api/$default/api/v1/jobs", {}, {}, "api request"),
        ("POST", "/_local/requests", {}, {}, None),
        ("GET", "/_ministack/health", {}, {}, None),
        ("GET", "/favicon.ico", {}, {}, None),
    ],
)
def test_a_request_is_named(
    method: str, path: str, headers: dict[str, str], query: dict[str, list[str]], name: str | None
) -> None:
    assert operation(method, path, headers, query) == name


def test_counts_start_anew_when_they_are_taken_for_good() -> None:
    counts = Counts()
    for name in ("b", "a", "b"):
        counts.add(name)
    counts.ran("f", 0.25)
    counts.ran("f", 0.5)
    assert list(counts.taken(reset=False)["counts"].items()) == [("a", 1), ("b", 2)]
    assert counts.taken(reset=True) == {"counts": {"a": 1, "b": 2}, "seconds": {"f": 0.75}}
    assert counts.taken(reset=True) == {"counts": {}, "seconds": {}}


def test_rows_of_a_request_for_many_are_counted_beside_it() -> None:
    counts = Counts()
    read = _counting(counts, "BatchGetItem", lambda data: data, _rows_asked_for)
    write = _counting(counts, "TransactWriteItems", lambda data: data, _rows_written)
    asked = {"RequestItems": {"table": {"Keys": [{}, {}]}, "other": {"Keys": [{}]}}}
    assert read(asked) is asked
    write({"TransactItems": [{}, {}]})
    assert counts.taken(reset=True)["counts"] == {
        "rows dynamodb BatchGetItem": 3,
        "rows dynamodb TransactWriteItems": 2,
    }
