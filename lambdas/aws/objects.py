"""The objects port on S3: an object is complete or absent; it knows no keys and no content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from lambdas.aws.faults import code_of, translated
from maskmill.core.errors import Code, InvalidInput, MaskmillError, Unavailable
from maskmill.core.ports import ObjectInfo, ObjectMissing

PART_BYTES = 8 * 1024 * 1024
SHA256_METADATA = "sha256"
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = "PreconditionFailed"
_RACING = "ConditionalRequestConflict"
_RACE_ATTEMPTS_MAX = 5


class S3Objects:
    """One bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes:
        with translated("GetObject"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    raise ObjectMissing(key) from error
                raise
            with closing(answer["Body"]) as body:
                if bytes_max is not None and answer["ContentLength"] > bytes_max:
                    detail = f"{key} has {answer['ContentLength']} bytes, allowed are {bytes_max}"
                    raise InvalidInput(Code.FILE_TOO_LARGE, detail=detail)
                return bytes(body.read())

    def head(self, key: str) -> ObjectInfo | None:
        with translated("HeadObject"):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
        return ObjectInfo(size_bytes=answer["ContentLength"], sha256=answer["Metadata"].get(SHA256_METADATA))

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        with translated("PutObject"):
            self._client.put_object(**self._object(key, data, media_type))

    def put_first(self, key: str, data: bytes, *, media_type: str) -> bool:
        for _ in range(_RACE_ATTEMPTS_MAX):
            with translated("PutObject"):
                try:
                    self._client.put_object(**self._object(key, data, media_type), IfNoneMatch="*")
                except ClientError as error:
                    if code_of(error) == _TAKEN:
                        return False
                    if code_of(error) == _RACING:
                        continue
                    raise
            return True
        raise Unavailable(detail="PutObject: others keep writing under the same key")

    @contextmanager
    def stream(self, key: str, *, media_type: str) -> Iterator[_Multipart]:
        sink = _Multipart(self._client, self._bucket, key, media_type)
        try:
            yield sink
        except BaseException:
            sink.abort()
            raise
        if sink.is_small:
            self.put(key, sink.rest, media_type=media_type)
        else:
            sink.complete()

    def delete(self, key: str) -> None:
        with translated("DeleteObject"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def delete_some(self, prefix: str) -> bool:
        with translated("ListObjectsV2"):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix)
        found = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
        if found:
            with translated("DeleteObjects"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})
            if answer.get("Errors"):
                codes = sorted({error.get("Code", "") for error in answer["Errors"]})
                raise Unavailable(detail=f"DeleteObjects: {len(answer['Errors'])} of {len(found)} stayed: {codes}")
        return bool(page["IsTruncated"])

    def _object(self, key: str, data: bytes, media_type: str) -> dict[str, Any]:
        return {
            "Bucket": self._bucket,
            "Key": key,
            "Body": data,
            "ContentType": media_type,
            "Metadata": {SHA256_METADATA: hashlib.sha256(data).hexdigest()},
        }


class _Multipart:
    """Collects bytes and sends them in parts; nothing is visible before `complete`."""

    def __init__(self, client: Any, bucket: str, key: str, media_type: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._media_type = media_type
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    @property
    def is_small(self) -> bool:
        """Whether everything still fits into one write."""
        return self._upload_id is None

    @property
    def rest(self) -> bytes:
        return bytes(self._buffer)

    def write(self, data: bytes, /) -> int:
        view = memoryview(data)
        while len(view) > 0:
            room = PART_BYTES - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == PART_BYTES:
                self._send_part()
        return len(data)

    def _send_part(self) -> None:
        number = len(self._parts) + 1
        with translated("UploadPart"):
            if self._upload_id is None:
                begun = self._client.create_multipart_upload(**self._where, ContentType=self._media_type)
                self._upload_id = begun["UploadId"]
            answer = self._client.upload_part(
                **self._where, UploadId=self._upload_id, PartNumber=number, Body=bytes(self._buffer)
            )
        part = {name: answer[name] for name in ("ETag", "ChecksumCRC32") if name in answer}
        self._parts.append(part | {"PartNumber": number})
        self._buffer.clear()

    def complete(self) -> None:
        try:
            if self._buffer:
                self._send_part()
            with translated("CompleteMultipartUpload"):
                self._client.complete_multipart_upload(
                    **self._where, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
                )
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Give the parts back; what stays behind when this fails is removed by the bucket's lifecycle rule."""
        if self._upload_id is None:
            return
        with suppress(MaskmillError), translated("AbortMultipartUpload"):
            self._client.abort_multipart_upload(**self._where, UploadId=self._upload_id)
