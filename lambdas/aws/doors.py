"""Signed addresses of S3, with which clients move bytes themselves; it knows the buckets and not who may ask."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from lambdas.aws.faults import translated
from maskmill.core.limits import DOWNLOAD_URL_LIFE_S, UPLOAD_URL_LIFE_S
from maskmill.core.ports import PostTicket

UPLOAD_MEDIA_TYPE = "application/octet-stream"


class S3Doors:
    """Uploads go into one bucket, downloads come out of another."""

    def __init__(self, client: Any, *, uploads_bucket: str, media_bucket: str) -> None:
        self._client = client
        self._uploads_bucket = uploads_bucket
        self._media_bucket = media_bucket

    def upload(self, key: str, *, size_bytes: int, sha256: str) -> PostTicket:
        """Key, size, media type and SHA-256 are conditions of the signature; S3 refuses a form that differs."""
        fields = {
            "Content-Type": UPLOAD_MEDIA_TYPE,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode("ascii"),
        }
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", size_bytes, size_bytes])
        with translated("presigned POST"):
            signed = self._client.generate_presigned_post(
                self._uploads_bucket, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=UPLOAD_URL_LIFE_S
            )
        return PostTicket(url=signed["url"], fields=signed["fields"])

    def download(self, key: str, *, filename: str | None = None) -> str:
        params = {"Bucket": self._media_bucket, "Key": key}
        if filename is not None:
            params["ResponseContentDisposition"] = attachment(filename)
        with translated("presigned GET"):
            return str(self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=DOWNLOAD_URL_LIFE_S))


def attachment(filename: str) -> str:
    """A Content-Disposition that saves under this name (RFC 6266): a plain fallback and the name in UTF-8."""
    fallback = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in filename)
    exact = quote(filename.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{exact}"
