"""Objects of S3 with the container's own role; it knows no image format and no model.

The only file of the model server that imports boto3.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from maskmill.core.errors import Code, InvalidInput, NotFound, Unavailable

_ATTEMPTS_MAX = 4
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_PIECE_BYTES = 4 * 1024 * 1024
_BROKEN = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
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
            raise _translated(error, address) from error
        except (BotoCoreError, OSError) as error:
            raise Unavailable(detail=f"{address}: {error}") from error
        return data

    def describe(self, address: str) -> tuple[int, str]:
        """The size in bytes of the object at `s3://bucket/key` and its ETag; raises NotFound or Unavailable."""
        try:
            answer = self._client.head_object(**_place(address))
        except ClientError as error:
            raise _translated(error, address) from error
        except (BotoCoreError, OSError) as error:
            raise Unavailable(detail=f"{address}: {error}") from error
        return int(answer["ContentLength"]), str(answer["ETag"])

    def download(self, address: str, path: Path, *, bytes_max: int) -> None:
        """The object at `s3://bucket/key` into a file, piece by piece; raises NotFound, InvalidInput or Unavailable.

        A connection that breaks is taken up again where it broke, a bounded number of times. Errors of the local disk
        are left as they are.
        """
        with path.open("wb") as file:
            for attempt in range(_ATTEMPTS_MAX):
                try:
                    self._go_on(address, file, bytes_max)
                    break
                except ClientError as error:
                    raise _translated(error, address) from error
                except _BROKEN as error:
                    if attempt + 1 == _ATTEMPTS_MAX:
                        raise Unavailable(detail=f"{address}: {error}") from error
                except BotoCoreError as error:
                    raise Unavailable(detail=f"{address}: {error}") from error

    def _go_on(self, address: str, file: IO[bytes], bytes_max: int) -> None:
        start = file.tell()
        place = _place(address) | ({"Range": f"bytes={start}-"} if start else {})
        answer = self._client.get_object(**place)
        with closing(answer["Body"]) as body:
            if start + answer["ContentLength"] > bytes_max:
                raise InvalidInput(Code.FILE_TOO_LARGE, detail=f"{answer['ContentLength']} bytes at {address}")
            for piece in body.iter_chunks(_PIECE_BYTES):
                file.write(piece)

    def put(self, address: str, data: bytes) -> None:
        """Write the object at `s3://bucket/key` whole, over what is there; raises Unavailable."""
        try:
            self._client.put_object(**_place(address), Body=data, ContentType="application/octet-stream")
        except (ClientError, BotoCoreError, OSError) as error:
            raise Unavailable(detail=f"{address}: {error}") from error


def _translated(error: ClientError, address: str) -> NotFound | Unavailable:
    if error.response.get("Error", {}).get("Code") in _MISSING:
        return NotFound(detail=address)
    return Unavailable(detail=f"{address}: {error}")


def _place(address: str) -> dict[str, str]:
    bucket = urlsplit(address, allow_fragments=False).netloc
    return {"Bucket": bucket, "Key": address.removeprefix(f"s3://{bucket}/")}  # a key may hold "?" and "#"
