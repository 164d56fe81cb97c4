"""The site port on S3: the files of the page with the headers that they are answered with; it knows no file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, translated
from maskmill.core.errors import Unavailable

DELETED_AT_ONCE_MAX = 1000


class S3Site:
    """The bucket that the page is served from."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def names(self) -> list[str]:
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            with translated("ListObjectsV2"):
                page = self._client.list_objects_v2(Bucket=self._bucket, **more)
            found += [entry["Key"] for entry in page.get("Contents", ())]
            if not page["IsTruncated"]:
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, name: str) -> bytes | None:
        with translated("GetObject"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=name)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            with closing(answer["Body"]) as body:
                return bytes(body.read())

    def write(self, name: str, data: bytes, *, media_type: str, caching: str, encoding: str | None = None) -> None:
        encoded = {} if encoding is None else {"ContentEncoding": encoding}
        with translated("PutObject"):
            self._client.put_object(
                Bucket=self._bucket, Key=name, Body=data, ContentType=media_type, CacheControl=caching, **encoded
            )

    def remove(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), DELETED_AT_ONCE_MAX):
            some = [{"Key": name} for name in names[start : start + DELETED_AT_ONCE_MAX]]
            with translated("DeleteObjects"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})
            if answer.get("Errors"):
                codes = sorted({error.get("Code", "") for error in answer["Errors"]})
                raise Unavailable(detail=f"DeleteObjects: {len(answer['Errors'])} of {len(some)} stayed: {codes}")
