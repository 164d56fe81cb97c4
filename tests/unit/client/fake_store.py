"""The object store of the fake service: presigned forms and addresses over real HTTP; it knows no datasets."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP

RANGE = re.compile(r"bytes=(\d+)-")


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None  # the connection breaks after so many bytes of the body
    cookies: tuple[str, ...] = ()


@dataclass
class FakeStore:
    """Objects by key; forms are one-use promises of a key, a size and a hash."""

    objects: dict[str, bytes] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    reads: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    post_faults: list[int] = field(default_factory=list)
    read_faults: dict[str, list[Answer]] = field(default_factory=dict)  # by key; taken one by one
    delay_s: float = 0.0  # before a post is answered
    cuts: list[int] = field(default_factory=list)  # for the next reads of .zip objects

    def form_fields(self, key: str, *, size_bytes: int, sha256: str) -> dict[str, str]:
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        return {
            "key": key,
            "Content-Type": "application/octet-stream",
            "x-amz-checksum-sha256": digest,
            "policy": str(size_bytes),
        }

    def post(self, content_type: str, body: bytes) -> Answer:
        parts = _parts(content_type, body)
        names = [name for name, _ in parts]
        if names[-1] != "file" or names.count("file") != 1:
            return Answer(400, b"<Error><Code>InvalidArgument</Code></Error>")
        fields = {name: content.decode() for name, content in parts[:-1]}
        data = parts[-1][1]
        self.posts.append(fields["key"])
        if self.post_faults:
            status = self.post_faults.pop(0)
            return Answer(status, b"<Error><Code>AccessDenied</Code></Error>")
        if len(data) != int(fields["policy"]):
            return Answer(400, b"<Error><Code>EntityTooLarge</Code></Error>")
        if base64.b64encode(hashlib.sha256(data).digest()).decode() != fields["x-amz-checksum-sha256"]:
            return Answer(400, b"<Error><Code>BadDigest</Code></Error>")
        self.objects[fields["key"]] = data
        time.sleep(self.delay_s)
        return Answer(204)

    def read(self, key: str, headers: dict[str, str]) -> Answer:
        self.reads.append((key, headers))
        if self.read_faults.get(key):
            return self.read_faults[key].pop(0)
        if key not in self.objects:
            return Answer(404)
        data = self.objects[key]
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        if headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        if headers.get("if-match", etag) != etag:
            return Answer(412)
        cut_at = self.cuts.pop(0) if self.cuts and key.endswith(".zip") else None
        if found := RANGE.fullmatch(headers.get("range", "")):
            start = int(found.group(1))
            where = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return Answer(206, data[start:], {"ETag": etag, "Content-Range": where}, cut_at)
        return Answer(200, data, {"ETag": etag}, cut_at)


def _parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        found.append((str(part.get_param("name", header="content-disposition")), content))
    return found
