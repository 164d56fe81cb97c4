"""`make upload-model`: a packaged model into S3, below the SHA-256 of its manifest. It knows no stack.

    python -m local.upload_model --engine sam-vit-b --to s3://BUCKET/models

A prefix that is named by its content never changes: what an endpoint was deployed with stays what it was, and another
package is another prefix, which gives the endpoint a new model. The manifest goes last, so that a prefix is a whole
package or none. S3 computes the SHA-256 of what arrives and refuses what differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from local.models import MODELS
from maskmill.client.folder import hash_file
from maskmill.core.engines import Engine
from maskmill.core.package import MANIFEST, Manifest

SHA256_METADATA = "sha256"


class NotUploaded(RuntimeError):
    """There is nothing that could be uploaded, or nowhere; the message says what to do."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.upload_model", description=__doc__)
    engines = [engine for engine in Engine if engine.needs_checkpoint]
    parser.add_argument("--engine", type=Engine, required=True, choices=engines)
    parser.add_argument("--package", type=Path, help="its folder; else models/<engine>")
    parser.add_argument("--to", required=True, help="s3://BUCKET/PREFIX, in the account and region of the deployment")
    given = parser.parse_args(arguments)
    try:
        prefix = upload(boto3.client("s3"), given.engine, given.package or MODELS / given.engine, given.to)
    except (NotUploaded, S3UploadFailedError, BotoCoreError, ClientError) as error:
        print(f"{given.engine} was not uploaded: {error}", file=sys.stderr)
        return 1
    print(f"Deploy it with: -c segmenter={given.engine} -c weights={prefix}")
    return 0


def upload(s3: Any, engine: Engine, folder: Path, to: str) -> str:
    """The s3:// prefix that the package now lies below; a file that is there is not sent again. Raises NotUploaded."""
    place = urlsplit(to)
    if place.scheme != "s3" or not place.netloc:
        raise NotUploaded(f"{to!r} is no address such as s3://BUCKET/models")
    manifest = _checked(engine, folder)
    digest = hash_file(folder / MANIFEST).sha256
    below = "/".join(filter(None, (place.path.strip("/"), engine.value, digest)))
    files = {file.name: file.sha256 for file in manifest.files}
    for name, sha256 in (*files.items(), (MANIFEST, digest)):
        _send(s3, folder / name, place.netloc, f"{below}/{name}", sha256)
    return f"s3://{place.netloc}/{below}/"


def _checked(engine: Engine, folder: Path) -> Manifest:
    """The manifest of a package whose files are what it says."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise NotUploaded(f"{folder} holds no package; `make package-model ENGINE={engine}` makes one") from error
    if manifest.engine is not engine:
        raise NotUploaded(f"{folder} holds {manifest.engine}")
    for file in manifest.files:
        path = folder / file.name
        if not path.is_file() or hash_file(path).sha256 != file.sha256:
            raise NotUploaded(f"{path} is missing or damaged; package the model again")
    return manifest


def _send(s3: Any, path: Path, bucket: str, key: str, sha256: str) -> None:
    if _lies_there(s3, bucket, key, path.stat().st_size, sha256):
        print(f"{key} lies there already")
        return
    print(f"{key}: {path.stat().st_size:,} bytes ...", flush=True)
    more = {"ChecksumAlgorithm": "SHA256", "Metadata": {SHA256_METADATA: sha256}}
    s3.upload_file(str(path), bucket, key, ExtraArgs=more)


def _lies_there(s3: Any, bucket: str, key: str, size_bytes: int, sha256: str) -> bool:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return bool(found["ContentLength"] == size_bytes and found["Metadata"].get(SHA256_METADATA) == sha256)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
