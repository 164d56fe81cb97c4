"""What lies in the site bucket after releases of the page came and went, and what a deployment is told of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from unittest import mock

import pytest

from lambdas.aws import clients
from lambdas.aws.site import DELETED_AT_ONCE_MAX
from lambdas.publish_page import handler as edge
from lambdas.publish_page.decoder import NoDecoder, lay_decoder
from lambdas.publish_page.logic import (
    ANEW,
    FILES_MAX,
    FOR_EVER,
    RELEASES_KEPT,
    NoPage,
    Published,
    clear,
    publish,
)
from maskmill.core.errors import Unavailable
from maskmill.core.ports import ObjectMissing
from tests.contract import aws

CONFIG = '{"sign_in": {}, "version": "1"}'


@dataclass
class FakeSite:
    """The site in memory, with the order in which files were written."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str) -> bytes | None:
        return self.files[name]["data"] if name in self.files else None

    def write(self, name: str, data: bytes, *, media_type: str, caching: str, encoding: str | None = None) -> None:
        self.written.append(name)
        self.files[name] = {"data": data, "type": media_type, "caching": caching, "encoding": encoding}

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            del self.files[name]


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def page(number: int = 1, **more: bytes) -> bytes:
    """A built page whose only asset is named by its release."""
    return zipped({"index.html": b"<!doctype html>", f"assets/app-{number}.js": b"run()", **more})


def release(site: FakeSite, number: int) -> Published:
    return publish(site, page(number), release=f"r{number}", config=CONFIG)


def test_what_carries_its_hash_is_kept_by_browsers_for_ever_and_all_else_is_asked_for_anew() -> None:
    site = FakeSite()
    publish(site, page(**{"icon.svg": b"<svg/>"}), release="r1", config=CONFIG)
    caching = {name: file["caching"] for name, file in site.files.items()}
    assert caching.pop("assets/app-1.js") == FOR_EVER == "public, max-age=31536000, immutable"
    assert set(caching) == {"index.html", "config.json", "icon.svg", "releases.json"}
    assert set(caching.values()) == {ANEW} == {"no-cache"}


def test_a_page_may_have_as_many_files_as_are_allowed_and_no_more() -> None:
    files = {f"assets/{number}.js": b"" for number in range(FILES_MAX - 2)}
    assert publish(FakeSite(), page(**files), release="r1", config=CONFIG).written == FILES_MAX + 1
    with pytest.raises(NoPage, match="are allowed"):
        publish(FakeSite(), page(**files, **{"assets/more.js": b""}), release="r1", config=CONFIG)


def test_the_first_page_is_written_after_everything_else_of_its_release() -> None:
    site = FakeSite()
    publish(site, page(**{"zebra.svg": b"<svg/>"}), release="r1", config=CONFIG)
    laid = [name for name in site.written if name not in ("config.json", "releases.json")]
    assert laid == ["assets/app-1.js", "zebra.svg", "index.html"]


def test_nothing_names_a_file_that_is_not_there_yet() -> None:
    """A browser may ask between any two writes."""
    site = FakeSite()
    publish(site, page(**{"icon.svg": b"<svg/>"}), release="r1", config=CONFIG)
    assert site.written == ["assets/app-1.js", "icon.svg", "config.json", "index.html", "releases.json"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("assets/ort.wasm", "application/wasm"),
        ("assets/a.mjs", "text/javascript; charset=utf-8"),
        ("assets/a.css", "text/css; charset=utf-8"),
        ("assets/decoder.onnx", "application/octet-stream"),
        ("icon.SVG", "image/svg+xml"),
    ],
)
def test_files_are_answered_as_what_they_are(name: str, media_type: str) -> None:
    site = FakeSite()
    publish(site, page(**{name: b"x"}), release="r1", config=CONFIG)
    assert site.files[name]["type"] == media_type


@pytest.mark.parametrize("plain", [{}, {"assets/ort.wasm": b"plain"}])
def test_what_the_build_compressed_is_answered_compressed_under_its_own_name(plain: dict[str, bytes]) -> None:
    site = FakeSite()
    publish(site, page(**plain, **{"assets/ort.wasm.br": b"packed"}), release="r1", config=CONFIG)
    file = site.files["assets/ort.wasm"]
    assert (file["data"], file["encoding"], file["type"]) == (b"packed", "br", "application/wasm")
    assert "assets/ort.wasm.br" not in site.files
    assert site.files["assets/app-1.js"]["encoding"] is None


def test_the_page_is_told_what_the_deployment_says_and_not_what_was_built() -> None:
    site = FakeSite()
    publish(site, page(**{"config.json": b"{}"}), release="r1", config=CONFIG)
    assert site.files["config.json"]["data"].decode() == CONFIG


def test_a_tab_of_one_of_the_last_releases_still_finds_its_files_and_older_ones_go() -> None:
    site = FakeSite()
    for number in range(1, RELEASES_KEPT + 3):
        release(site, number)
    assets = {name for name in site.files if name.startswith("assets/")}
    assert assets == {f"assets/app-{number}.js" for number in range(3, RELEASES_KEPT + 3)}


def test_what_is_no_asset_goes_with_its_release() -> None:
    site = FakeSite()
    publish(site, page(**{"old.svg": b"<svg/>"}), release="r1", config=CONFIG)
    assert release(site, 2).removed == 1
    assert "old.svg" not in site.files


def test_publishing_again_changes_nothing_and_takes_no_releases_place() -> None:
    site = FakeSite()
    release(site, 1)
    for _ in range(RELEASES_KEPT + 1):
        assert release(site, 2).removed == 0
    assert "assets/app-1.js" in site.files


def test_going_back_to_an_earlier_release_brings_its_files_back() -> None:
    site = FakeSite()
    for number in (1, 2, 1):
        release(site, number)
    assert {"assets/app-1.js", "assets/app-2.js"} <= set(site.files)
    assert [one["name"] for one in json.loads(site.files["releases.json"]["data"])["releases"]] == ["r1", "r2"]


@pytest.mark.parametrize(
    "archive",
    [
        b"not a zip",
        zipped({"assets/app.js": b""}),
        zipped({"index.html": b"", **{f"assets/{number}": b"" for number in range(FILES_MAX)}}),
    ],
)
def test_what_is_no_page_leaves_the_one_before_as_it_is(archive: bytes) -> None:
    site = FakeSite()
    release(site, 1)
    before = dict(site.files)
    with pytest.raises(NoPage):
        publish(site, archive, release="r2", config=CONFIG)
    assert site.files == before


def test_clearing_leaves_nothing() -> None:
    site = FakeSite()
    release(site, 1)
    assert clear(site) == 4
    assert not site.files


# The decoder ----------------------------------------------------------------------------------------------------------

VERSION, SOURCE = "sam-vit-b-ec2df6273261", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"
DECODER = b"onnx"


def package(**changed: bytes) -> FakeObjects:
    """A packaged model below `sam/`, with a manifest that names its files."""
    files = [
        {"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in (("model.safetensors", b"weights"), ("decoder.onnx", DECODER))
    ]
    said = {"engine": "sam-vit-b", "version": VERSION, "source_sha256": SOURCE, "dtype": "fp32", "files": files}
    held = {"manifest.json": json.dumps(said).encode(), "decoder.onnx": DECODER} | changed
    return FakeObjects({f"sam/{name}": data for name, data in held.items() if data})


@dataclass
class FakeObjects:
    objects: dict[str, bytes]

    def get(self, key: str, *, bytes_max: int | None = None) -> bytes:
        if key not in self.objects:
            raise ObjectMissing(key)
        return self.objects[key]


def test_the_decoder_lies_where_the_api_says_and_stays_when_the_page_is_laid() -> None:
    site = FakeSite()
    name = lay_decoder(site, package(), prefix="sam/", version=VERSION)
    publish(site, page(), release="r1", config=CONFIG, beside=[name])
    assert name == f"models/{VERSION}/decoder.onnx"
    assert site.files[name] == {"data": DECODER, "type": "application/octet-stream", "caching": ANEW, "encoding": None}


@pytest.mark.parametrize(
    ("changed", "version", "why"),
    [
        ({"manifest.json": b""}, VERSION, "no sam/manifest.json"),
        ({"decoder.onnx": b""}, VERSION, "no sam/decoder.onnx"),
        ({"manifest.json": b"{}"}, VERSION, "is none"),
        ({"decoder.onnx": b"another"}, VERSION, "not the one"),
        ({}, "sam-vit-b-000000000000", "not of sam-vit-b-000000000000"),
    ],
)
def test_a_decoder_that_is_not_the_segmenters_is_not_laid(changed: dict[str, bytes], version: str, why: str) -> None:
    site = FakeSite()
    with pytest.raises(NoDecoder) as refused:
        lay_decoder(site, package(**changed), prefix="sam/", version=version)
    assert why in refused.value.detail
    assert not site.files


# The edge -------------------------------------------------------------------------------------------------------------


@dataclass
class Deployment:
    """Who gives orders, and the answers that came."""

    url: str
    answers: list[dict[str, Any]]

    def order(self, kind: str, **properties: Any) -> dict[str, Any]:
        ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Published"}
        return {**ids, "RequestType": kind, "ResponseURL": self.url, "ResourceProperties": properties}


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    answers: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.headers["Content-Type"] == ""  # the address is signed for none
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Deployment(f"http://127.0.0.1:{server.server_port}/answer", answers)
        server.shutdown()


@pytest.fixture
def bucket() -> Iterator[Any]:
    edge.connect.cache_clear()
    with aws.cloud(), mock.patch.dict(os.environ, {"SITE_BUCKET": aws.SITE}):
        clients.s3().create_bucket(Bucket="built")
        clients.s3().put_object(Bucket="built", Key="page.zip", Body=page(**{"assets/ort.wasm.br": b"packed"}))
        yield clients.s3()
    edge.connect.cache_clear()


pytestmark = pytest.mark.enable_socket
ARCHIVE = {"Archive": {"Bucket": "built", "Key": "page.zip"}, "Release": "r1", "Config": CONFIG}


def test_an_order_is_carried_out_and_answered(bucket: Any, deployment: Deployment) -> None:
    edge.handler(deployment.order("Create", **ARCHIVE), None)
    (answer,) = deployment.answers
    assert (answer["Status"], answer["RequestId"], answer["PhysicalResourceId"]) == ("SUCCESS", "request", "page")
    found = bucket.get_object(Bucket=aws.SITE, Key="assets/ort.wasm")
    assert (found["ContentEncoding"], found["ContentType"]) == ("br", "application/wasm")
    assert found["CacheControl"] == FOR_EVER
    assert bucket.get_object(Bucket=aws.SITE, Key="config.json")["Body"].read().decode() == CONFIG


def test_a_stack_that_goes_leaves_an_empty_bucket(bucket: Any, deployment: Deployment) -> None:
    edge.handler(deployment.order("Create", **ARCHIVE), None)
    edge.handler(deployment.order("Delete", **ARCHIVE), None)
    assert [answer["Status"] for answer in deployment.answers] == ["SUCCESS", "SUCCESS"]
    assert "Contents" not in bucket.list_objects_v2(Bucket=aws.SITE)


def test_a_deployment_hears_of_a_failure_at_once(bucket: Any, deployment: Deployment) -> None:
    """It would wait for an hour otherwise."""
    missing = {**ARCHIVE, "Archive": {"Bucket": "built", "Key": "missing.zip"}}
    edge.handler(deployment.order("Update", **missing), None)
    with mock.patch.dict(os.environ):
        del os.environ["SITE_BUCKET"]
        edge.connect.cache_clear()
        edge.handler(deployment.order("Update", **ARCHIVE), None)
    assert [answer["Status"] for answer in deployment.answers] == ["FAILED", "FAILED"]
    assert "SITE_BUCKET" in deployment.answers[1]["Reason"]


def test_a_page_whose_decoder_is_missing_is_published_without_it(bucket: Any, deployment: Deployment) -> None:
    decoder = {"Bucket": "built", "Prefix": "sam/", "Version": VERSION}
    edge.handler(deployment.order("Create", **ARCHIVE, Decoder=decoder), None)
    names = [entry["Key"] for entry in bucket.list_objects_v2(Bucket=aws.SITE)["Contents"]]
    assert "index.html" in names
    for key, data in package().objects.items():
        bucket.put_object(Bucket="built", Key=key, Body=data)
    edge.handler(deployment.order("Update", **ARCHIVE, Decoder=decoder), None)
    assert [answer["Status"] for answer in deployment.answers] == ["SUCCESS", "SUCCESS"]
    assert bucket.get_object(Bucket=aws.SITE, Key=f"models/{VERSION}/decoder.onnx")["Body"].read() == DECODER


def test_a_site_of_more_files_than_one_page_of_a_list_is_cleared_whole(bucket: Any, deployment: Deployment) -> None:
    for number in range(DELETED_AT_ONCE_MAX + 1):
        bucket.put_object(Bucket=aws.SITE, Key=f"assets/{number}.js", Body=b"")
    edge.handler(deployment.order("Delete", **ARCHIVE), None)
    assert "Contents" not in bucket.list_objects_v2(Bucket=aws.SITE)


def test_an_answer_that_nobody_takes_fails_the_run_so_that_it_comes_again(bucket: Any) -> None:
    """Lambda runs a function again whose deployment called it and which failed; publishing again changes nothing."""
    nobody = Deployment("http://127.0.0.1:9/answer", [])
    with pytest.raises(Unavailable):
        edge.handler(nobody.order("Create", **ARCHIVE), None)
