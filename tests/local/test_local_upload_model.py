"""A package in S3 lies below its own digest, whole or not at all, and is sent once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.context import chosen
from local.upload_model import NotUploaded, main, upload
from maskmill.core.engines import Engine
from maskmill.core.package import MANIFEST, WEIGHTS, Manifest, PackagedFile
from tests.contract import aws

DATA, SOURCE = b"weights", "ab" * 32
BUCKET = aws.WORK


@pytest.fixture
def s3() -> Iterator[Any]:
    with aws.cloud():
        yield boto3.client("s3")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    weights = PackagedFile(name=WEIGHTS, size_bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
    version = f"sam-vit-b-{SOURCE[:12]}"
    manifest = Manifest(engine=Engine.SAM_VIT_B, version=version, source_sha256=SOURCE, dtype="bf16", files=(weights,))
    (tmp_path / WEIGHTS).write_bytes(DATA)
    (tmp_path / MANIFEST).write_text(manifest.model_dump_json())
    return tmp_path


def lying(s3: Any) -> dict[str, Any]:
    return {one["Key"]: one["LastModified"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def test_the_prefix_is_the_digest_of_the_manifest_and_the_stage_hands_it_to_the_server(s3: Any, package: Path) -> None:
    prefix = upload(s3, Engine.SAM_VIT_B, package, f"s3://{BUCKET}/models/")
    digest = hashlib.sha256((package / MANIFEST).read_bytes()).hexdigest()
    assert prefix == f"s3://{BUCKET}/models/sam-vit-b/{digest}/"
    assert set(lying(s3)) == {f"models/sam-vit-b/{digest}/{name}" for name in (WEIGHTS, MANIFEST)}
    segmenter = chosen({"segmenter": "sam-vit-b", "weights": prefix}).quality
    assert (segmenter.weights, segmenter.to_env()["PACKAGE_SHA256"]) == (prefix, digest)


def test_the_manifest_goes_last(s3: Any, package: Path) -> None:
    sent: list[str] = []
    s3.meta.events.register("provide-client-params.s3.PutObject", lambda params, **_: sent.append(params["Key"]))
    upload(s3, Engine.SAM_VIT_B, package, f"s3://{BUCKET}")
    assert [key.rpartition("/")[2] for key in sent] == [WEIGHTS, MANIFEST]


def test_what_lies_there_is_not_sent_again_and_another_package_lies_beside_it(s3: Any, package: Path) -> None:
    first = upload(s3, Engine.SAM_VIT_B, package, f"s3://{BUCKET}")
    before = lying(s3)
    assert upload(s3, Engine.SAM_VIT_B, package, f"s3://{BUCKET}") == first
    assert lying(s3) == before
    manifest = json.loads((package / MANIFEST).read_text())
    (package / MANIFEST).write_text(json.dumps({**manifest, "dtype": "fp32"}))
    assert upload(s3, Engine.SAM_VIT_B, package, f"s3://{BUCKET}") != first
    assert before.items() <= lying(s3).items()


@pytest.mark.parametrize("trouble", ["damaged", "missing", "no package", "another engine", "no bucket"])
def test_what_is_not_a_whole_package_is_not_sent(s3: Any, package: Path, trouble: str) -> None:
    engine, to = Engine.SAM_VIT_B, f"s3://{BUCKET}"
    if trouble == "damaged":
        (package / WEIGHTS).write_bytes(b"weighty")
    elif trouble == "missing":
        (package / WEIGHTS).unlink()
    elif trouble == "no package":
        (package / MANIFEST).unlink()
    elif trouble == "another engine":
        engine = Engine.SAM_VIT_H
    else:
        to = "/a/folder"
    with pytest.raises(NotUploaded):
        upload(s3, engine, package, to)
    assert lying(s3) == {}


def test_the_command_says_how_to_deploy_and_what_went_wrong(
    s3: Any, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--engine", "sam-vit-b", "--package", str(package), "--to"]
    assert main([*asked, f"s3://{BUCKET}"]) == 0
    assert "-c segmenter=sam-vit-b -c weights=s3://" in capsys.readouterr().out
    assert main([*asked, "s3://nobodys-bucket"]) == 1
    assert "sam-vit-b was not uploaded" in capsys.readouterr().err
