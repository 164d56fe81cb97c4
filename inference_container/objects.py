"""Objects of S3 with the container's own role; it knows no image format and no model.

The only file of the model server that imports boto3.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from maskmill.core.errors import Code, InvalidInput, NotFound, Unavailable

_ATTEMPTS_MAX = 4
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404"})


class S3Objects:
    """Reads and writes whole objects; safe to use from several threads."""

    def __init__(self, endpoint_url: str | None = None) -> None:
        """`endpoint_url` replaces AWS's own address; such stand-ins are spoken to with the bucket in the path."""
        config = Config(
            signature_version="s3v4",
            retries={"total_max_attempts": _ATTEMPTS_MAX, "mode": "standard"},
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            s3={"addressing_style": "path" if endpoint_url else "auto"},
        )
        self._client: Any = boto3.client("s3", endpoint_url=endpoint_url, config=config)

    def read(self, address: str, *, bytes_max: int) -> bytes:
        """The object at `s3://bucket/key`; the errors are those of the ImageSource port."""
        try:
            answer = self._client.get_object(**_place(address))
            with answer["Body"] as body:
                if answer["ContentLength"] > bytes_max:
                    raise InvalidInput(Code.FILE_TOO_LARGE, detail=f"{answer['ContentLength']} bytes at {address}")
                data: bytes = body.read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise NotFound(detail=address) from error
            raise Unavailable(detail=f"{address}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise Unavailable(detail=f"{address}: {error}") from error
        return data

    def put(self, address: str, data: bytes) -> None:
        """Write the object at `s3://bucket/key` whole, over what is there; raises Unavailable."""
        try:
            self._client.put_object(**_place(address), Body=data, ContentType="application/octet-stream")
        except (ClientError, BotoCoreError, OSError) as error:
            raise Unavailable(detail=f"{address}: {error}") from error


def _place(address: str) -> dict[str, str]:
    bucket = urlsplit(address, allow_fragments=False).netloc
    return {"Bucket": bucket, "Key": address.removeprefix(f"s3://{bucket}/")}  # a key may hold "?" and "#"
